"""The stages on the way to the goal as one chain: who reaches it within how many days."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from analysis import lags, rates
from analysis.rates import Beta, Floats, Incidence, Ints

LONGEST = 730
"""Days after which no conversion is expected any more."""


@dataclass(frozen=True)
class Step:
    """From one stage to the next: the share that moves on after exactly 0, 1, 2 ... days (``moves``), the share that
    has left by then (``left``, same length), and the posterior of the rate, of which ``rate`` is the point."""

    moves: Floats
    left: Floats
    rate: float
    posterior: Beta
    verdict: str

    @classmethod
    def sure(cls, rate: float, lag_days: ArrayLike = (1.0,)) -> Self:
        """A step that is known: its rate, and the share of its conversions after 0, 1, 2 ... days."""
        moves = rate * np.asarray(lag_days, np.float64)
        return cls(moves, np.zeros(len(moves)), rate, Beta(rate * 1e9 + 0.5, (1 - rate) * 1e9 + 0.5), "ok")

    @property
    def whole(self) -> float:
        """The share that moves on in the end."""
        return float(self.moves.sum())


def step(days: Ints, status: Ints) -> Step:
    """The step observed in times and statuses (see :mod:`analysis.rates`).

    Where five subjects were not observed for twice the horizon, slow conversions are yet to be seen: a fitted mixture
    continues the curve beyond that time, if one fits. Without any conversion the posterior mean is spread evenly over
    the observed times: nothing seen is not impossible.
    """
    curve = rates.aalen_johansen(days, status)
    horizon_days = rates.horizon(days, status)
    found = rates.rate_within(curve, horizon_days)
    if not curve.conversions:
        length = max(len(curve.converted), 30)
        moves = np.full(length, found.posterior.mean / length)
        left = np.concatenate((curve.left, np.full(length - len(curve.left), curve.left[-1])))
        left = np.minimum(left, 1 - found.posterior.mean)
        return Step(moves, left, found.posterior.mean, found.posterior, found.verdict)
    is_young = curve.risk(2 * horizon_days) < rates.MIN_AT_RISK
    converted, left = _continued(curve, lags.mixture_cure(days, status, curve) if is_young else None)
    return Step(
        np.diff(converted, prepend=0.0), left, found.rate or curve.after(LONGEST), found.posterior, found.verdict
    )


def _continued(curve: Incidence, mixture: lags.Mixture | None) -> tuple[Floats, Floats]:
    enough = np.flatnonzero(curve.at_risk >= rates.MIN_AT_RISK)
    if mixture is None or not len(enough) or enough[-1] >= LONGEST:
        return curve.converted[: LONGEST + 1], curve.left[: LONGEST + 1]
    last = int(enough[-1])
    later = np.arange(last + 1, LONGEST + 1)
    # What the model adds after that day, of those whom the curve still has open then.
    waiting = max(1 - float(mixture.converted(last)) - float(mixture.left(last)), 1e-9)
    factor = curve.open[last] / waiting
    converted = curve.converted[last] + factor * (mixture.converted(later) - mixture.converted(last))
    left = curve.left[last] + factor * (mixture.left(later) - mixture.left(last))
    return np.concatenate((curve.converted[: last + 1], converted)), np.concatenate((curve.left[: last + 1], left))


def reach(steps: Sequence[Step], days: int) -> Floats:
    """The chance of reaching the goal within 0, 1, ... ``days`` days of entering each stage: (stages, days + 1).

    The last row is the goal itself, reached at once.
    """
    found = [np.ones(days + 1)]
    for one in reversed(steps):
        found.append(np.convolve(one.moves[: days + 1], found[-1])[: days + 1])
    return np.minimum(np.stack(found[::-1]), 1.0)


@dataclass(frozen=True)
class Waiting:
    """How many subjects are open in which stage at which age in days; arrays of one length."""

    stage: Ints
    age: Ints
    count: Ints

    @classmethod
    def of(cls, stage: ArrayLike, age: ArrayLike) -> tuple[Self, Ints]:
        """The open subjects counted by stage and age, and the place of each subject among the counts."""
        stages, ages = np.asarray(stage, np.int64), np.asarray(age, np.int64)
        oldest = int(ages.max(initial=0)) + 1
        cells, place, count = np.unique(stages * oldest + ages, return_inverse=True, return_counts=True)
        return cls(cells // oldest, cells % oldest, count), place.reshape(-1)


def landing(steps: Sequence[Step], waiting: Waiting, days: int, factors: Floats | None = None) -> Floats:
    """The chance of each open subject to reach the goal within ``days`` more days, given that it is open at its age.

    ``factors`` (draws, steps) multiply the rates of the steps; the result is (draws, counts of ``waiting``), with one
    draw of the rates as they are when left out.
    """
    scale = np.ones((1, len(steps))) if factors is None else factors
    found = np.zeros((len(scale), len(waiting.count)))
    within = reach(steps, max(days, 0))
    for number, one in enumerate(steps):
        mine = np.flatnonzero(waiting.stage == number)
        if not len(mine) or days <= 0:
            continue
        age = np.minimum(waiting.age[mine], len(one.moves) - 1)
        padded = np.concatenate((one.moves, np.zeros(days)))
        ahead = np.lib.stride_tricks.sliding_window_view(padded[1:], days)[age]
        own, later = scale[:, [number]], scale[:, number + 1 :].prod(axis=1, keepdims=True)
        stays = np.divide(1 - own * one.whole, 1 - one.whole, where=one.whole < 1, out=np.ones_like(own))
        still_open = 1 - own * one.moves.cumsum()[age] - stays * one.left[age]
        chance = own * later * (ahead @ within[number + 1, days - 1 :: -1])
        found[:, mine] = np.divide(chance, still_open, where=still_open > 1e-9, out=np.zeros_like(chance))
    return np.clip(found, 0.0, 1.0)


def draw_factors(steps: Sequence[Step], rng: np.random.Generator, draws: int) -> Floats:
    """How far the rates may lie from their points: (draws, steps) factors out of their posteriors."""
    columns = [
        np.minimum(rng.beta(one.posterior.a, one.posterior.b, draws) / one.rate, 1 / max(one.whole, 1e-12))
        for one in steps
    ]
    return np.stack(columns, axis=1) if columns else np.ones((draws, 0))
