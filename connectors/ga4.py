"""GA4 Data API v1beta.

GA4 restates its last days: counts for 3 days, key events by channel for 14, and users of a period until the period
is over; all of them are read again. Days are days of the property's time zone. Values may be sampled, thresholded,
rolled into an "(other)" row or restricted to zeros: every answer says so, and its Fetch repeats it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pyarrow as pa
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataGrpcTransport
from google.analytics.data_v1beta.types import BatchRunReportsRequest, BatchRunReportsResponse, RunReportResponse
from google.api_core.exceptions import ServerError, TooManyRequests
from google.auth.credentials import AnonymousCredentials, Credentials

from connectors import google
from connectors.errors import OutOfQuota, SourceError
from connectors.ga4_reports import (
    WHERE,
    Property,
    Reading,
    Request,
    flags,
    incomplete,
    message,
    quarters,
    readings,
    record_batches,
)
from connectors.ga4_tables import TABLES
from connectors.table import Fetch, Load

__all__ = ["SCOPES", "TABLES", "Limits", "Property", "client", "load"]

SCOPES = ("https://www.googleapis.com/auth/analytics.readonly",)
API = google.GA4
REPORTS_PER_BATCH = 5
STANDARD_TOKENS = {"tokens_per_day": 200_000, "tokens_per_hour": 40_000, "tokens_per_project_per_hour": 14_000}


@dataclass(frozen=True)
class Limits:
    """How much is asked for at once, how long an answer may take, and the first pause before a further try."""

    page_rows: int = 250_000
    timeout_seconds: float = 120.0
    pause_seconds: float = 2.0


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


def load(
    client: BetaAnalyticsDataClient,
    property: Property,
    first: date,
    last: date,
    start: date,
    through: date | None = None,
    limits: Limits = Limits(),
) -> Iterator[Load]:
    """Read the new days ``first..last`` with those that GA4 restates, one fiscal quarter after the other.

    Within a quarter there is one Load per table, to be drawn in order. ``start`` is the company's first day: nothing
    before it is read. ``through`` is the last complete day of the property, where ``last`` lies before it: weeks,
    months and quarters are read whole up to it. Raises SourceError; OutOfQuota when a token quota is at its reserve.
    """
    if not property.property_id.isdigit():
        remedy = "take the number under GA4 Admin > Property details (G-XXXX is a data stream's id)"
        raise SourceError(f"{WHERE}.property_id", f"{property.property_id!r} is not a property id", remedy)
    first, through = max(first, start), max(last, through or last)
    source = _Source(client, property, limits)
    for chunk_first, chunk_last in quarters(first, last, property.fiscal_year_start):
        plan = readings(property, chunk_first, chunk_last, start, through)
        source.kept = f"everything up to {chunk_first - timedelta(days=1)}" if chunk_first > first else "what was there"
        answers = source.answers([request for reading in plan for request in reading.requests])
        for reading in plan:
            fetches: list[Fetch] = []
            yield Load(reading.table, reading.start, reading.end, _rows(source, reading, answers, fetches), fetches)


@dataclass
class _Source:
    """The property while it is read: what is left of its quotas, and what a clean stop would keep."""

    client: BetaAnalyticsDataClient
    property: Property
    limits: Limits
    quota: dict[str, int] = field(default_factory=dict)
    kept: str = ""

    def answers(self, requests: list[Request]) -> Iterator[tuple[Any, Fetch]]:
        """The first page of each request, in order; the next batch is asked for when the one before is used up."""
        property, rows = self.property, self.limits.page_rows
        for at in range(0, len(requests), REPORTS_PER_BATCH):
            batch = requests[at : at + REPORTS_PER_BATCH]
            question = BatchRunReportsRequest(
                property=f"properties/{property.property_id}",
                requests=[message(property, wanted, rows) for wanted in batch],
            )
            answer, seconds, retries = self.ask(self.client.batch_run_reports, question)
            reports = list(BatchRunReportsResponse.pb(answer).reports)
            del answer
            if len(reports) != len(batch):
                raise incomplete(f"{len(reports)} of {len(batch)} reports")
            for number, wanted in enumerate(batch, start=1):
                how = f"batchRunReports {number}/{len(batch)}"
                fetch = self.fetch(wanted, how, reports[0], seconds / len(batch), retries if number == 1 else 0)
                yield reports.pop(0), fetch

    def page(self, wanted: Request, offset: int) -> tuple[Any, Fetch]:
        question = message(self.property, wanted, self.limits.page_rows, offset)
        answer, seconds, retries = self.ask(self.client.run_report, question)
        report = RunReportResponse.pb(answer)
        return report, self.fetch(wanted, f"runReport from row {offset}", report, seconds, retries)

    def fetch(self, wanted: Request, how: str, report: Any, seconds: float, retries: int) -> Fetch:
        self.quota = {name.name: status.remaining for name, status in report.property_quota.ListFields()}
        return Fetch(
            wanted.report.table.name,
            f"{how}: {wanted}",
            wanted.first,
            wanted.last,
            len(report.rows),
            datetime.now(UTC),
            seconds,
            retries,
            flags(report.metadata),
            self.quota,
        )

    def ask(self, call: Callable[..., Any], question: Any) -> tuple[Any, float, int]:
        self.check_reserve()
        seconds, pause = self.limits.timeout_seconds, self.limits.pause_seconds
        try:
            return google.ask(lambda: call(question, retry=None, timeout=seconds), ask_again, pause)
        except google.ERRORS as error:
            status, said = google.answer_of(error)
            if status == 429 and ("quota" in said or "Exhausted" in said):
                raise self.out_of_quota(said) from error
            raise API.explain(error, self.kept) from error

    def check_reserve(self) -> None:
        # GA4 tells what is left and what one request took, not the size of a quota; a 360 property has ten times
        # the standard one, and is known by having more left than the standard one holds.
        times = 10 if any(self.quota.get(name, 0) > size for name, size in STANDARD_TOKENS.items()) else 1
        for name, size in STANDARD_TOKENS.items():
            left = self.quota.get(name, times * size)
            if left < self.property.reserve * times * size:
                raise self.out_of_quota(f"{left:,} of {times * size:,} {name.replace('_', ' ')} are left")

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


def _rows(
    source: _Source, reading: Reading, answers: Iterator[tuple[Any, Fetch]], fetches: list[Fetch]
) -> Iterator[pa.RecordBatch]:
    for wanted in reading.requests:
        try:
            report, fetch = next(answers)
            expected, read = report.row_count, 0
            while True:
                fetches.append(fetch)
                yield from record_batches(report, wanted)
                read += len(report.rows)
                if report.row_count != expected:
                    raise incomplete(f"{wanted} grew from {expected} to {report.row_count} rows between its pages")
                if read >= expected or not report.rows:
                    break
                del report  # before the next page is in memory too
                report, fetch = source.page(wanted, offset=read)
            if read != expected:
                raise incomplete(f"{read} of {expected} rows of {wanted}")
        except SourceError as error:
            fetches.append(
                Fetch(
                    reading.table.name,
                    str(wanted),
                    wanted.first,
                    wanted.last,
                    0,
                    datetime.now(UTC),
                    0.0,
                    error=str(error),
                )
            )
            raise
