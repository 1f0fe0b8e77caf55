"""From the goal backwards: how much every stage must deliver, with rates, chance and time taken into account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy import stats

from analysis import chain
from analysis.chain import Step, Waiting
from analysis.rates import Beta, Floats, Ints

OUT_OF_REACH = 3.0
"""A stage that had to bring more than so many times its 95th percentile week cannot do it."""
TOO_LATE = 1e-3
"""It is too late when of those who reach the goal at all fewer than this share still does in time."""


def static(goal: float, rates: Sequence[float]) -> list[float | None]:
    """What each stage must hold for the goal, first stage first, the goal last: goal over the product of the rates.

    ``rates`` lead from each stage to the next. None before a rate of 0, through which nothing gets.
    """
    needed: list[float | None] = [goal]
    for rate in reversed(rates):
        following = needed[-1]
        needed.append(following / rate if following is not None and rate > 0 else None)
    return needed[::-1]


def product(rates: Sequence[Beta]) -> Beta:
    """The Beta with the mean and variance of the product of independent rates; a single rate stays itself."""
    if len(rates) == 1:
        return rates[0]
    mean = float(np.prod([rate.mean for rate in rates]))
    square = float(np.prod([rate.mean * (rate.a + 1) / (rate.a + rate.b + 1) for rate in rates]))
    size = (mean - square) / (square - mean**2)
    return Beta(mean * size, (1 - mean) * size)


def enough(need: int, rate: Beta, confidence: float = 0.8, most: int = 10_000_000) -> int | None:
    """The fewest entries that bring ``need`` conversions with this confidence; None when not even ``most`` would."""

    def is_enough(entries: int) -> bool:
        return bool(stats.betabinom.sf(need - 1, entries, rate.a, rate.b) >= confidence)

    if need <= 0:
        return 0
    low, high = need - 1, need
    while not is_enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def probabilistic(goal: int, rates: Sequence[Beta], confidence: float = 0.8) -> list[int | None]:
    """What each stage must hold so that the goal is reached with this confidence, first stage first, the goal last.

    The confidence is that of reaching the goal from the stage, not one confidence upon another.
    """
    return [enough(goal, product(rates[number:]), confidence) for number in range(len(rates))] + [max(goal, 0)]


@dataclass(frozen=True)
class Requirement:
    """What one stage must still bring for the goal if it alone had to, spread evenly over the days that are left.

    ``useful_share``: how much of the conversions of an even intake still lands in time, per entry. ``extra`` entries
    in all and per week, beyond those open now; None when no number would do. ``verdict``: covered (nothing more is
    needed), ok, out_of_reach (more than three times its best weeks) or too_late. ``from_pipeline`` is what the open
    ones of all stages are expected to bring.
    """

    stage: int
    useful_share: float
    extra: float | None
    extra_per_week: float | None
    from_pipeline: float
    coin_flip_date: date | None
    last_useful_date: date | None
    verdict: str


def lagged(
    goal: float,
    won: float,
    steps: Sequence[Step],
    waiting: Waiting,
    as_of: date,
    deadline: date,
    weekly_history: Sequence[Sequence[float]] = (),
    opens: date | None = None,
) -> list[Requirement]:
    """What every stage must still bring by ``deadline``, when what is won and what is open are counted.

    ``steps`` lead from stage 0 to the goal; ``waiting`` is open at the end of ``as_of``; new entries come on the days
    after it. ``weekly_history`` has each stage's past weekly entries, and may be left out. What lands before the
    period ``opens`` does not count.
    """
    left = (deadline - as_of).days
    before = max((opens - as_of).days - 1, 0) if opens else 0
    chances = chain.landing(steps, waiting, left)[0] - chain.landing(steps, waiting, before)[0]
    open_brings = float(chances @ waiting.count) if left > 0 else 0.0
    gap = goal - won - open_brings
    within = chain.reach(steps, max(left, 1) - 1)
    found = []
    for number in range(len(steps) + 1):
        share = float(within[number].sum() - within[number, :before].sum()) / left if left > 0 else 0.0
        whole = float(np.prod([one.whole for one in steps[number:]]))
        history = weekly_history[number] if number < len(weekly_history) else ()
        extra = max(gap, 0.0) / share if share > TOO_LATE * whole else None
        per_week = extra / left * 7 if extra is not None else None
        coin_flip, last_useful = (_latest(steps[number:], deadline, share_of) for share_of in (0.5, 0.9))
        if gap <= 0:
            extra, per_week, verdict = 0.0, 0.0, "covered"
        elif per_week is None:
            verdict = "too_late"
        elif len(history) and per_week > OUT_OF_REACH * float(np.quantile(history, 0.95)):
            verdict = "out_of_reach"
        else:
            verdict = "ok"
        found.append(Requirement(number, share, extra, per_week, open_brings, coin_flip, last_useful, verdict))
    return found


def _latest(steps: Sequence[Step], deadline: date, share: float) -> date | None:
    """The last day of entry from which this share of those who reach the goal at all does so by the deadline."""
    reached = chain.reach(steps, sum(len(one.moves) for one in steps))[0]
    if reached[-1] <= 0:
        return None
    return deadline - timedelta(days=int(np.argmax(reached >= share * reached[-1] - 1e-12)))


def forward(entries: Floats, steps: Sequence[Step], stage: int) -> float:
    """The expected number that reaches the goal by the last day, from new entries per day into a stage."""
    within = chain.reach(steps, len(entries) - 1)[stage]
    return float(np.asarray(entries) @ within[::-1])


def no_one() -> Waiting:
    """Nobody is open."""
    nothing: Ints = np.zeros(0, np.int64)
    return Waiting(nothing, nothing, nothing)
