"""GA4 Data API v1beta.

GA4 restates its last days: counts for 3 days, key events by channel for 14, and users of a period until the period
is over; all of them are read again. Days are days of the property's time zone. Values may be sampled, thresholded,
rolled into an "(other)" row or restricted to zeros: every answer says so, and its Fetch repeats it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any

import pyarrow as pa
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.types import BatchRunReportsRequest, BatchRunReportsResponse, RunReportResponse

from connectors.errors import SourceError
from connectors.ga4_api import LIMITS, Limits, Source, client
from connectors.ga4_costs import Costs, Observed, Plan, minutes, plan
from connectors.ga4_definitions import DEFINITIONS, Definition, definitions
from connectors.ga4_reports import (
    REPORTS_PER_BATCH,
    WHERE,
    Property,
    Reading,
    Request,
    incomplete,
    measured_tables,
    message,
    quarters,
    readings,
    record_batches,
    same_days,
    summed,
)
from connectors.ga4_tables import TABLES
from connectors.personal import Pseudonyms
from connectors.table import Fetch, Load

__all__ = [
    "DEFINITIONS",
    "SCOPES",
    "TABLES",
    "Costs",
    "Definition",
    "Limits",
    "Observed",
    "Plan",
    "Property",
    "checked",
    "client",
    "load",
    "measured_tables",
    "plan",
]

SCOPES = ("https://www.googleapis.com/auth/analytics.readonly",)


def checked(
    client: BetaAnalyticsDataClient, property: Property, known: Sequence[Definition] = (), limits: Limits = LIMITS
) -> tuple[Property, Load | None]:
    """The property with its own names of our fields, and the definitions to keep (None: all of them were known).

    Raises SourceError naming the report and the field that the property cannot give; OutOfQuota.
    """
    found = definitions(Source(client, property, limits), known)
    if found.problems:
        raise found.problems[0]
    property = replace(property, renamed=found.renamed)
    if not found.fetches:
        return property, None
    others = [one for one in known if one.property_id != property.property_id]
    rows = [one.row() for one in (*others, *found.definitions)]
    batch = pa.RecordBatch.from_pylist(rows, schema=DEFINITIONS.schema)
    return property, Load(DEFINITIONS, None, None, iter([batch]), list(found.fetches))


def load(
    client: BetaAnalyticsDataClient,
    property: Property,
    first: date,
    last: date,
    start: date,
    through: date | None = None,
    limits: Limits = LIMITS,
    pseudonyms: Pseudonyms | None = None,
    costs: Costs | None = None,
    quota: Mapping[str, int] | None = None,
) -> Iterator[Load]:
    """Read the new days ``first..last`` with those that GA4 restates, one fiscal quarter after the other.

    Within a quarter there is one Load per table, to be drawn in order. ``start`` is the company's first day: nothing
    before it is read. ``through`` is the last complete day of the property, where ``last`` lies before it: weeks,
    months and quarters are read whole up to it. ``pseudonyms`` are needed where the property has a client id.
    ``costs`` is what reports took before, ``quota`` what the last request of this hour left. Raises SourceError;
    OutOfQuota before a request that would reach into the reserve of a token quota.
    """
    first, through = max(first, start), max(last, through or last)
    night = _Night(Source(client, property, limits, quota or {}, costs or Costs()), first, last, pseudonyms)
    source = night.source
    for chunk_first, chunk_last in quarters(first, last, property.fiscal_year_start):
        plan = readings(property, chunk_first, chunk_last, start, through)
        source.kept = f"everything up to {chunk_first - timedelta(days=1)}" if chunk_first > first else "what was there"
        answers = _answers(source, [request for reading in plan for request in reading.requests])
        for reading in plan:
            load = Load(reading.table, reading.start, reading.end, iter(()), [])
            load.batches = night.rows(reading, answers, load, chunk_last if reading is plan[-1] else None)
            yield load


@dataclass
class _Night:
    """A load on its way."""

    source: Source
    first: date
    last: date
    pseudonyms: Pseudonyms | None
    began: float = field(default_factory=monotonic)
    row_count: int = 0
    has_warned: bool = False

    def rows(
        self, reading: Reading, answers: Iterator[tuple[Any, Fetch]], load: Load, done_to: date | None
    ) -> Iterator[pa.RecordBatch]:
        """A reading's rows. ``done_to``: the last day of the quarter that is whole once they are kept."""
        source, held = self.source, list[pa.RecordBatch]()
        for wanted in reading.requests:
            try:
                report, fetch = next(answers)
                expected, read = report.row_count, 0
                while True:
                    load.fetches.append(fetch)
                    self.row_count += fetch.row_count
                    yield from record_batches(report, wanted, held, self.pseudonyms)
                    read += len(report.rows)
                    if report.row_count != expected:
                        raise incomplete(f"{wanted} grew from {expected} to {report.row_count} rows between its pages")
                    if read >= expected or not report.rows:
                        break
                    del report  # before the next page is in memory too
                    report, fetch = _page(source, wanted, read, fetch.tokens or 0)
                if read != expected:
                    raise incomplete(f"{read} of {expected} rows of {wanted}")
            except SourceError as error:
                load.fetches.append(
                    Fetch(
                        reading.table.name,
                        str(wanted),
                        wanted.first,
                        wanted.last,
                        0,
                        datetime.now(UTC),
                        0.0,
                        quota=source.quota,
                        error=str(error),
                    )
                )
                raise
        yield from summed(held, reading.table)
        self.warn(load)
        if done_to is not None and self.first < self.last:
            load.notes.append(self.progress(done_to))

    def warn(self, load: Load) -> None:
        ours, theirs = self.source.property.timezone, self.source.time_zone
        if not self.has_warned and ours and theirs and not same_days(ours, theirs):
            self.has_warned = True
            load.warnings.append(
                f"{WHERE}: the property's days are days in {theirs}, and company.yml says timezone {ours}: GA4's days "
                "begin at another hour than those of the exports (flag timezone_differs)\n  -> set one of them right: "
                "GA4 Admin > Property details > Reporting time zone, or timezone in company.yml"
            )

    def progress(self, done_to: date) -> str:
        done, whole = ((day - self.first).days + 1 for day in (done_to, self.last))
        left = (monotonic() - self.began) / done * (whole - done)
        today = self.source.quota.get("tokens_per_day")
        said = "" if today is None else f" ({today:,} are left today)"
        ends = f", {minutes(left)} to go" if done < whole else ""
        return (
            f"GA4: {done:,} of {whole:,} days, to {done_to}: {self.row_count:,} rows, "
            f"{self.source.tokens:,} tokens{said}{ends}"
        )


