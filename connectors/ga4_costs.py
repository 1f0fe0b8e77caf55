"""What GA4's reports cost in tokens, as observed, and what a span of days would therefore cost. Everything is pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from connectors.ga4_reports import PAGE_ROWS, REPORTS_PER_BATCH, Property, Request, quarters, readings
from connectors.table import Fetch

STANDARD_TOKENS = {"tokens_per_day": 200_000, "tokens_per_hour": 40_000, "tokens_per_project_per_hour": 14_000}
"""The size of a standard property's quotas; a 360 property has ten times as much."""
UNOBSERVED_TOKENS, UNOBSERVED_SECONDS = 20.0, 0.5
"""What a request is taken to cost before one like it was seen: Google says that most take fewer than ten tokens."""


@dataclass(frozen=True)
class Observed:
    """What ``requests`` for one report over ``days`` days took and gave together, their further pages included."""

    table_name: str
    report: str
    """As str(Request) writes it."""
    days: int
    requests: int
    tokens: int
    seconds: float
    rows: int


@dataclass(frozen=True)
class Cost:
    """What one request is expected to take. ``is_assumed``: nothing like it has been seen."""

    tokens: float
    seconds: float
    rows: float = 0.0
    is_assumed: bool = False


class Costs:
    """Observed costs by report and length of its span; grows while a property is read."""

    def __init__(self, observed: Iterable[Observed] = ()) -> None:
        self._seen: dict[tuple[str, str], dict[int, Observed]] = {}
        for one in observed:
            self._add(one)

    def _add(self, one: Observed) -> None:
        lengths = self._seen.setdefault((one.table_name, one.report), {})
        old = lengths.get(one.days)
        if old is not None:
            one = Observed(
                one.table_name,
                one.report,
                one.days,
                old.requests + one.requests,
                old.tokens + one.tokens,
                old.seconds + one.seconds,
                old.rows + one.rows,
            )
        lengths[one.days] = one

    def note(self, fetch: Fetch) -> None:
        if fetch.tokens is None or fetch.window_start is None or fetch.window_end is None:
            return
        how, report = fetch.request.split(": ", 1)
        days = (fetch.window_end - fetch.window_start).days + 1
        is_first_page = int(how.startswith("batchRunReports"))
        seconds, rows = fetch.duration_seconds, fetch.row_count
        self._add(Observed(fetch.table_name, report, days, is_first_page, fetch.tokens, seconds, rows))

    def expected(self, wanted: Request) -> Cost:
        """The mean cost per day of the requests for the same report whose span was most like this one's.

        A report has a cost of its own whatever its days, so four days tell little of ninety: the nearest length is
        taken, and one token is the least.
        """
        lengths = [one for one in self._seen.get((wanted.report.table.name, str(wanted)), {}).values() if one.requests]
        if not lengths:
            return Cost(UNOBSERVED_TOKENS, UNOBSERVED_SECONDS, is_assumed=True)
        days = (wanted.last - wanted.first).days + 1
        near = min(lengths, key=lambda one: (abs(math.log(days / one.days)), one.days))
        times = days / near.days
        return Cost(
            max(1.0, near.tokens / near.requests * times),
            near.seconds / near.requests * max(1.0, times),
            near.rows / near.requests * times,
        )


@dataclass(frozen=True)
class Plan:
    """What reading ``first..last`` takes; ``assumed`` of its ``reports`` cost what is assumed of any."""

    first: date
    last: date
    quarters: int
    requests: int
    reports: int
    assumed: int
    tokens: int
    seconds: float

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def lines(self, reserve: float) -> list[str]:
        """What a person should know before it begins."""
        said = [
            f"GA4: {self.days:,} days ({self.first}..{self.last}), quarter by quarter ({self.quarters}), "
            f"{self.requests:,} requests, about {self.tokens:,} tokens, about {minutes(self.seconds)}"
        ]
        if self.assumed:
            said.append(
                f"  {self.assumed} of its {self.reports} reports were never asked for over such a span: "
                f"{UNOBSERVED_TOKENS:.0f} tokens each are assumed"
            )
        for name, size in (("tokens_per_project_per_hour", "an hour"), ("tokens_per_day", "a day")):
            allowed = int(STANDARD_TOKENS[name] * (1 - reserve))
            if self.tokens > allowed:
                said.append(
                    f"  that is more than the {allowed:,} tokens {size} that a standard property's reserve leaves: "
                    "it will stop there, and the same command goes on later"
                )
        return said


def plan(property: Property, first: date, last: date, start: date, through: date, costs: Costs) -> Plan:
    """What ``ga4.load`` would ask for the same days."""
    chunks = list(quarters(max(first, start), last, property.fiscal_year_start))
    requests, expected = 0, list[Cost]()
    for chunk in chunks:
        plan = readings(property, *chunk, start, through)
        of_chunk = [costs.expected(wanted) for reading in plan for wanted in reading.requests]
        further_pages = sum(max(0, math.ceil(cost.rows / PAGE_ROWS) - 1) for cost in of_chunk)
        requests += math.ceil(len(of_chunk) / REPORTS_PER_BATCH) + further_pages
        expected += of_chunk
    return Plan(
        max(first, start),
        last,
        len(chunks),
        requests,
        len(expected),
        sum(cost.is_assumed for cost in expected),
        math.ceil(sum(cost.tokens for cost in expected)),
        sum(cost.seconds for cost in expected),
    )


def minutes(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"{math.ceil(seconds / 60):,} minutes"
