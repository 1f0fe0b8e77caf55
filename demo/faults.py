"""What can be made to go wrong with the demo's servers, and the log of what they were asked."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime

GA4, SEARCH_CONSOLE, CLARITY = "ga4", "search_console", "clarity"
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
    "403_rate": "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
}
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
        if self.api not in (GA4, SEARCH_CONSOLE, CLARITY):
            raise ValueError(f"no API is called {self.api!r}; there are {GA4}, {SEARCH_CONSOLE} and {CLARITY}")


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
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}


class ApiError(Exception):
    """An error as Google's APIs return it: canonical status (``INVALID_ARGUMENT``), HTTP code, reason and message."""

    def __init__(self, status: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.reason = status, message, CODES[status], reason


def error_of(fault: Fault) -> ApiError | None:
    """The error that a fault stands for; None where it cuts or slows an answer."""
    message = MESSAGES.get(fault.kind)
    if message is None:
        return None
    if fault.kind.startswith("429"):
        return ApiError("RESOURCE_EXHAUSTED", message, reason="rateLimitExceeded")
    if fault.kind.startswith("403"):
        reason = "quotaExceeded" if fault.kind == "403_quota" else "rateLimitExceeded"
        return ApiError("PERMISSION_DENIED", message, reason)
    if fault.kind == "401":
        return ApiError("UNAUTHENTICATED", message)
    return ApiError("INTERNAL" if fault.kind == "500" else "UNAVAILABLE", message, reason="backendError")