def _answers(source: Source, requests: list[Request]) -> Iterator[tuple[Any, Fetch]]:
    """The first page of each request, in order; the next batch is asked for when the one before is used up."""
    property, rows = source.property, source.limits.page_rows
    for at in range(0, len(requests), REPORTS_PER_BATCH):
        batch = requests[at : at + REPORTS_PER_BATCH]
        question = BatchRunReportsRequest(
            property=f"properties/{property.property_id}",
            requests=[message(property, wanted, rows) for wanted in batch],
        )
        tokens = sum(source.costs.expected(wanted).tokens for wanted in batch)
        answer, seconds, retries = source.ask(source.client.batch_run_reports, question, tokens)
        reports = list(BatchRunReportsResponse.pb(answer).reports)
        del answer
        if len(reports) != len(batch):
            raise incomplete(f"{len(reports)} of {len(batch)} reports")
        for number, wanted in enumerate(batch, start=1):
            how = f"batchRunReports {number}/{len(batch)}"
            fetch = source.fetch(wanted, how, reports[0], seconds / len(batch), retries if number == 1 else 0)
            yield reports.pop(0), fetch


def _page(source: Source, wanted: Request, offset: int, tokens: float) -> tuple[Any, Fetch]:
    question = message(source.property, wanted, source.limits.page_rows, offset)
    answer, seconds, retries = source.ask(source.client.run_report, question, tokens)
    report = RunReportResponse.pb(answer)
    return report, source.fetch(wanted, f"runReport from row {offset}", report, seconds, retries)
