"""What a published night knows of one month, as the workbook and the slides of the monthly meeting show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from board.formats import Formats, of_text
from board.night import Night
from connectors.errors import SourceError

QUERIES = Path(__file__).with_name("report.sql")
KGI_PERIODS = 8
"""So many periods of the KGI are shown up to the month's: two years of quarters."""
STAGE_KPIS = ("leads", "mqls", "deals", "orders")
"""The KPIs that count entries into the stages of the funnel, in its order."""
WATCHED = 3
"""So many things to look at; more would be a list that nobody reads."""
UNMET = ("missed", "off_track", "at_risk")
"""The outlooks that ask for something to be done."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """One month. Rows are dictionaries by the columns of board/report.sql."""

    company: str
    formats: Formats
    month: date
    as_of: date
    published_at: datetime
    snapshot: str
    kpis: Sequence[Row]
    kgi: Sequence[Row]
    """The KGI's periods up to the month's; empty where the plan has none for the month."""
    targets: Sequence[Row]
    """The targets of the periods that hold the month's last measured day, without the KGI."""
    running: Sequence[Row]
    """The targets of the periods that hold the night's last day and are not among those."""
    scorecard: Sequence[Row]
    history: Sequence[Row]
    funnel: Sequence[Row]
    segments: Sequence[Row]
    cohorts: Sequence[Row]
    articles: Sequence[Row]
    notes: Sequence[Row]
    """What happened in the month and since, as the team wrote it down."""
    drivers: Sequence[Row]
    tree: Sequence[Row]
    on_miss: str | None

    @property
    def goal(self) -> Row | None:
        """The KGI's period that holds the month's last measured day."""
        return self.kgi[-1] if self.kgi else None

    @property
    def is_running(self) -> bool:
        """Whether the month was not over when the night was published."""
        return month_end(self.month) > self.as_of

    def label(self, row: Row) -> str:
        """The name of the row's KPI."""
        return of_text(row, "label", self.formats.locale)

    def period(self, row: Row) -> str:
        """The row's period in words."""
        return self.formats.period(row["grain"], row["period_start"])

    def stages(self) -> list[Row]:
        """The month's entries into each stage of the funnel, where the KGI requires some.

        ``due`` is what it requires by the last measured day.
        """
        found = {row["kpi"]: row for row in self.scorecard}
        rows = [found[kpi] for kpi in STAGE_KPIS if kpi in found]
        dues = [{**row, "due": _due(row)} for row in rows]
        return [row for row in dues if row["actual"] is not None and row["due"]]

    def watched(self) -> list[Row]:
        """The targets that are missed or in danger, the farthest off first."""
        return sorted((row for row in self.targets if row["outlook"] in UNMET), key=_far_off)[:WATCHED]

    def now(self, row: Row) -> Row | None:
        """Of a KPI whose period is over: the period that runs, if it has a target."""
        found = (one for one in self.running if (one["kpi"], one["grain"]) == (row["kpi"], row["grain"]))
        return next(found, None)

    def past(self, kpi: str) -> list[Row]:
        """The last 13 months of a KPI."""
        return [row for row in self.history if row["kpi"] == kpi]


def read(night: Night, company: str, formats: Formats, month: date | None = None) -> Report:
    """The report of a month, given by any of its days; by default of the last one that was over on the night.

    Raises SourceError for a month of which nothing is known.
    """
    start = _month(night, month)
    day = min(month_end(start), night.as_of)
    targets, kgi = night.rows(QUERIES, "targets", day=day), _kgi(night.rows(QUERIES, "kgi"), day)
    shown = {_period(row) for row in targets}
    running = [row for row in night.rows(QUERIES, "targets", day=night.as_of) if _period(row) not in shown]
    goal_start = kgi[-1]["period_start"] if kgi else None
    on_miss = night.row(QUERIES, "on_miss")
    return Report(
        company=company,
        formats=formats,
        month=start,
        as_of=night.as_of,
        published_at=night.published_at,
        snapshot=night.snapshot,
        kpis=night.rows(QUERIES, "kpis"),
        kgi=kgi,
        targets=targets,
        running=running,
        scorecard=night.rows(QUERIES, "scorecard", month=start),
        history=night.rows(QUERIES, "history", month=start),
        funnel=night.rows(QUERIES, "funnel"),
        segments=night.rows(QUERIES, "segments"),
        cohorts=night.rows(QUERIES, "cohorts", month=start),
        articles=night.rows(QUERIES, "articles", month=start),
        notes=night.rows(QUERIES, "notes", first=start, last=night.as_of),
        drivers=night.rows(QUERIES, "drivers", start=goal_start),
        tree=night.rows(QUERIES, "tree", start=goal_start),
        on_miss=on_miss["value"] if on_miss else None,
    )


def month_end(month: date) -> date:
    """The last day of a month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _month(night: Night, asked: date | None) -> date:
    known = night.row(QUERIES, "months")
    if known is None or known["newest"] is None:
        raise SourceError("marts.scorecard", "no month has been measured yet", "run: gyakusan nightly")
    if asked is None:
        found: date = known["last_complete"] or known["newest"]
        return found
    start = asked.replace(day=1)
    if not known["first"] <= start <= known["newest"]:
        raise SourceError(
            "MONTH",
            f"nothing is known of {start:%Y-%m}",
            f"give a month from {known['first']:%Y-%m} to {known['newest']:%Y-%m}",
        )
    return start


def _kgi(rows: Sequence[Row], day: date) -> Sequence[Row]:
    """The periods up to the one that holds the day, as far back as the goal was the same KPI at the same grain."""
    goal = next((row for row in rows if row["period_start"] <= day <= row["period_end"]), None)
    if goal is None:
        return []
    same = [row for row in rows if (row["kpi"], row["grain"]) == (goal["kpi"], goal["grain"])]
    return [row for row in same if row["period_start"] <= goal["period_start"]][-KGI_PERIODS:]


def _period(row: Row) -> tuple[str, str, date]:
    return row["kpi"], row["grain"], row["period_start"]


def _due(row: Row) -> float | None:
    """What the KGI requires up to now: of a running month the share of its counted days."""
    required: float | None = row["required"]
    return required if required is None or row["standard_pace"] is None else required * row["standard_pace"]


def landed(row: Row) -> float | None:
    """The attainment of a period that is over, and of a running one that of its landing."""
    ends, target = row.get("projected"), row["target"]
    if ends is None:
        attained: float | None = row["attainment"]
        return attained
    above, below = (ends, target) if row["direction"] == "up" else (target, ends)
    return float(above / below) if below else None


def _far_off(row: Row) -> tuple[bool, float]:
    """Where nothing can be said comes last."""
    share = landed(row)
    return share is None, share or 0.0
