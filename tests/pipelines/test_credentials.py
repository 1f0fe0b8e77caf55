import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

from connectors.errors import SourceError
from pipelines.credentials import api_token, company_key, google_credentials

WHERE = "company.yml: sources.ga4.credentials"
SCOPES = ["https://www.googleapis.com/auth/analytics.readonly"]


def refused(monkeypatch: pytest.MonkeyPatch, value: str | None) -> SourceError:
    monkeypatch.delenv("GA4_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("GA4_KEY", value)
    with pytest.raises(SourceError) as refusal:
        google_credentials("env:GA4_KEY", SCOPES, WHERE)
    assert refusal.value.where == WHERE
    return refusal.value


def test_none_is_anonymous() -> None:
    assert isinstance(google_credentials("none", SCOPES, WHERE), AnonymousCredentials)


def test_the_key_of_a_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.json").write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "reader@project.iam.gserviceaccount.com",
                "private_key": key.decode(),
                "private_key_id": "1",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )
    )
    monkeypatch.setenv("GA4_KEY", str(tmp_path / "key.json"))
    credentials = google_credentials("env:GA4_KEY", SCOPES, WHERE)
    assert isinstance(credentials, service_account.Credentials)
    assert credentials.scopes == SCOPES
    assert credentials.service_account_email == "reader@project.iam.gserviceaccount.com"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    error = refused(monkeypatch, value)
    assert error.problem == "the environment variable GA4_KEY is not set"
    assert error.remedy.startswith("set GA4_KEY to the path")


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(monkeypatch, str(tmp_path / "key.json"))
    assert error.problem == "the file that GA4_KEY names cannot be read: No such file or directory"


def test_the_key_itself_in_the_variable_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "PRIVATE" not in str(refused(monkeypatch, '{"private_key": "PRIVATE"}' + "x" * 5000))


@pytest.mark.parametrize(
    "content",
    [
        "SECRET",
        "{}",
        "[]",
        '"SECRET"',
        '{"type": "authorized_user", "client_secret": "SECRET"}',
        "null",
        '{"client_email": "a", "token_uri": "b", "private_key": "SECRET"}',
        "\x00\xff",
    ],
)
def test_a_file_that_is_no_key_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content.encode("latin-1"))
    error = refused(monkeypatch, str(path))
    assert error.problem == "the file that GA4_KEY names is not the key of a service account"
    assert "SECRET" not in str(error)


def test_a_token_is_what_the_variable_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLARITY_TOKEN", " eyJ.a-b_c\n")
    assert api_token("env:CLARITY_TOKEN", WHERE, "found there") == "eyJ.a-b_c"
    assert api_token("none", WHERE, "found there") is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "is not set"),
        (" ", "is not set"),
        ("SEC RET", "is no token"),
        ("SECRET\nX: y", "is no token"),
        ("SECRETé", "is no token"),
    ],
)
def test_a_token_that_cannot_be_one_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str | None, problem: str
) -> None:
    monkeypatch.delenv("CLARITY_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("CLARITY_TOKEN", value)
    with pytest.raises(SourceError, match=problem) as refusal:
        api_token("env:CLARITY_TOKEN", WHERE, "it is found there")
    assert "SEC" not in str(refusal.value)
    assert "it is found there" in refusal.value.remedy


def test_the_key_of_pseudonyms_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    key = company_key(tmp_path / "state")
    assert len(key) == 32
    assert company_key(tmp_path / "state") == key
    assert (tmp_path / "state" / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["key"]


def test_a_damaged_or_open_key_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"short")
    with pytest.raises(SourceError, match="backup"):
        company_key(tmp_path)
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    with pytest.raises(SourceError, match="chmod 600"):
        company_key(tmp_path)
