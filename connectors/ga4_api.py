"""The GA4 Data API as a property is read: the client, one question at a time, and what is left of the quotas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import httplib2
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataGrpcTransport
from google.api_core.exceptions import ServerError, TooManyRequests
from google.auth.credentials import AnonymousCredentials, Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build

from connectors import google
from connectors.errors import OutOfQuota, SourceError
from connectors.ga4_costs import STANDARD_TOKENS, Costs
from connectors.ga4_reports import PAGE_ROWS, WHERE, Property, Request, flags
from connectors.table import Fetch

API = google.GA4


@dataclass(frozen=True)
class Limits:
    """How much is asked for at once, how long an answer may take, and the first pause before a further try."""

    page_rows: int = PAGE_ROWS
    timeout_seconds: float = 120.0
    pause_seconds: float = 2.0


LIMITS = Limits()


def client(endpoint: str | None, transport: str, credentials: Credentials) -> BetaAnalyticsDataClient:
    """A client for Google's own endpoint (``None``) or another one; ``transport`` is ``grpc`` or ``rest``.

    Anonymous credentials speak without TLS, to the given endpoint only. Raises SourceError without one.
    Close it after use (it is a context manager): its threads would outlive the night.
    """
    if not isinstance(credentials, AnonymousCredentials):
        options = {"api_endpoint": endpoint} if endpoint else {}
        return BetaAnalyticsDataClient(credentials=credentials, transport=transport, client_options=options)
    if endpoint is None:
        raise API.without_credentials()
    if transport == "rest":
        url = endpoint if "://" in endpoint else f"http://{endpoint}"
        return BetaAnalyticsDataClient(credentials=credentials, transport="rest", client_options={"api_endpoint": url})
    # Without the first option a page of 250,000 rows fails as a false 429.
    channel = grpc.insecure_channel(
        endpoint, options=[("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    )
    return BetaAnalyticsDataClient(transport=BetaAnalyticsDataGrpcTransport(channel=channel))


def readable_properties(
    endpoint: str | None, transport: str, credentials: Credentials, timeout_seconds: float
) -> dict[str, str] | None:
    """The number and name of each property that an account may read, as the Admin API lists them.

    None where it does not answer: it is not enabled, or ``endpoint`` speaks gRPC and so is not the Admin API's too.
    """
    if endpoint is not None and transport != "rest":
        return None
    anonymous = isinstance(credentials, AnonymousCredentials)
    plain = httplib2.Http(timeout=timeout_seconds, **({"proxy_info": None} if anonymous else {}))
    url = endpoint if endpoint is None or "://" in endpoint else f"http://{endpoint}"
    try:
        with build(
            "analyticsadmin", "v1beta", http=plain if anonymous else AuthorizedHttp(credentials, plain),
            static_discovery=True, cache_discovery=False, client_options={"api_endpoint": url} if url else {},
        ) as service:  # fmt: skip
            answer = service.accountSummaries().list(pageSize=200).execute()
        return {
            property["property"].removeprefix("properties/"): property.get("displayName", "")
            for account in answer.get("accountSummaries", [])
            for property in account.get("propertySummaries", [])
        }
    except (*google.ERRORS, AttributeError, KeyError):
        return None


@dataclass
class Source:
    """A property while it is read: what is left of its quotas, what its reports cost, what a clean stop would keep."""

    client: BetaAnalyticsDataClient
    property: Property
    limits: Limits = LIMITS
    quota: Mapping[str, int] = field(default_factory=dict)
    """What was left after the last request; empty where nothing is known, and all of it is taken to be there."""
    costs: Costs = field(default_factory=Costs)
    kept: str = "what was there"
    time_zone: str = ""
    """The property's, once it has answered."""
    tokens: int = 0
    """Used so far."""

    def __post_init__(self) -> None:
        if not self.property.property_id.isdigit():
            remedy = "take the number under GA4 Admin > Property details (G-XXXX is a data stream's id)"
            raise SourceError(f"{WHERE}.property_id", f"{self.property.property_id!r} is not a property id", remedy)

    def ask(self, call: Callable[..., Any], question: Any, tokens: float) -> tuple[Any, float, int]:
        """The answer, its seconds and how often it was asked over; ``tokens`` is what it is expected to cost.

        Raises SourceError; OutOfQuota before a question that would reach into the reserve.
        """
        self.check_reserve(tokens)
        seconds, pause = self.limits.timeout_seconds, self.limits.pause_seconds
        try:
            return google.ask(lambda: call(question, retry=None, timeout=seconds), ask_again, pause)
        except google.ERRORS as error:
            status, said = google.answer_of(error)
            if status == 429 and ("quota" in said or "Exhausted" in said):
                raise self.out_of_quota(said) from error
            raise API.explain(error, self.kept) from error

    def fetch(self, wanted: Request, how: str, report: Any, seconds: float, retries: int) -> Fetch:
        """The record of one answered report, a protobuf RunReportResponse."""
        status = report.property_quota
        self.quota = {name.name: value.remaining for name, value in status.ListFields()}
        self.time_zone = report.metadata.time_zone or self.time_zone
        tokens = status.tokens_per_day.consumed if status.HasField("tokens_per_day") else None
        self.tokens += tokens or 0
        fetch = Fetch(
            wanted.report.table.name,
            f"{how}: {wanted}",
            wanted.first,
            wanted.last,
            len(report.rows),
            datetime.now(UTC),
            seconds,
            retries,
            flags(report.metadata, self.property.timezone),
            self.quota,
            tokens,
        )
        self.costs.note(fetch)
        return fetch

    def check_reserve(self, tokens: float) -> None:
        # GA4 tells what is left and what one request took, not the size of a quota; a 360 property has ten times
        # the standard one, and is known by having more left than the standard one holds.
        times = 10 if any(self.quota.get(name, 0) > size for name, size in STANDARD_TOKENS.items()) else 1
        for name, standard in STANDARD_TOKENS.items():
            size, reserve = times * standard, self.property.reserve * times * standard
            left = self.quota.get(name, size)
            # A question that costs more than half of what may be used must be asked once, or it never would be.
            expected = min(tokens, (size - reserve) / 2)
            if left - expected < reserve:
                problem = f"{left:,} of {size:,} {name.replace('_', ' ')} are left, the next request would take about"
                raise self.out_of_quota(f"{problem} {tokens:,.0f}, and {reserve:,.0f} are reserved for other tools")

    def out_of_quota(self, problem: str) -> OutOfQuota:
        when = "after midnight Pacific time" if "per day" in problem else "in an hour"
        return OutOfQuota(WHERE, problem, f"{self.kept} is kept; run again {when}, and it goes on from there")


def ask_again(error: Exception, earlier: Sequence[Exception]) -> bool:
    """Server errors and broken connections at most twice: ten of them within an hour block the property.

    429 only for concurrent requests, for some minutes: tokens do not come back so soon.
    """
    if isinstance(error, TooManyRequests):
        return "concurrent" in error.message and len(earlier) < 12
    broken = (ServerError, *google.BROKEN)
    return isinstance(error, broken) and sum(isinstance(one, broken) for one in earlier) < 2
