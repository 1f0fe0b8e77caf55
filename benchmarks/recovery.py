"""Whether the analysis finds the truth of worlds whose truth is known: the demo's contacts, MQLs, deals and orders.

    python -m benchmarks.recovery

200 worlds of other seeds, each looked at as of one day, about which nothing later is known. The truth of a rate is
what becomes of everybody in all of those worlds, however long it takes; that of a forecast is the quarter's end.
"""

import time
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from analysis import attainment, calibration, funnel, rates
from analysis.rates import Floats, Ints
from demo import crm, people
from demo.season import DAY
from demo.world import day_number

STAGES = ("mql", "deal", "won")
SEEDS = range(1, 201)
AS_OF = date(2026, 1, 20)
HISTORY_DAYS, YOUNG_DAYS = 540, 180
MEANINGFUL = 0.05
"""The bias that is allowed, as a share of the truth."""


def events(seed: int, last_entry: date, days: int = HISTORY_DAYS) -> pd.DataFrame:
    """subject_id, stage and entered_on, with the whole future, of who became an MQL in the days up to a day."""
    last = day_number(last_entry)
    paths = crm.journeys(people.people(seed, last - days - 200, last))
    mql = paths.mql // DAY
    chosen = (mql > last - days) & (mql <= last)
    moments = {
        "mql": paths.mql,
        "deal": paths.deal,
        "won": np.where(paths.won, paths.closed, people.NEVER),
        "exit": np.minimum(paths.disqualified, np.where(paths.won, people.NEVER, paths.closed)),
    }
    parts = []
    for stage, moment in moments.items():
        rows = np.flatnonzero(chosen & (moment < people.NEVER))
        parts.append(pd.DataFrame({"subject_id": rows, "stage": stage, "entered_on": _dates(moment[rows] // DAY)}))
    return pd.concat(parts, ignore_index=True)


def _dates(days: Ints) -> pd.Series:
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[s]"))


@dataclass(frozen=True)
class RateRecovery:
    """Of one transition over all worlds: how often the 90 % interval held the truth, and the mean relative errors."""

    stage: str
    truth: float
    coverage: float
    bias: float
    naive_of_all: float
    naive_of_closed: float


def recover_rates(seeds: range = SEEDS, history_days: int = HISTORY_DAYS) -> list[RateRecovery]:
    """The rate within its horizon, from what is known on AS_OF, against all of these worlds followed to their ends."""
    distant = AS_OF + timedelta(days=3650)
    seen: dict[str, list[tuple[rates.Rate, dict[str, float | None]]]] = {stage: [] for stage in STAGES[:-1]}
    true: dict[str, list[Floats]] = {stage: [] for stage in STAGES[:-1]}
    for seed in seeds:
        found = events(seed, AS_OF, history_days)
        known, whole = (funnel.transitions(found, STAGES, day) for day in (AS_OF, distant))
        for stage in STAGES[:-1]:
            days, status = funnel.spells(known[known["stage"] == stage], AS_OF)
            curve = rates.aalen_johansen(days, status)
            rate = rates.rate_within(curve, rates.horizon(days, status))
            seen[stage].append((rate, rates.naive_rates(days, status)))
            later = whole[(whole["stage"] == stage) & (whole["entered_on"] <= pd.Timestamp(AS_OF))]
            lag, how = funnel.spells(later, distant)
            arrived = np.bincount(lag[how == rates.CONVERTED], minlength=rates.LONGEST_HORIZON + 1)
            true[stage].append(arrived[: rates.LONGEST_HORIZON + 1].cumsum() / len(lag))
    return [_recovered(stage, seen[stage], np.mean(true[stage], axis=0)) for stage in STAGES[:-1]]


def _recovered(stage: str, seen: list[tuple[rates.Rate, dict[str, float | None]]], curve: Floats) -> RateRecovery:
    truths = np.array([curve[rate.horizon_days] for rate, _ in seen])

    def off(values: list[float | None]) -> float:
        return float(np.mean(np.array(values, np.float64) / truths) - 1)

    return RateRecovery(
        stage,
        float(truths.mean()),
        float(np.mean([rate.low <= truth <= rate.high for (rate, _), truth in zip(seen, truths, strict=True)])),
        off([rate.rate for rate, _ in seen]),
        off([naive["of_all"] for _, naive in seen]),
        off([naive["of_closed"] for _, naive in seen]),
    )


@dataclass(frozen=True)
class Quarters:
    """How forecasts of orders, made at some point of a quarter, turned out."""

    forecasts: int
    coverage: float
    """How often the 90 % interval held the outcome."""
    brier: float
    brier_of_always_the_same: float
    """The Brier score of always giving the share of targets that were reached."""
    bias: float
    reliability: pd.DataFrame


def forecast_quarters(seeds: range = SEEDS) -> Quarters:
    """One quarter of each world, after 20 to 80 days of it, with a target between 70 and 130 % of the usual."""
    rng = np.random.Generator(np.random.PCG64(7))
    starts = [date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1), date(2026, 1, 1)]
    chances, reached, held, expected, came = [], [], [], [], []
    for seed in seeds:
        start = starts[seed % 4]
        end = (pd.Timestamp(start) + pd.offsets.QuarterEnd(1)).date()
        as_of = start + timedelta(days=int(rng.integers(20, 81)))
        found = events(seed, end)
        orders = found.loc[found["stage"] == "won", "entered_on"]
        actual = int(orders.between(pd.Timestamp(start), pd.Timestamp(end)).sum())
        usual = orders.between(pd.Timestamp(start - timedelta(days=182)), pd.Timestamp(start - timedelta(days=1))).sum()
        target = max(1, round(usual / 2 * rng.uniform(0.7, 1.3)))
        earlier = [(pd.Timestamp(start) - pd.offsets.QuarterEnd(number)).date() for number in range(1, 5)]
        known, spread, days = attainment.forecast(
            funnel.transitions(found, STAGES, as_of), STAGES, as_of, (start, end), earlier
        )
        outlook = attainment.outlook(known, days, spread)
        chances.append(outlook.chance(target))
        reached.append(actual >= target)
        held.append(outlook.quantile(0.05) <= actual <= outlook.quantile(0.95))
        expected.append(outlook.mean)
        came.append(actual)
    return Quarters(
        len(seeds),
        float(np.mean(held)),
        calibration.brier(chances, reached) or 0.0,
        calibration.brier([float(np.mean(reached))] * len(reached), reached) or 0.0,
        float(np.sum(expected) / np.sum(came) - 1),
        calibration.reliability(chances, reached),
    )


def main() -> None:
    began = time.monotonic()
    print("rates of 200 worlds, 90 % intervals: truth within, bias; bias of won/all and won/closed")
    for days in (HISTORY_DAYS, YOUNG_DAYS):
        for found in recover_rates(SEEDS, days):
            print(
                f"  {days} days, {found.stage:5} truth {found.truth:.4f}  within {found.coverage:.1%}"
                f"  bias {found.bias:+.1%}  of all {found.naive_of_all:+.1%}  of closed {found.naive_of_closed:+.1%}"
            )
    quarters = forecast_quarters()
    print(
        f"{quarters.forecasts} quarters: within {quarters.coverage:.1%}  Brier {quarters.brier:.4f}"
        f" (always the same {quarters.brier_of_always_the_same:.4f})  bias {quarters.bias:+.1%}"
    )
    print(quarters.reliability.round(3).to_string(index=False))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
