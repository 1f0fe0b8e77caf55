"""How the periods of the KGI will end, what each stage must still bring, and what buys most."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from analysis import attainment, backcalculation, chain, tree
from analysis.attainment import Outlook, Pipeline, Window
from analysis.calibration import Dispersion
from analysis.requirements import Goal
from pipelines.plan.inputs import Inputs, PlannedGoal, Rows
from pipelines.plan.required import WalkedBack, steps

DRIVER_DRAWS = 500
HINDCAST_GOALS, HINDCAST_DRAWS, HINDCAST_POINTS = 4, 500, (1 / 3, 2 / 3)
"""So many periods of the KGI that were over before the first night are forecast from points within them."""
HISTORY_WEEKS = 52


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
            "chance": stated_chance(outlook, self.goal.target),
            "days_left": max(self.window.days, 0),
            "past_forecasts": float(self.spread.forecasts),
            "verdict": outlook.verdict,
            "reason": outlook.reason or None,
            "is_hindcast": is_hindcast,
        }


def stated_chance(outlook: Outlook, target: float) -> float | None:
    """The chance of a target; None on too little data, unless it is reached already."""
    is_known = outlook.verdict != "insufficient_data" or outlook.won >= target
    return outlook.chance(target) if is_known else None


def _known_way(given: Inputs, today: date) -> tuple[str, ...]:
    """The stages from the first one on from which every rate to the goal is known.

    A stage that has hardly been used yet then does not keep the deals from being forecast; who passes it is counted
    as coming in at the next one.
    """
    verdicts = [link.verdict for link in steps(given, today)[:-1]]
    unknown = [number for number, verdict in enumerate(verdicts) if verdict == "insufficient_data"]
    return given.way[unknown[-1] + 1 :] if unknown else given.way or ("won",)


def look(goal: Goal) -> Callable[..., Outlook]:
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
