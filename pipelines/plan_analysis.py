"""What the plan asks and what will come of it: from the models' rows to the tables of layer ``analysis``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from analysis import attainment, backcalculation, chain, funnel, landings, pace, requirements, smart, tree
from analysis.attainment import Outlook, Pipeline, Window
from analysis.calibration import Dispersion
from analysis.pace import Landing
from analysis.requirements import Goal, Link, Needed
from connectors.table import Load, Table
from pipelines import analysis_tables as tables
from pipelines.company import Company
from pipelines.plan_inputs import Inputs, Period, PlannedGoal, PlanTarget, Review, read

INTERVAL = 0.8
"""Landings and forecasts are shown from their P10 to their P90."""
DRIVER_DRAWS = 500
HINDCAST_GOALS, HINDCAST_DRAWS, HINDCAST_POINTS = 4, 500, (1 / 3, 2 / 3)
"""So many periods of the KGI that were over before the first night are forecast from points within them."""
HISTORY_WEEKS = 52
CARRIER = "page_views"
BOUNDS = {"ratio": (0.0, 1.0), "rank": (1.0, np.inf)}
"""What a value of a unit can be; of every other one from 0 on."""
GRAIN_DAYS = {"week": 7, "month": 30, "quarter": 91}
Rows = list[dict[str, Any]]


def loads(con: duckdb.DuckDBPyConnection, company: Company) -> Iterator[Load]:
    """The tables of :data:`pipelines.analysis_tables.TABLES`, for the models as they are built."""
    given = read(con, company.calendar)
    yield _snapshot(tables.FUNNEL, funnel_rows(given))
    yield _snapshot(tables.COHORTS, cohort_rows(given))
    stored = con.execute("select distinct goal_start from analysis.required").fetchall()
    asked = _asked(given, {start for (start,) in stored})
    known = {planned.goal.start: walked_back(given, planned.goal) for planned in asked}
    earlier = con.execute(
        "select goal_start, goal_end, kpi, required, required_probable from analysis.required"
        " where required is not null and (method is null or method <> 'period_ratio') order by goal_start, place"
    ).fetchall()
    shares = share_rows(given, asked, known, _stored(earlier))
    if asked:
        first = asked[0].goal.start
        yield _span(
            tables.REQUIRED, first, date.max, [row for one in asked for row in required_rows(given, one, known)]
        )
        yield _span(tables.REQUIRED_PERIODS, min([first, *(row["period_start"] for row in shares)]), date.max, shares)
    forecasts = [Forecast.of(given, planned) for planned in given.live]
    has_history = con.execute("select 1 from analysis.forecasts limit 1").fetchone()
    if not has_history:
        yield from _by_night(hindcast_rows(given))
    yield _span(tables.FORECASTS, given.as_of, given.as_of, [one.row(given.as_of) for one in forecasts])
    yield _snapshot(tables.REMAINING, [row for one in forecasts for row in remaining_rows(given, one, known)])
    yield _snapshot(tables.DRIVERS, driver_rows(forecasts[0]) if forecasts else [])
    landed = Landings(given, {f.key: Landing.of(f.outlook, INTERVAL) for f in forecasts})
    yield _snapshot(tables.LANDINGS, landing_rows(landed))
    yield _snapshot(tables.SMART_CHECKS, smart_rows(landed, shares, known))


def _snapshot(table: Table, rows: Rows) -> Load:
    return _span(table, None, None, rows)


def _span(table: Table, start: date | None, end: date | None, rows: Rows) -> Load:
    return Load(table, start, end, iter([pa.RecordBatch.from_pylist(rows, schema=table.schema)]), [])


def _records(table: Table, frame: pd.DataFrame) -> Rows:
    """The rows of a frame by the table's columns, with None for what is not known."""
    if frame.empty:
        return []
    frame = frame.reindex(columns=table.schema.names)
    frame = frame.astype(object).where(frame.notna(), None)
    return [
        {str(name): value.date() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def funnel_rows(given: Inputs) -> Rows:
    """The observed funnel, whole and by segment."""
    found: Rows = []
    for way in given.ways:
        moves = given.moves(way)
        segments = [name for name in funnel.SEGMENTS if moves[name].notna().any()]
        found += _records(tables.FUNNEL, funnel.observe(moves, given.as_of, segments))
    return found


def cohort_rows(given: Inputs) -> Rows:
    """What became of those who entered in each week, month and quarter."""
    found: Rows = []
    for way in given.ways:
        moves = given.moves(way)
        for grain in GRAIN_DAYS:
            frame = funnel.cohorts(moves, given.as_of, grain, given.fiscal_year_start)
            found += _records(tables.COHORTS, frame.assign(grain=grain))
    return found


@dataclass(frozen=True)
class WalkedBack:
    """What a period of the KGI requires, with the links it rests on: of its stages, and by grain of what lies above."""

    required: Sequence[requirements.Requirement]
    steps: Sequence[Link]
    amount: Link | None
    ratios: Mapping[str, Sequence[Link]]
    known_on: date


def _asked(given: Inputs, stored: set[date]) -> list[PlannedGoal]:
    """The periods of the KGI whose requirement is (still) to be made: those that are not over, and what is missing."""
    open_ones = [planned.goal.start for planned in given.live]
    missing = [planned.goal.start for planned in given.goals if planned.goal.start not in stored]
    first = min(open_ones + missing, default=date.max)
    return [planned for planned in given.goals if planned.goal.start >= first]


def walked_back(given: Inputs, goal: Goal) -> WalkedBack:
    """The goal of a period, walked back by what was known when it began."""
    known_on = goal.known_on(given.as_of)
    steps, amount = _steps(given, known_on), None
    if goal.kpi == "order_value":
        amount = requirements.amount_link(_amounts(given, known_on))
    chained = [tree.STEPS[stage] for stage in given.way]
    above = tree.above([*chained, goal.kpi], given.measured)
    complete = given.values[given.values["is_complete"]]
    ratios = {grain: requirements.ratio_links(above, complete, grain, known_on) for grain in GRAIN_DAYS}
    return WalkedBack(requirements.walk_back(goal, steps, amount, ratios[goal.grain]), steps, amount, ratios, known_on)


def _steps(given: Inputs, known_on: date) -> list[Link]:
    return requirements.step_links(given.moves(given.way), given.way, known_on) if given.way else []


def _amounts(given: Inputs, known_on: date) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The amounts of the orders won by a day."""
    won = given.entries[(given.entries["stage"] == "won") & (given.entries["entered_on"] <= pd.Timestamp(known_on))]
    amounts = won.merge(given.subjects, on="subject_id")["amount"]
    return np.asarray(amounts.dropna().to_numpy(np.float64))


def required_rows(given: Inputs, planned: PlannedGoal, known: Mapping[date, WalkedBack]) -> Rows:
    goal, found = planned.goal, known[planned.goal.start]
    rows = []
    for place, one in enumerate(found.required):
        link = one.link
        verdict = "insufficient_data" if one.required is None else link.verdict if link else "ok"
        rows.append(
            {
                "goal_start": goal.start,
                "goal_end": goal.end,
                "grain": goal.grain,
                "plan_from": planned.plan_from,
                "known_on": found.known_on,
                "place": place,
                "kpi": one.kpi,
                "confidence": requirements.CONFIDENCE,
                "verdict": verdict,
                "required": one.required,
                "required_probable": one.required_probable,
                "leads_to": link.leads_to if link else None,
                "method": link.method if link else None,
                "rate": link.rate if link else None,
                "rate_low": link.low if link else None,
                "rate_high": link.high if link else None,
                "n": link.n if link else None,
                "horizon_days": link.horizon_days if link else None,
                "lag_q50_days": link.lag_q50_days if link else None,
                "lag_q90_days": link.lag_q90_days if link else None,
            }
        )
    return rows


def _stored(rows: Sequence[tuple[date, date, str, float, float | None]]) -> list[Needed]:
    """What earlier nights found for periods of the KGI."""
    found: dict[tuple[date, date], dict[str, tuple[float, float | None]]] = {}
    for start, end, kpi, required, probable in rows:
        found.setdefault((start, end), {})[kpi] = required, probable
    return [Needed(start, end, amounts) for (start, end), amounts in found.items()]


def share_rows(
    given: Inputs, asked: Sequence[PlannedGoal], known: Mapping[date, WalkedBack], earlier: Sequence[Needed]
) -> Rows:
    """The requirement of every week, month and quarter that a newly made period of the KGI reaches into."""
    # A period of the goal that a newer plan has others for is theirs.
    needed = [one for one in earlier if one.end < asked[0].goal.start] if asked else []
    rows: Rows = []
    for planned in asked:
        goal, found = planned.goal, known[planned.goal.start]
        of_ratios = {link.kpi for link in found.ratios[goal.grain]}
        amounts = {
            one.kpi: (one.required, one.required_probable)
            for one in found.required
            if one.required is not None and one.kpi not in of_ratios
        }
        needed.append(Needed(goal.start, goal.end, amounts))
        inside = [
            (period.grain, period.start, period.end)
            for period in given.periods
            if period.end >= goal.start and goal.start <= period.end <= goal.end
        ]
        shares = requirements.spread(needed[-13:], found.ratios, given.counted, inside)
        rows += [asdict(share) for share in shares]
    return rows


@dataclass(frozen=True)
class Forecast:
    """How a period of the KGI will end, as known on a day."""

    goal: Goal
    plan_from: date
    stages: tuple[str, ...]
    """The stages that it rests on, the goal's own last."""
    pipeline: Pipeline
    spread: Dispersion
    window: Window
    outlook: Outlook

    @classmethod
    def of(
        cls, given: Inputs, planned: PlannedGoal, as_of: date | None = None, draws: int = attainment.DRAWS
    ) -> "Forecast":
        """As known on the night's day, or on an earlier one."""
        goal, today = planned.goal, as_of or given.as_of
        ends = [one.end for one in given.periods if one.grain == goal.grain and one.end < today]
        stages = _known_way(given, today)
        pipeline, spread, window = attainment.forecast(
            given.moves(stages), stages, today, (goal.start, goal.end), sorted(ends)
        )
        if as_of:  # What an open deal was thought to be worth then, a snapshot of today cannot tell.
            pipeline = replace(pipeline, amount=np.full(len(pipeline.amount), np.nan))
        outlook = look(goal)(pipeline, window, spread, draws)
        return cls(goal, planned.plan_from, stages, pipeline, spread, window, outlook)

    @property
    def key(self) -> tuple[str, str, date]:
        return self.goal.kpi, self.goal.grain, self.goal.start

    def row(self, as_of: date, is_hindcast: bool = False) -> dict[str, Any]:
        """Its row in the history. No chance is stated on too little data, and no figures where nothing carries them."""
        outlook, is_known = self.outlook, self.outlook.verdict != "insufficient_data"
        has_figures = is_known or outlook.reason == "short_history"
        return {
            "as_of": as_of,
            "kpi": self.goal.kpi,
            "grain": self.goal.grain,
            "period_start": self.goal.start,
            "period_end": self.goal.end,
            "plan_from": self.plan_from,
            "target": self.goal.target,
            "won": outlook.won,
            "mean": outlook.mean if has_figures else None,
            "p10": outlook.quantile(0.1) if has_figures else None,
            "p50": outlook.quantile(0.5) if has_figures else None,
            "p90": outlook.quantile(0.9) if has_figures else None,
            "chance": outlook.chance(self.goal.target) if is_known or outlook.won >= self.goal.target else None,
            "days_left": max(self.window.days, 0),
            "past_forecasts": float(self.spread.forecasts),
            "verdict": outlook.verdict,
            "reason": outlook.reason or None,
            "is_hindcast": is_hindcast,
        }


def _known_way(given: Inputs, today: date) -> tuple[str, ...]:
    """The stages from the first one on from which every rate to the goal is known.

    A stage that has hardly been used yet then does not keep the deals from being forecast; who passes it is counted
    as coming in at the next one.
    """
    verdicts = [link.verdict for link in _steps(given, today)[:-1]]
    unknown = [number for number, verdict in enumerate(verdicts) if verdict == "insufficient_data"]
    return given.way[unknown[-1] + 1 :] if unknown else given.way or ("won",)


def look(goal: Goal) -> Any:
    """Whether the goal is a number of subjects or their amounts."""
    return attainment.value_outlook if goal.kpi == "order_value" else attainment.outlook


def hindcast_rows(given: Inputs) -> Rows:
    """Forecasts of periods that were over before the first night, from what was known within them."""
    rows = []
    over = [planned for planned in given.goals if planned.goal.end < given.as_of]
    for planned in over[-HINDCAST_GOALS:]:
        goal = planned.goal
        for share in HINDCAST_POINTS:
            day = goal.start + timedelta(days=round((goal.end - goal.start).days * share))
            rows.append(Forecast.of(given, planned, day, HINDCAST_DRAWS).row(day, is_hindcast=True))
    return rows


def _by_night(rows: Rows) -> Iterator[Load]:
    for row in rows:
        yield _span(tables.FORECASTS, row["as_of"], row["as_of"], [row])


def remaining_rows(given: Inputs, forecast: Forecast, known: Mapping[date, WalkedBack]) -> Rows:
    """What each stage must still bring for the goal of a period if it alone had to."""
    goal, pipeline = forecast.goal, forecast.pipeline
    target, won = goal.target, pipeline.won
    if goal.kpi == "order_value":
        amount = known[goal.start].amount
        if amount is None or not amount.rate:
            return []
        target = won + (goal.target - pipeline.won_value) / amount.rate
    if not pipeline.steps:
        return []
    waiting, _ = chain.Waiting.of(pipeline.stage, pipeline.age)
    history = [_weekly(given, stage) for stage in forecast.stages]
    found = backcalculation.lagged(
        target, won, pipeline.steps, waiting, given.as_of, goal.end, history, opens=goal.start
    )
    return [
        {
            "goal_start": goal.start,
            "kpi": tree.STEPS[forecast.stages[one.stage]],
            "won": won,
            "from_pipeline": one.from_pipeline,
            "useful_share": one.useful_share,
            "verdict": one.verdict,
            "extra": one.extra,
            "extra_per_week": one.extra_per_week,
            "coin_flip_on": one.coin_flip_date,
            "last_useful_on": one.last_useful_date,
        }
        for one in found
    ]


def _weekly(given: Inputs, stage: str) -> list[float]:
    """How many entered a stage in each of the last weeks that are whole."""
    entered = given.entries.loc[given.entries["stage"] == stage, "entered_on"]
    weeks = (pd.Timestamp(given.as_of) - entered).dt.days // 7
    first = int(weeks.max()) if len(weeks) else 0
    counts = np.bincount(weeks[(weeks >= 0) & (weeks < HISTORY_WEEKS)], minlength=min(first, HISTORY_WEEKS))
    return [float(count) for count in counts[: min(first, HISTORY_WEEKS)]]


def driver_rows(forecast: Forecast) -> Rows:
    """Which change makes the goal more likely; a tenth more of each rate and of each stage's new entries."""
    pipeline, goal = forecast.pipeline, forecast.goal
    if not pipeline.steps or forecast.window.days <= 0 or forecast.outlook.verdict == "insufficient_data":
        return []
    found = attainment.drivers(pipeline, forecast.window, goal.target, forecast.spread, look(goal), draws=DRIVER_DRAWS)
    rows = []
    for place, one in enumerate(found):
        if one.kind == "rate":
            driver, unit, size = tree.RATES[forecast.stages[one.stage + 1]], "point", 100.0
            level = pipeline.steps[one.stage].rate
        else:
            driver, unit, size = tree.STEPS[forecast.stages[one.stage]], "per_week", 1.0
            level = float(pipeline.starts[one.stage]) / pipeline.intake_days * 7
        rows.append(
            {
                "period_start": goal.start,
                "driver": driver,
                "kind": one.kind,
                "place": place,
                "level": level,
                "unit": unit,
                "gain": one.gain,
                "gain_per_unit": one.gain / (0.1 * level * size) if level > 0 else 0.0,
                "more_of_the_goal": one.more,
            }
        )
    return rows


@dataclass(frozen=True)
class Landings:
    """The landings of the KPIs' periods; of the KGI they are its forecasts, so that every place says the same."""

    given: Inputs
    goals: Mapping[tuple[str, str, date], Landing]

    @cached_property
    def _complete(self) -> pd.DataFrame:
        values = self.given.values
        return values[values["is_complete"]]

    @cached_property
    def running(self) -> list[Period]:
        as_of = self.given.as_of
        return [one for one in self.given.periods if one.start <= as_of < one.end]

    def history(self, kpi: str, grain: str) -> pd.Series:
        """Its values in complete periods, under the periods' first days."""
        values = self._complete
        mine = values[(values["kpi"] == kpi) & (values["grain"] == grain)]
        return mine.set_index("period_start")["value"]

    def so_far(self, kpi: str, period: Period) -> float | None:
        values = self.given.values
        mine = values[
            (values["kpi"] == kpi)
            & (values["grain"] == period.grain)
            & (values["period_start"] == pd.Timestamp(period.start))
        ]
        return float(mine["value"].iloc[0]) if len(mine) else None

    def of(self, kpi: str, period: Period) -> Landing | None:
        """None where nothing of the KPI is known."""
        key = kpi, period.grain, period.start
        if key not in self._found:
            self._found[key] = self.goals.get(key) or self._project(kpi, period)
        return self._found[key]

    @cached_property
    def _found(self) -> dict[tuple[str, str, date], Landing | None]:
        return {}

    def _project(self, kpi: str, period: Period) -> Landing | None:
        if self.given.kpis[kpi].landing == "days":
            return self._of_days(kpi, period)
        past = self.history(kpi, period.grain)
        # What has not had its days to mature is no measure of the period yet.
        is_telling = period.start <= self.given.as_of and not self.given.kpis[kpi].matures_after_days
        so_far = self.so_far(kpi, period) if is_telling else None
        if not len(past) and so_far is None:
            return None
        return self._of_periods(kpi, period, past, so_far)

    def _of_days(self, kpi: str, period: Period) -> Landing | None:
        known = self.given.daily(kpi)
        if known is None:
            return None
        daily, last = known
        calendar = self.given.calendar
        country = calendar.holidays if calendar.holidays != "none" else None
        return pace.landing(daily, last, (period.start, period.end), INTERVAL, country, calendar.closed)

    def _of_periods(self, kpi: str, period: Period, past: pd.Series, so_far: float | None) -> Landing | None:
        values, passed = past.to_numpy(np.float64), period.pace if so_far is not None else 0.0
        bounds = BOUNDS.get(self.given.kpis[kpi].unit, (0.0, np.inf))
        match self.given.kpis[kpi].landing:
            case "uniques":
                views = self.of(CARRIER, period)
                carriers = self.history(CARRIER, period.grain).reindex(past.index).to_numpy(np.float64)
                if views is None:
                    return None
                return landings.uniques(values, so_far, passed, carriers, views, INTERVAL)
            case "stock":
                before = [one for one in self.running if one.grain == period.grain and so_far is None]
                latest = self.so_far(kpi, before[0]) if before else None
                ahead = 1 - before[0].pace if before else 0.0
                return landings.stock(values, so_far, passed, latest, ahead, bounds, INTERVAL)
            case "losses":
                return landings.losses(values, so_far, passed, confidence=INTERVAL)
        return landings.share(values, so_far, passed, bounds, INTERVAL)


def landing_rows(landed: Landings) -> Rows:
    """Where every KPI's running week, month and quarter will end."""
    rows = []
    for period in landed.running:
        for kpi in sorted(landed.given.measured):
            found = landed.of(kpi, period)
            if found is not None:
                rows.append(
                    {
                        "kpi": kpi,
                        "grain": period.grain,
                        "period_start": period.start,
                        "verdict": found.verdict,
                        "projected": found.projected,
                        "projected_low": found.low,
                        "projected_high": found.high,
                    }
                )
    return rows


def smart_rows(landed: Landings, shares: Rows, known: Mapping[date, WalkedBack]) -> Rows:
    """The SMART checks of the newest plan's targets."""
    given = landed.given
    required = {(row["kpi"], row["grain"], row["period_start"]): row["required"] for row in shares}
    by_entry: dict[int, list[PlanTarget]] = {}
    for target in given.targets:
        if target.is_newest:
            by_entry.setdefault(target.entry, []).append(target)
    rows = []
    for entry, listed in by_entry.items():
        judged = _judged(given, listed)
        start = judged.period_start
        level = judged.target
        if judged.kind == "from_kgi" and judged.grain and start:
            level = required.get((judged.kpi, judged.grain, start))
        found = smart.check(_smart_target(landed, judged, level, known))
        rows.append({"entry": entry, **asdict(found), "period_start": start, "level": level})
    return rows


def _judged(given: Inputs, listed: Sequence[PlanTarget]) -> PlanTarget:
    """A target with the period that it is judged on: the first one that can still be changed for the most part.

    That is the running one until half of it has passed, then the next, if its number is known. Else the last.
    """
    with_period = sorted((one for one in listed if one.period_start), key=lambda one: one.period_start or date.min)
    coming = [one for one in with_period if one.period_end and one.period_end >= given.as_of][:2]
    if not coming:
        return with_period[-1] if with_period else listed[0]
    is_late = any(
        one.pace >= 0.5 for one in given.periods if (one.grain, one.start) == (coming[0].grain, coming[0].period_start)
    )
    is_known = len(coming) > 1 and (coming[1].target is not None or coming[1].kind == "from_kgi")
    return coming[1] if is_late and is_known else coming[0]


def _smart_target(
    landed: Landings, judged: PlanTarget, level: float | None, known: Mapping[date, WalkedBack]
) -> smart.Target:
    given, kpi = landed.given, landed.given.kpis[judged.kpi]
    history = landed.history(judged.kpi, judged.grain or "month")
    period = next((one for one in given.periods if (one.grain, one.start) == (judged.grain, judged.period_start)), None)
    forecast = landed.of(judged.kpi, period) if period and kpi.is_measurable and _is_near(given, period) else None
    goal = given.goals[0].goal.kpi if given.goals else ""
    return smart.Target(
        kpi=kpi.kpi,
        label_ja=kpi.label_ja,
        label_en=kpi.label_en,
        unit=kpi.unit,
        direction=kpi.direction,
        as_of=given.as_of,
        grain=judged.grain,
        start=judged.start,
        end=judged.end,
        level=level,
        change=judged.change,
        over=judged.over,
        owner=judged.owner,
        segment=judged.segment,
        is_measurable=kpi.is_measurable,
        reason=kpi.reason or "",
        recent_values=tuple(history.tail(2)),
        history=tuple(history),
        forecast=forecast,
        is_kgi=judged.is_kgi,
        is_ancestor=tree.is_ancestor(kpi.kpi, goal),
        review_days=_reviews(given, judged),
        lag_days=_lag(given, kpi.kpi, known),
    )


def _is_near(given: Inputs, period: Period) -> bool:
    """Only the running period and the next one are forecast."""
    return (period.start - given.as_of).days <= GRAIN_DAYS[period.grain] + 1


def _reviews(given: Inputs, judged: PlanTarget) -> int:
    """How many review meetings lie in the days of a target."""
    if judged.start is None or judged.end is None:
        return 0
    days = [judged.start + timedelta(days=number) for number in range((judged.end - judged.start).days + 1)]
    return sum(_is_meeting(given, review, day) for review in given.reviews for day in days)


def _is_meeting(given: Inputs, review: Review, day: date) -> bool:
    """Whether a meeting that comes again is held on a day: on its weekday, or its business day after a period's end."""
    if review.every == "week":
        return day.strftime("%A").lower() == review.weekday
    begins_period = review.every == "month" or (day.month - given.fiscal_year_start) % 3 == 0
    counted = sum(given.counted.get(day.replace(day=number), True) for number in range(1, day.day + 1))
    return begins_period and counted == review.business_day and given.counted.get(day, True)


def _lag(given: Inputs, kpi: str, known: Mapping[date, WalkedBack]) -> int | None:
    """The median days from a KPI to the KGI: those of the stages that lie between them."""
    if not known:
        return None
    found = list(known.values())[-1]
    medians = {link.kpi: link.lag_q50_days for link in found.steps}
    parent: str | None = kpi
    days: list[int] = []
    while parent is not None:
        lag = medians.get(parent)
        days += [lag] if lag is not None else []
        parent = tree.LEADS_TO.get(parent) or tree.DRIVES.get(parent)
    return sum(days) if days else None
