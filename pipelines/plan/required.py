"""What the periods of the KGI require, by what was known when each began."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd

from analysis import requirements, tree
from analysis.requirements import Goal, Link, Needed
from pipelines.plan.inputs import GRAIN_DAYS, Inputs, PlannedGoal, Rows


@dataclass(frozen=True)
class WalkedBack:
    """What a period of the KGI requires, with the links it rests on: of its stages, and by grain of what lies above."""

    required: Sequence[requirements.Requirement]
    steps: Sequence[Link]
    amount: Link | None
    ratios: Mapping[str, Sequence[Link]]
    known_on: date


def asked(given: Inputs, there: set[date]) -> list[PlannedGoal]:
    """The periods of the KGI whose requirement is (still) to be made: those that are not over, and what is missing."""
    open_ones = [planned.goal.start for planned in given.live]
    missing = [planned.goal.start for planned in given.goals if planned.goal.start not in there]
    first = min(open_ones + missing, default=date.max)
    return [planned for planned in given.goals if planned.goal.start >= first]


def walked_back(given: Inputs, goal: Goal) -> WalkedBack:
    """The goal of a period, walked back by what was known when it began."""
    known_on = goal.known_on(given.as_of)
    links, amount = steps(given, known_on), None
    if goal.kpi == "order_value":
        amount = requirements.amount_link(_amounts(given, known_on))
    chained = [tree.STEPS[stage] for stage in given.way]
    above = tree.above([*chained, goal.kpi], given.measured)
    complete = given.values[given.values["is_complete"]]
    ratios = {grain: requirements.ratio_links(above, complete, grain, known_on) for grain in GRAIN_DAYS}
    return WalkedBack(requirements.walk_back(goal, links, amount, ratios[goal.grain]), links, amount, ratios, known_on)


def steps(given: Inputs, known_on: date) -> list[Link]:
    return requirements.step_links(given.moves(given.way), given.way, known_on) if given.way else []


def _amounts(given: Inputs, known_on: date) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The amounts of the orders won by a day."""
    won = given.entries[(given.entries["stage"] == "won") & (given.entries["entered_on"] <= pd.Timestamp(known_on))]
    amounts = won.merge(given.subjects, on="subject_id")["amount"]
    return np.asarray(amounts.dropna().to_numpy(np.float64))


def required_rows(planned: PlannedGoal, known: Mapping[date, WalkedBack]) -> Rows:
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


def stored(rows: Sequence[tuple[date, date, str, float, float | None]]) -> list[Needed]:
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
            (period.grain, period.start, period.end) for period in given.periods if goal.start <= period.end <= goal.end
        ]
        shares = requirements.spread(needed, found.ratios, given.counted, inside)
        rows += [asdict(share) for share in shares]
    return rows
