"""What the analysis of the plan is given: the models' rows of one night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb
import pandas as pd

from analysis import funnel, tree
from analysis.articles import MEASURES
from analysis.requirements import Goal
from pipelines.company import Calendar

GRAIN_DAYS = {"week": 7, "month": 30, "quarter": 91}
"""The grains, and about how many days each has."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Kpi:
    """What the catalogue says of a KPI, and the days on which its sources know it."""

    kpi: str
    landing: str
    unit: str
    direction: str
    matures_after_days: int
    label_ja: str
    label_en: str
    is_measurable: bool
    reason: str | None
    first_on: date | None
    last_on: date | None


@dataclass(frozen=True)
class Period:
    """A period with the share of its counted days that has passed."""

    grain: str
    start: date
    end: date
    pace: float


@dataclass(frozen=True)
class PlanTarget:
    """A target of a version of the plan (the night it holds from), and its number for one period.

    Without ``period_start`` no period is judged by it. ``target`` is None where it is not known yet, or is for the goal
    to say.
    """

    plan_from: date
    entry: int
    kpi: str
    is_kgi: bool
    kind: str
    grain: str | None
    start: date | None
    end: date | None
    change: float | None
    over: str | None
    segment: str | None
    owner: str | None
    is_newest: bool
    period_start: date | None
    period_end: date | None
    target: float | None


@dataclass(frozen=True)
class Review:
    """A meeting that comes again: on a weekday, or on the business day after each month or quarter."""

    every: str
    weekday: str | None
    business_day: int | None


@dataclass(frozen=True)
class PlannedGoal:
    """A period of the KGI, and the version of the plan that it is judged by."""

    goal: Goal
    plan_from: date


@dataclass(frozen=True)
class Inputs:
    """All that is known on ``as_of``; nothing in it is from later.

    Frames: ``entries`` (subject_id, stage, entered_on), ``subjects`` (subject_id, channel, article_cluster, persona,
    amount), ``values`` (kpi, grain, period_start, period_end, value, is_complete), ``days`` (kpi, date_on, count),
    ``articles`` (host, path, period_start, period_end, is_complete and the measures of :mod:`analysis.articles`).
    """

    as_of: date
    fiscal_year_start: int
    calendar: Calendar
    counted: Mapping[date, bool]
    entries: pd.DataFrame
    subjects: pd.DataFrame
    values: pd.DataFrame
    days: pd.DataFrame
    articles: pd.DataFrame
    kpis: Mapping[str, Kpi]
    periods: Sequence[Period]
    targets: Sequence[PlanTarget]
    reviews: Sequence[Review]

    @cached_property
    def measured(self) -> frozenset[str]:
        """The KPIs that the company's sources can give."""
        return frozenset(name for name, kpi in self.kpis.items() if kpi.is_measurable)

    @cached_property
    def goals(self) -> list[PlannedGoal]:
        """The periods of the KGI up to the one after the running one, in the order of time."""
        found = sorted(
            (
                PlannedGoal(Goal(one.kpi, one.grain, one.period_start, one.period_end, one.target), one.plan_from)
                for one in self.targets
                if one.is_kgi and one.grain and one.period_start and one.period_end and one.target is not None
            ),
            key=lambda planned: planned.goal.start,
        )
        begun = [planned for planned in found if planned.goal.start <= self.as_of]
        return begun + [planned for planned in found if planned.goal.start > self.as_of][:1]

    @property
    def live(self) -> list[PlannedGoal]:
        """The running period of the KGI, on its last day too, and the next one."""
        return [planned for planned in self.goals if planned.goal.end >= self.as_of]

    @cached_property
    def way(self) -> tuple[str, ...]:
        """The stages on the way to the goal."""
        return tree.stages(self.goals[0].goal.kpi, self.measured) if self.goals else ()

    @cached_property
    def ways(self) -> list[tuple[str, ...]]:
        """The stages of the whole funnel; in two ways where deals do not know their contacts."""
        whole = tree.stages("orders", self.measured)
        if whole[:1] != ("deal",):
            return [whole] if len(whole) > 1 else []
        contacts = tuple(stage for stage in ("lead", "mql") if tree.STEPS[stage] in self.measured)
        return [way for way in (contacts, whole) if len(way) > 1]

    def moves(self, stages: tuple[str, ...]) -> pd.DataFrame:
        """The moves between the stages, with each subject's segments and amount."""
        if stages not in self._moves:
            found = funnel.transitions(self.entries, stages, self.as_of)
            self._moves[stages] = found.merge(self.subjects, on="subject_id", how="left")
        return self._moves[stages]

    @cached_property
    def _moves(self) -> dict[tuple[str, ...], pd.DataFrame]:
        return {}

    def daily(self, name: str) -> tuple[pd.Series, date] | None:
        """The counts of a KPI by day, 0 where nothing came while it was known, and the last day that is known."""
        kpi = self.kpis[name]
        if kpi.first_on is None or kpi.last_on is None or min(kpi.last_on, self.as_of) < kpi.first_on:
            return None
        last = min(kpi.last_on, self.as_of)
        counts = self.days[self.days["kpi"] == name].set_index("date_on")["count"]
        return counts.reindex(pd.date_range(kpi.first_on, last), fill_value=0.0), last


