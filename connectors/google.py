"""What Google's APIs have in common: asking once more, and saying what a person can do about an error."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from time import monotonic
from typing import TypeVar

import httplib2
import requests
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.protobuf.json_format import ParseError
from googleapiclient.errors import HttpError

from connectors.errors import SourceError

T = TypeVar("T")
BROKEN = (
    OSError, HTTPException, httplib2.HttpLib2Error, requests.RequestException, TransportError, ParseError,
    UnicodeDecodeError,
)  # fmt: skip
"""What a dropped, late or cut short answer, be it within a character, raises in one client library or another."""
ERRORS = (GoogleAPIError, GoogleAuthError, HttpError, *BROKEN)


@dataclass(frozen=True)
class Api:
    """How to speak of an API to a person."""

    where: str
    """Its entry in company.yml."""
    name: str
    subject: str
    """The key of that entry which names the property or site."""
    grant: str
    """How to give the service account access to it."""

    def without_credentials(self) -> SourceError:
        remedy = "set it to env:NAME, where NAME is a variable that holds the path of the key file"
        return SourceError(f"{self.where}.credentials", f"the {self.name} answers nobody without credentials", remedy)

    def explain(self, error: Exception, kept: str) -> SourceError:
        """An error that no further try mends, as what a person can do about it."""
        status, said = answer_of(error)
        if status == 401:
            problem = f"Google does not accept the credentials: {said}"
            remedy = "check that the key file is the service account's and has not been revoked"
            return SourceError(f"{self.where}.credentials", problem, remedy)
        if status == 403 and ("has not been used" in said or "disabled" in said):
            remedy = f"enable the {self.name} in the Google Cloud project of the key"
            return SourceError(f"{self.where}.credentials", said, remedy)
        if status in (403, 404):
            return SourceError(f"{self.where}.{self.subject}", said, self.grant)
        if status is not None and status < 500:
            problem = f"the {self.name} refused the request: {said}"
            remedy = f"check {self.subject} and the company's start; else report this message to the project"
            return SourceError(self.where, problem, remedy)
        problem = f"the {self.name} did not answer: {said}"
        return SourceError(self.where, problem, f"{kept} is kept; run again later, and it goes on from there")


def ask(
    call: Callable[[], T], again: Callable[[Exception, Sequence[Exception]], bool], pause_seconds: float
) -> tuple[T, float, int]:
    """The answer, the seconds it took and how often it was asked for once more.

    ``again`` decides by an error and those before it; the pauses double from the first. Raises one of ERRORS.
    """
    earlier: list[Exception] = []
    retry = Retry(
        lambda error: again(error, earlier),
        initial=pause_seconds,
        maximum=15 * pause_seconds,
        timeout=None,
        on_error=earlier.append,
    )
    began = monotonic()
    return retry(call)(), monotonic() - began, len(earlier)


def answer_of(error: Exception) -> tuple[int | None, str]:
    """HTTP status and message, in one line; no status where there was no answer."""
    if isinstance(error, HttpError):
        status, said = error.status_code, error.reason
    elif isinstance(error, GoogleAPICallError):
        status, said = error.code, error.message
    elif isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        status, said = 401, str(error)
    else:
        status, said = None, type(error).__name__
    # gRPC reports a key that the token server refuses as an answer that never came.
    if "metadata from plugin failed" in said and "RefreshError" in said:
        status = 401
    said = re.sub(r"^[A-Z]+ https?://\S+: ", "", said)  # REST puts its request before the message
    return status, " ".join(said.split())[:300]
