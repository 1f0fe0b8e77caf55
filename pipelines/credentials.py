"""The keys that company.yml names and the environment holds, and the one of the company's pseudonyms."""

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from connectors.errors import SourceError
from connectors.personal import Pseudonyms


def google_credentials(spec: str, scopes: Sequence[str], where: str) -> Credentials:
    """The credentials of a source: ``none``, or ``env:NAME`` of the variable that holds a key file's path.

    ``where`` names the entry, ``company.yml: sources.ga4.credentials``. Google's default credentials are never looked
    for: the search ends at a metadata server, 12 silent seconds away. Raises SourceError that never shows what the
    variable or the file holds.
    """
    if spec == "none":
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    variable = spec.removeprefix("env:")
    value = os.environ.get(variable)
    if not value:
        raise SourceError(where, f"the environment variable {variable} is not set", _REMEDY.format(variable=variable))
    path = Path(value).expanduser()
    try:
        key: Credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
            str(path), scopes=list(scopes)
        )
    except OSError as error:
        problem = f"the file that {variable} names cannot be read: {error.strerror}"
        raise SourceError(where, problem, _REMEDY.format(variable=variable)) from None
    except (ValueError, KeyError, AttributeError, TypeError, GoogleAuthError):
        problem = f"the file that {variable} names is not the key of a service account"
        remedy = "in Google Cloud, make a service account and a key of type JSON for it, and name that file"
        raise SourceError(where, problem, remedy) from None
    return key


_REMEDY = "set {variable} to the path of the service account's key file (JSON), where this user can read it"


def api_token(spec: str, where: str, found: str) -> str | None:
    """The token of a source: ``None`` for ``none``, or what the variable of ``env:NAME`` holds.

    ``where`` names the entry, ``found`` says where a person gets a token. Raises SourceError that never shows it.
    """
    if spec == "none":
        return None
    variable = spec.removeprefix("env:")
    token = os.environ.get(variable, "").strip()
    if not token:
        problem = f"the environment variable {variable} is not set"
        raise SourceError(where, problem, f"set {variable} to the API token; {found}")
    if not re.fullmatch(r"[!-~]+", token):
        problem = f"what {variable} holds is no token: it has spaces, line breaks or letters beyond ASCII"
        raise SourceError(where, problem, f"copy the token again, alone; {found}")
    return token


def company_key(state: Path) -> bytes:
    """The key of the company's pseudonyms: made on first use in its state folder, for this user alone.

    Without it nobody is recognised again: whoever backs up the warehouse backs up the key, at another place.
    """
    path = state / "key"
    state.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = state / f"key.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, it never replaces the key that another process just made
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_bytes()
    if len(key) != 32:
        remedy = "put the company's key back from its backup; with another key every person would be a new one"
        raise SourceError(str(path), "is not the key of the company's pseudonyms", remedy)
    if path.stat().st_mode & 0o077:
        raise SourceError(str(path), "can be read by other users of this machine", f"run: chmod 600 {path}")
    return key


FORGOTTEN = "forgotten"
"""The file of tombstones in the state folder, one in a line."""


def tombstones(state: Path) -> frozenset[str]:
    path = state / FORGOTTEN
    return frozenset(path.read_text().split()) if path.exists() else frozenset()


def pseudonyms(state: Path) -> Pseudonyms:
    """The company's pseudonyms, and who must not be loaded again. Raises SourceError as :func:`company_key`."""
    return Pseudonyms(company_key(state), tombstones(state))
