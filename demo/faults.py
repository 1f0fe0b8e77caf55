"""What can be made to go wrong with the demo's servers, and the log of what they were asked."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

APIS = GA4, SEARCH_CONSOLE, CLARITY, SHEETS = "ga4", "search_console", "clarity", "sheets"
MESSAGES = {
    "429_concurrent": "Exhausted concurrent requests quota.",
    "429_project_hour": "Exhausted property tokens for a project per hour.",
    "429_hour": "Exhausted property tokens per hour. These quota tokens will return in under an hour.",
    "429_day": "Exhausted property tokens per day. These quota tokens will return in under 24 hours.",
    "429_thresholded": "Exhausted potentially thresholded requests quota.",
    "401": "Unauthorized",
    "500": "Internal error encountered.",
    "503": "The service is currently unavailable.",
    "403_quota": "Search Analytics load quota exceeded. Learn about usage limits: "
    "https://developers.google.com/webmaster-tools/v3/limits.",
    "403_permission": "User does not have sufficient permissions for this property. To learn more about Property ID, "
    "see https://developers.google.com/analytics/devguides/reporting/data/v1/property-id.",
    "403_scope": "Request had insufficient authentication scopes.",
    "403_disabled": "{title} has not been used in project {project} before or it is disabled. Enable it by visiting "
    "{url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems "
    "and retry.",
    "403_rate": "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
}
SERVICES = {
    GA4: ("analyticsdata.googleapis.com", "Google Analytics Data API"),
    SEARCH_CONSOLE: ("searchconsole.googleapis.com", "Google Search Console API"),
    SHEETS: ("sheets.googleapis.com", "Google Sheets API"),
}
PROJECT = "123456789012"
"""The number of the Google Cloud project that a key belongs to."""
SHEETS_SAY = {
    "403_permission": "The caller does not have permission",
    "429": "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
    f"'sheets.googleapis.com' for consumer 'project_number:{PROJECT}'.",
}
"""What the Sheets API has words of its own for."""
CUTS = ("reset", "truncated", "truncated_json")
KINDS = (*MESSAGES, "slow", *CUTS)


@dataclass(frozen=True)
class Fault:
    """``kind`` happens to the next ``times`` requests of an API (and method, where one is named).

    ``slow`` answers after ``seconds``. ``reset`` and ``truncated`` cut the connection in the middle of the answer, with
    RST and in good order; ``truncated_json`` is a complete HTTP answer whose JSON ends half-way. ``skip`` lets that
    many requests pass first; after each time only one in ``every`` is befallen.
    """

    kind: str
    api: str = GA4
    method: str = ""
    times: int = 1
    seconds: float = 2.0
    skip: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")
        if self.api not in APIS:
            raise ValueError(f"no API is called {self.api!r}; there are {', '.join(APIS)}")


@dataclass(frozen=True)
class Request:
    """One request that a server answered."""

    api: str
    method: str
    what: str
    """Fields and dates asked for."""
    at: datetime
    rows: int
    status: str
    """OK, or the name of the error or fault."""


class Faults:
    """The faults that are switched on, shared by all servers of a demo."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def switch_on(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    @property
    def pending(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(self._faults)

    def take(self, api: str, method: str) -> Fault | None:
        """The fault that befalls this request, used up once."""
        with self._lock:
            for place, fault in enumerate(self._faults):
                if fault.api != api or fault.method not in ("", method):
                    continue
                if fault.skip:
                    self._faults[place] = replace(fault, skip=fault.skip - 1)
                    continue
                left = replace(fault, times=fault.times - 1, skip=fault.every - 1)
                self._faults[place : place + 1] = [left] if left.times else []
                return fault
        return None


CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}


class ApiError(Exception):
    """An error as Google's APIs return it: canonical status (``INVALID_ARGUMENT``), HTTP code, reason and message."""

    def __init__(
        self,
        status: str,
        message: str,
        reason: str = "",
        details: Sequence[Mapping[str, Any]] = (),
        domain: str = "global",
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.reason = status, message, CODES[status], reason
        self.details, self.domain = details, domain
        """Further google.rpc messages, as JSON with their ``@type``, and the domain of the older JSON's reason."""


def error_of(fault: Fault) -> ApiError | None:
    """The error that a fault stands for; None where it cuts or slows an answer."""
    message = MESSAGES.get(fault.kind)
    if message is None:
        return None
    if fault.api == SHEETS:
        message = SHEETS_SAY.get(fault.kind) or SHEETS_SAY.get(fault.kind[:3], message)
    if fault.kind.startswith("429"):
        return ApiError("RESOURCE_EXHAUSTED", message, reason="rateLimitExceeded")
    if fault.kind == "403_permission":
        return ApiError("PERMISSION_DENIED", message, "forbidden")
    if fault.kind == "403_scope":
        return _refusal(fault.api, message, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions", "global")
    if fault.kind == "403_disabled":
        service, title = SERVICES[fault.api]
        url = f"https://console.developers.google.com/apis/api/{service}/overview?project={PROJECT}"
        said = message.format(title=title, project=PROJECT, url=url)
        return _refusal(fault.api, said, "SERVICE_DISABLED", "accessNotConfigured", "usageLimits", url)
    if fault.kind.startswith("403"):
        reason = "quotaExceeded" if fault.kind == "403_quota" else "rateLimitExceeded"
        return ApiError("PERMISSION_DENIED", message, reason)
    if fault.kind == "401":
        return ApiError("UNAUTHENTICATED", message)
    return ApiError("INTERNAL" if fault.kind == "500" else "UNAVAILABLE", message, reason="backendError")


def _refusal(api: str, message: str, reason: str, older_reason: str, domain: str, url: str = "") -> ApiError:
    """A 403 as Google words it since google.rpc.ErrorInfo came, with the reason that the older JSON has beside it."""
    service, title = SERVICES[api]
    metadata = {"service": service}
    details: list[dict[str, Any]] = [
        {"@type": f"{TYPE}ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}
    ]
    if url:
        metadata |= {"consumer": f"projects/{PROJECT}", "activationUrl": url, "serviceTitle": title,
                     "containerInfo": PROJECT}  # fmt: skip
        details.append({"@type": f"{TYPE}LocalizedMessage", "locale": "en-US", "message": message})
        link = {"description": "Google developers console API activation", "url": url}
        details.append({"@type": f"{TYPE}Help", "links": [link]})
    return ApiError("PERMISSION_DENIED", message, older_reason, details, domain)


TYPE = "type.googleapis.com/google.rpc."
