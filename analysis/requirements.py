"""What the goal of a period requires of every KPI that leads to it, from what was known when the period began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil

import numpy as np
import pandas as pd
from scipy import stats

from analysis import backcalculation, funnel, lags, rates, tree
from analysis.rates import Beta, Floats

CONFIDENCE = 0.8
"""With which a probable requirement reaches the goal."""
RATIO_PERIODS = {"week": 13, "month": 6, "quarter": 4}
"""How many complete periods of a grain tell how many of one KPI there are for one of another."""


@dataclass(frozen=True)
class Goal:
    """The KGI of one period of its grain, both days included."""

    kpi: str
    grain: str
    start: date
    end: date
    target: float

    def known_on(self, as_of: date) -> date:
        """The day whose knowledge the requirement rests on: the one before the period, or an earlier ``as_of``."""
        return min(as_of, self.start - timedelta(days=1))


@dataclass(frozen=True)
class Link:
    """How much of the KPI that it leads to comes of one of a KPI: the ``rate``, its interval, and how far it is known.

    ``method``: aalen_johansen (the share that moves on within ``horizon_days``), period_ratio (in complete periods),
    mean_amount (the value of an order). ``deviation`` is that of the rate's logarithm for the next period. ``rate`` is
    None where nothing is known. ``verdict`` is ok, weak or insufficient_data.
    """

    kpi: str
    leads_to: str
    method: str
    rate: float | None
    low: float | None
    high: float | None
    deviation: float
    n: int
    verdict: str
    posterior: Beta | None = None
    horizon_days: int | None = None
    lag_q50_days: int | None = None
    lag_q90_days: int | None = None


@dataclass(frozen=True)
class Requirement:
    """What a period of the goal requires of a KPI: ``required`` in expectation (the next KPI's over the rate), and
    ``required_probable`` so that the goal is reached with the stated confidence. None where no number would do.

    ``link`` is the way to the next KPI; the goal itself has none.
    """

    kpi: str
    required: float | None
    required_probable: float | None
    link: Link | None


def step_links(moves: pd.DataFrame, stages: Sequence[str], known_on: date, confidence: float = 0.9) -> list[Link]:
    """The links between the stages of :func:`analysis.funnel.transitions`, first stage first."""
    found = []
    for stage, following in pairwise(stages):
        days, status = funnel.spells(moves[moves["stage"] == stage], known_on)
        curve, horizon = rates.aalen_johansen(days, status), rates.horizon(days, status)
        rate = rates.rate_within(curve, horizon, confidence)
        sd = (rate.posterior.mean * (1 - rate.posterior.mean) / (rate.posterior.a + rate.posterior.b + 1)) ** 0.5
        found.append(
            Link(
                kpi=tree.STEPS[stage],
                leads_to=tree.STEPS[following],
                method="aalen_johansen",
                rate=rate.rate if rate.n else None,
                low=rate.low if rate.n else None,
                high=rate.high if rate.n else None,
                deviation=sd / rate.posterior.mean,
                n=rate.n,
                verdict=rate.verdict,
                posterior=rate.posterior,
                horizon_days=rate.horizon_days if rate.n else None,
                lag_q50_days=lags.quantile(curve, 0.5, horizon),
                lag_q90_days=lags.quantile(curve, 0.9, horizon),
            )
        )
    return found


def amount_link(amounts: Floats, confidence: float = 0.9) -> Link:
    """How much one order brings: the mean of the amounts known so far, with Student's interval."""
    n = len(amounts)
    mean = float(amounts.mean()) if n and amounts.mean() > 0 else None
    if mean is None or n < 2:
        return Link("orders", "order_value", "mean_amount", mean, None, None, 0.0, n, "insufficient_data")
    error = float(amounts.std(ddof=1)) / n**0.5
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    verdict = "insufficient_data" if n < rates.MIN_OUTCOMES else "weak" if n < rates.FEW_CONVERSIONS else "ok"
    return Link(
        "orders", "order_value", "mean_amount", mean, max(mean - reach, 0.0), mean + reach, error / mean, n, verdict
    )


def ratio_link(kpi: str, leads_to: str, counts: Floats, following: Floats, confidence: float = 0.9) -> Link:
    """How many of the next KPI came for one of a KPI in the same complete periods; both arrays in their order.

    The interval is that of the next period's ratio: as wide as the periods differed from each other (Student's t of
    the logarithms), and never narrower than chance makes counts of this size differ.
    """
    n = len(counts)
    both = float(counts.sum()), float(following.sum())
    if min(both) <= 0:
        return Link(kpi, leads_to, "period_ratio", None, None, None, 0.0, n, "insufficient_data")
    rate = both[1] / both[0]
    chance = (1 / both[0] + 1 / both[1]) * n  # of one period's logarithm
    logs = np.log((following + 0.5) / (rate * counts + 0.5))
    spread = float((logs**2).sum()) / max(n - 1, 1)
    deviation = (max(spread, chance) * (1 + 1 / n)) ** 0.5
    reach = float(stats.t.ppf((1 + confidence) / 2, max(n - 1, 1))) * deviation
    verdict = "ok" if n >= 3 else "weak" if n == 2 else "insufficient_data"
    low, high = float(rate * np.exp(-reach)), float(rate * np.exp(reach))
    return Link(kpi, leads_to, "period_ratio", rate, low, high, deviation, n, verdict)


def walk_back(
    goal: Goal, steps: Sequence[Link], amount: Link | None, ratios: Sequence[Link], confidence: float = CONFIDENCE
) -> list[Requirement]:
    """From the goal down: through the value of an order where the goal is money, the stages, and the ratios above.

    ``ratios`` are in the order of :func:`analysis.tree.above`. The confidence is that of the goal: what is uncertain
    in an amount or a ratio is added to what is uncertain in the stages as variances are, not one margin upon another.
    """
    found = {goal.kpi: Requirement(goal.kpi, goal.target, goal.target, None)}
    target, deviation = goal.target, 0.0
    if amount is not None:
        if not amount.rate:
            return [*found.values(), Requirement(amount.kpi, None, None, amount)]
        target = goal.target / amount.rate
        # The mean is uncertain, and so are the amounts of the orders still to come.
        deviation = amount.deviation * (1 + amount.n / max(target, 1.0)) ** 0.5
        found[amount.kpi] = Requirement(amount.kpi, target, _widened(target, target, deviation, confidence), amount)
    needed = backcalculation.static(target, [link.rate or 0.0 for link in steps])
    posteriors = [link.posterior for link in steps if link.posterior]
    probable = backcalculation.probabilistic(ceil(round(target, 9)), posteriors, confidence)
    for number in reversed(range(len(steps))):
        wide = _widened(needed[number], probable[number], deviation, confidence)
        found[steps[number].kpi] = Requirement(steps[number].kpi, needed[number], wide, steps[number])
    for link in ratios:
        behind = found.get(link.leads_to)
        if behind is None or behind.required is None or not link.rate:
            found[link.kpi] = Requirement(link.kpi, None, None, link)
            continue
        required, behind_probable = behind.required / link.rate, behind.required_probable
        own = None if behind_probable is None else behind_probable / link.rate
        wide = _widened(required, own, link.deviation, confidence)
        found[link.kpi] = Requirement(link.kpi, required, wide, link)
    return list(found.values())


def _widened(required: float | None, probable: float | None, deviation: float, confidence: float) -> float | None:
    """``probable``, with what else is uncertain (as the deviation of a logarithm) beside what it is already for."""
    if required is None or probable is None or min(required, probable) <= 0:
        return required if required == 0 else None
    margin = np.hypot(np.log(probable / required), stats.norm.ppf(confidence) * deviation)
    return required * float(np.exp(margin))


def ratio_links(above: Sequence[tuple[str, str]], values: pd.DataFrame, grain: str, known_on: date) -> list[Link]:
    """The ratios at a grain, from the last complete periods that ended by ``known_on``.

    ``values`` has kpi, grain, period_start, period_end and value of complete periods.
    """
    known = values[(values["grain"] == grain) & (values["period_end"] <= pd.Timestamp(known_on))]
    table = known.pivot(index="period_start", columns="kpi", values="value").sort_index()
    found = []
    for kpi, leads_to in above:
        if kpi not in table or leads_to not in table:
            nothing = np.zeros(0)
            found.append(ratio_link(kpi, leads_to, nothing, nothing))
            continue
        both = table[[kpi, leads_to]].dropna().tail(RATIO_PERIODS[grain])
        found.append(ratio_link(kpi, leads_to, both[kpi].to_numpy(np.float64), both[leads_to].to_numpy(np.float64)))
    return found


@dataclass(frozen=True)
class Needed:
    """What one period of the goal requires of the goal and its stages, by KPI: in expectation, and probably."""

    start: date
    end: date
    amounts: Mapping[str, tuple[float, float | None]]


@dataclass(frozen=True)
class Share:
    """What a period of any grain requires of a KPI; ``goal_start`` is the period of the goal that it ends in."""

    grain: str
    period_start: date
    kpi: str
    goal_start: date
    required: float
    required_probable: float | None


def spread(
    needed: Sequence[Needed],
    ratios: Mapping[str, Sequence[Link]],
    counted: Mapping[date, bool],
    periods: Sequence[tuple[str, date, date]],
) -> list[Share]:
    """What shorter and longer periods require: their share of the counted days of the goal's periods they lie in.

    ``needed`` in the order of time; ``counted`` says of each day whether it counts; ``periods`` are grains with first
    and last days. The KPIs above the stages are measured at each grain by themselves (users of three months are not
    those of the quarter), so ``ratios`` gives the links of each grain. A period with a day in no period of the goal
    requires nothing.
    """
    found = []
    for grain, start, end in periods:
        parts = [(goal, _days(max(start, goal.start), min(end, goal.end))) for goal in needed]
        parts = [(goal, inside) for goal, inside in parts if inside]
        if sum(len(inside) for _, inside in parts) < len(_days(start, end)):
            continue
        shares = [(goal, _share(counted, inside, _days(goal.start, goal.end))) for goal, inside in parts]
        amounts = _through_ratios(_summed(shares), ratios[grain])
        goal_start = parts[-1][0].start
        found += [Share(grain, start, kpi, goal_start, *amount) for kpi, amount in amounts.items()]
    return found


def _summed(shares: Sequence[tuple[Needed, float]]) -> dict[str, tuple[float, float | None]]:
    """The shares of several goals together, of the KPIs that all of them know."""
    known = set.intersection(*(set(goal.amounts) for goal, _ in shares))
    sums: dict[str, tuple[float, float | None]] = {}
    for kpi in (kpi for kpi in shares[-1][0].amounts if kpi in known):
        amounts = [(goal.amounts[kpi], share) for goal, share in shares]
        probable = [probable * share for (_, probable), share in amounts if probable is not None]
        whole = sum(required * share for (required, _), share in amounts)
        sums[kpi] = whole, sum(probable) if len(probable) == len(amounts) else None
    return sums


def _through_ratios(
    amounts: dict[str, tuple[float, float | None]], links: Sequence[Link]
) -> dict[str, tuple[float, float | None]]:
    for link in links:
        behind = amounts.get(link.leads_to)
        if behind is not None and link.rate:
            required = behind[0] / link.rate
            probable = behind[1] / link.rate if behind[1] is not None else None
            amounts[link.kpi] = required, _widened(required, probable, link.deviation, CONFIDENCE)
    return amounts


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _share(counted: Mapping[date, bool], days: Sequence[date], goal: Sequence[date]) -> float:
    """The share of a goal's counted days; of one without any, of its days."""
    whole = sum(counted.get(day, True) for day in goal)
    return sum(counted.get(day, True) for day in days) / whole if whole else len(days) / len(goal)