_DAYS = """
select kpi, date_on, numerator as count, denominator from intermediate.int_awareness_days
union all
select kpi, date_on, numerator as count, denominator from intermediate.int_engagement_days
union all
select kpi, date_on, numerator as count, denominator from intermediate.int_conversion_days
"""
_KPIS = """
select
    catalogue.kpi, landing, unit, direction, matures_after_days, label_ja, label_en,
    is_measurable, reason, first_on, last_on
from staging.kpi_catalogue as catalogue
inner join intermediate.int_kpi_coverage as coverage on catalogue.kpi = coverage.kpi
order by sort_order
"""
# Each target of the plan at least once, and once for each period that is judged by it.
_TARGETS = """
select
    listed.valid_from, listed.entry, listed.kpi, listed.is_kgi, listed.kind, listed.grain, listed.start_on,
    listed.end_on, listed.change, listed.over, listed.segment, listed.owner,
    listed.valid_from = (select max(valid_from) from raw.plan_versions) as is_newest,
    targets.period_start, targets.period_end, targets.target
from staging.stg_plan__targets as listed
left join intermediate.int_targets as targets
    on listed.valid_from = targets.valid_from and listed.entry = targets.entry
order by all
"""
_REVIEWS = """
select every, weekday, business_day from raw.plan_reviews
where valid_from = (select max(valid_from) from raw.plan_versions)
order by every
"""

_ARTICLES = f"""
select host, path, period_start, period_end, is_complete, {", ".join(MEASURES)}
from intermediate.int_article_months
order by all
"""


def read(con: duckdb.DuckDBPyConnection, calendar: Calendar) -> Inputs:
    """The models' rows that the analysis of the plan needs. The layer ``intermediate`` must be built."""
    ((as_of, fiscal_year_start),) = con.execute("select as_of, fiscal_year_start from raw.company_settings").fetchall()
    kpis = [Kpi(*row) for row in con.execute(_KPIS).fetchall()]
    return Inputs(
        as_of=as_of,
        fiscal_year_start=fiscal_year_start,
        calendar=calendar,
        counted=dict(con.execute("select date_on, is_counted from raw.company_calendar").fetchall()),
        entries=con.execute("select * from intermediate.int_funnel_entries order by all").df(),
        subjects=con.execute("select * from intermediate.int_funnel_subjects order by all").df(),
        values=con.execute(
            # What was measured by another method than the newest period cannot be compared with it.
            "select kpi, grain, period_start, period_end, value, is_complete from intermediate.int_kpi_values"
            " where value is not null and flags not like '%other_method%' order by all"
        ).df(),
        days=con.execute(f"select kpi, date_on, count from ({_DAYS}) where denominator is null order by all").df(),
        articles=con.execute(_ARTICLES).df(),
        kpis={kpi.kpi: kpi for kpi in kpis},
        periods=[
            Period(*row)
            for row in con.execute(
                "select grain, period_start, period_end, standard_pace from intermediate.int_paces order by all"
            ).fetchall()
        ],
        targets=[PlanTarget(*row) for row in con.execute(_TARGETS).fetchall()],
        reviews=[Review(*row) for row in con.execute(_REVIEWS).fetchall()],
    )
