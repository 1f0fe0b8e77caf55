"""The chance of reaching the goal: what is won, what is open, and what is still to come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis import calibration, chain
from analysis.calibration import Dispersion
from analysis.chain import Step, Waiting
from analysis.funnel import day_number, day_numbers
from analysis.rates import CONVERTED, LEFT, OPEN, Floats, Ints

DRAWS, SEED = 2_000, 20_250_401
LEARNING_DRAWS = 60
"""Enough for the mean and variance of a past forecast, of which there are two dozen."""
BANDS, DRAWS_PER_BAND = 25, 40
"""Draws are put into so many bands of equal expectation, each with its own exact distribution; fewer of few draws."""
LEAST, MOST = 0.01, 0.99
"""No forecast is surer than these before the period is over: fewer than a hundred were ever scored."""
INTAKE_DAYS = 90
MIN_WON, ENOUGH_AMOUNTS = 5, 20


def count_distribution(chances: ArrayLike, new: float = 0.0, counts: ArrayLike | None = None) -> tuple[int, Floats]:
    """The distribution of how many of independent chances come true, plus a Poisson number: its first value, and the
    probabilities from there on.

    Exact (Hong 2013: the product of the characteristic functions, which is the convolution). ``counts`` says how many
    times each chance is there. Beyond 2,000 subjects the normal distribution corrected for skewness stands in.
    """
    p = np.asarray(chances, np.float64)
    times = np.ones(len(p)) if counts is None else np.asarray(counts, np.float64)
    mean, variance = times @ p + new, times @ (p * (1 - p)) + new
    reach = 12 * np.sqrt(variance) + 40
    first = max(0, int(mean - reach))
    if times.sum() > 2_000 and variance > 25:
        totals = np.arange(first, int(mean + reach) + 1)
        skewness = (times @ (p * (1 - p) * (1 - 2 * p)) + new) / variance**1.5
        z = (np.append(totals - 0.5, totals[-1] + 0.5) - mean) / np.sqrt(variance)
        cumulative = np.clip(stats.norm.cdf(z) + skewness * (1 - z**2) * stats.norm.pdf(z) / 6, 0, 1)
        mass = np.maximum(np.diff(cumulative), 0)
        return first, mass / mass.sum()
    size = 1 << int(np.ceil(np.log2(mean + reach - first + 1)))
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    factors = 1 + np.outer(turn - 1, p)
    transform = np.prod(factors**times, axis=1) * np.exp(new * (turn - 1))
    mass = np.fft.irfft(transform, size)
    return first, np.clip(np.roll(mass, -(first % size)), 0, None)


@dataclass(frozen=True)
class Outlook:
    """Where a total may end: values in rising order and their probabilities. ``won`` of it is already certain.

    ``is_over``: nothing can change any more. ``verdict`` is ok, weak or insufficient_data; ``reason`` says why: few_won
    (less than 5 ever reached the goal), few_outcomes (a stage has less than 5 known ones), short_history (less than 3
    past forecasts of this length), no_amounts (those still to come count as nothing), few_conversions (a stage has
    less than 10), over, or nothing.
    """

    won: float
    totals: Floats
    weights: Floats
    is_over: bool
    verdict: str
    reason: str

    @property
    def mean(self) -> float:
        return float(self.totals @ self.weights)

    def chance(self, target: float) -> float:
        """The chance that the total is at least the target. 0 and 1 are facts, never forecasts."""
        if self.won >= target:
            return 1.0
        if self.is_over:
            return 0.0
        return float(np.clip(self.weights[self.totals >= target - 1e-9].sum(), LEAST, MOST))

    def quantile(self, share: float) -> float:
        """The total that is reached or undercut with this probability."""
        return float(self.quantiles(np.array([share]))[0])

    def quantiles(self, shares: Floats) -> Floats:
        places = np.searchsorted(self.weights.cumsum(), shares - 1e-12)
        return np.asarray(self.totals[np.minimum(places, len(self.totals) - 1)])


@dataclass(frozen=True)
class Window:
    """What is still to come counts when it lands within ``days`` more days, but not in the first ``before`` of them,
    which lie before a period that has not begun."""

    days: int
    before: int = 0

    @classmethod
    def of(cls, as_of: date, period: tuple[date, date]) -> "Window":
        """The window of a period (first and last day), seen from the end of ``as_of``."""
        return cls((period[1] - as_of).days, max((period[0] - as_of).days - 1, 0))


@dataclass(frozen=True)
class Pipeline:
    """What is known at the end of a day, for what comes after it.

    ``steps`` lead from stage 0 to the goal. ``stage``, ``age`` (days) and ``amount`` (not a number where unknown) have
    one element per open subject. ``starts`` counts who came in at each stage, the goal last, in the last
    ``intake_days`` days. ``won`` is what the period has brought so far, ``amounts`` those of all won ones.
    """

    steps: tuple[Step, ...]
    stage: Ints
    age: Ints
    amount: Floats
    starts: Floats
    intake_days: int
    won: float
    won_value: float
    amounts: Floats
    conversions: int
    """How many ever reached the goal."""


@dataclass(frozen=True)
class History:
    """The moves of :func:`analysis.funnel.transitions` (all stages, the goal last) as days since 1970."""

    stages: tuple[str, ...]
    stage: Ints
    entered: Ints
    moved: Ints
    left: Ints
    is_start: NDArray[np.bool_]
    amount: Floats

    @classmethod
    def of(cls, moves: pd.DataFrame, stages: Sequence[str]) -> "History":
        """``moves`` may have a column amount: the value of the goal of that subject, null while unknown."""
        places = {name: number for number, name in enumerate(stages)}
        amount = moves["amount"] if "amount" in moves else pd.Series(np.nan, index=moves.index)
        return cls(
            tuple(stages),
            stage=np.asarray(moves["stage"].map(places), np.int64),
            entered=day_numbers(moves["entered_on"]),
            moved=day_numbers(moves["moved_on"]),
            left=day_numbers(moves["left_on"]),
            is_start=np.asarray(moves["is_start"], bool),
            amount=np.asarray(pd.to_numeric(amount).astype("Float64").to_numpy(np.float64, na_value=np.nan)),
        )

    def reached(self, after: int, until: int) -> int:
        """How many reached the goal after one day and until another."""
        return int(((self.stage == len(self.stages) - 1) & (self.entered > after) & (self.entered <= until)).sum())

    def first(self) -> int | None:
        """The day of the first entry to the goal."""
        days = self.entered[self.stage == len(self.stages) - 1]
        return int(days.min()) if len(days) else None

    def pipeline(self, today: int, period_start: int) -> Pipeline:
        """What was known at the end of ``today`` (days since 1970)."""
        known = self.entered <= today
        stage, entered, goal = self.stage[known], self.entered[known], len(self.stages) - 1
        moved, left = self.moved[known], self.left[known]
        status = np.where((moved <= today) & (moved <= left), CONVERTED, np.where(left <= today, LEFT, OPEN))
        end = np.select([status == CONVERTED, status == LEFT], [moved, left], today)
        days = np.maximum(end - entered, 0)
        is_open, won = (status == OPEN) & (stage < goal), stage == goal
        amount = self.amount[known]
        in_period = won & (entered >= period_start)
        intake = int(min(INTAKE_DAYS, max(today - entered.min(initial=today) + 1, 1)))
        recent = self.is_start[known] & (entered > today - intake)
        return Pipeline(
            tuple(chain.step(days[stage == number], status[stage == number]) for number in range(goal)),
            stage[is_open],
            days[is_open],
            amount[is_open],
            np.bincount(stage[recent], minlength=goal + 1).astype(np.float64),
            intake,
            float(in_period.sum()),
            float(np.nansum(amount[in_period])),
            amount[won & ~np.isnan(amount)],
            int(won.sum()),
        )


@dataclass(frozen=True)
class _Draws:
    """Per draw: the chance of each open cell (draws, cells), and the expected number of new ones to land (draws)."""

    waiting: Waiting
    place: Ints
    chances: Floats
    new: Floats


def _draw(
    known: Pipeline, window: Window, spread: Dispersion | None, draws: int, seed: int, scale: Floats | None = None
) -> _Draws:
    """``scale`` multiplies the rates of the steps and then the intake of the stages, to see what a change would do."""
    rng = np.random.Generator(np.random.PCG64(seed))
    steps = len(known.steps)
    factors = chain.draw_factors(known.steps, rng, draws)
    intake = rng.gamma(known.starts + 0.5 * (known.starts > 0), 1.0, (draws, steps + 1)) / known.intake_days
    common = spread.factors(rng, draws) if spread else np.ones(draws)
    if scale is not None:
        factors, intake = factors * scale[:steps], intake * scale[steps:]
    waiting, place = Waiting.of(known.stage, known.age)
    chances = chain.landing(known.steps, waiting, window.days, factors)
    later = np.concatenate((factors[:, ::-1].cumprod(axis=1)[:, ::-1], np.ones((draws, 1))), axis=1)
    per_start = _per_start(known.steps, later, window.days)
    if window.before:
        chances = chances - chain.landing(known.steps, waiting, window.before, factors)
        per_start = per_start - _per_start(known.steps, later, window.before)
    return _Draws(
        waiting,
        place,
        np.minimum(chances * common[:, None], 1.0),
        (intake * per_start).sum(axis=1) * common,
    )


def _per_start(steps: Sequence[Step], later: Floats, days: int) -> Floats:
    """How many of one new entry a day into each stage reach the goal within the days, with the rates as scaled."""
    return np.asarray(np.minimum(later * chain.reach(steps, max(days - 1, 0)).sum(axis=1), days))


def _moments(known: Pipeline, window: Window, seed: int) -> tuple[float, float]:
    """Mean and variance of what is still to land, with the uncertainty of the rates but no common factor."""
    drawn = _draw(known, window, None, LEARNING_DRAWS, seed)
    count = drawn.waiting.count
    mean = drawn.chances @ count + drawn.new
    inner = (drawn.chances * (1 - drawn.chances)) @ count + drawn.new
    return float(mean.mean()), float(mean.var() + inner.mean())


def learn(history: History, today: int, period_ends: Sequence[int], window: Window, seed: int = SEED) -> Dispersion:
    """The dispersion seen in forecasts of the same window made in the past, from what was known at each time.

    ``period_ends`` are the last days of earlier periods: forecasts made as long before them as ``today`` is before
    the end of the window tell whether this point of the period runs high or low. Others lie half a length apart.
    """
    length, first = window.days, history.first()
    if length <= 0 or first is None:
        return calibration.UNKNOWN
    same = {end - length for end in period_ends if end <= today}
    others = set(range(today - length, first, -max(1, length // 2)))
    rows = []
    for origin in sorted(same | others)[-24:]:
        if origin < first or history.reached(first - 1, origin) < MIN_WON:
            continue
        mean, variance = _moments(history.pipeline(origin, origin), window, seed)
        rows.append((mean, variance, history.reached(origin + window.before, origin + length), origin in same))
    if not rows:
        return calibration.UNKNOWN
    expected, variances, actual, phases = (np.array(column) for column in zip(*rows, strict=True))
    independent = min(float(len(rows)), (today - first) / length)
    return calibration.dispersion(expected, variances, actual, phases, independent)


def outlook(
    known: Pipeline,
    window: Window,
    spread: Dispersion,
    draws: int = DRAWS,
    seed: int = SEED,
    scale: Floats | None = None,
) -> Outlook:
    """Where the count ends with the window: an exact distribution for each band of 2,000 draws of what is not known
    (rates, intake, and how far the model's own past forecasts were off). ``scale`` as in :func:`drivers`."""
    verdict, reason = _judge(known, spread)
    if window.days <= 0:
        return Outlook(known.won, np.array([known.won]), np.ones(1), True, "ok", "over")
    drawn = _draw(known, window, spread, draws, seed, scale)
    order = np.argsort(drawn.chances @ drawn.waiting.count + drawn.new)
    mass = np.zeros(1)
    for band in np.array_split(order, max(1, min(BANDS, draws // DRAWS_PER_BAND))):
        chances, new = drawn.chances[band].mean(axis=0), float(drawn.new[band].mean())
        first, own = count_distribution(chances, new, drawn.waiting.count)
        mass = np.pad(mass, (0, max(0, first + len(own) - len(mass))))
        mass[first : first + len(own)] += own * len(band) / draws
    last = int(np.flatnonzero(mass > 1e-9)[-1])
    weights = mass[: last + 1] / mass[: last + 1].sum()
    return Outlook(known.won, known.won + np.arange(last + 1.0), weights, False, verdict, reason)


def _judge(known: Pipeline, spread: Dispersion) -> tuple[str, str]:
    """The verdict and its reason."""
    if known.conversions < MIN_WON:
        return "insufficient_data", "few_won"
    verdicts = {one.verdict for one in known.steps}
    if "insufficient_data" in verdicts:
        return "insufficient_data", "few_outcomes"
    if spread.is_too_short:
        return "insufficient_data", "short_history"
    return ("weak", "few_conversions") if "weak" in verdicts else ("ok", "")


def value_outlook(
    known: Pipeline,
    window: Window,
    spread: Dispersion,
    draws: int = DRAWS,
    seed: int = SEED,
    scale: Floats | None = None,
) -> Outlook:
    """Where the summed amounts end: an open subject wins its own amount, where it is known, else one of those won.

    Amounts are drawn from 20 or more won ones, each time from another resample of them; from fewer, log-normally.
    Without any won amount an unknown one counts as nothing, and the verdict says so.
    """
    verdict, reason = _judge(known, spread)
    if window.days <= 0:
        return Outlook(known.won_value, np.array([known.won_value]), np.ones(1), True, "ok", "over")
    drawn = _draw(known, window, spread, draws, seed, scale)
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    wins = rng.random((draws, len(known.stage))) < drawn.chances[:, drawn.place]
    own = ~np.isnan(known.amount)
    unknown = wins[:, ~own].sum(axis=1) + rng.poisson(drawn.new)
    totals = known.won_value + wins[:, own] @ known.amount[own] + _amounts(known.amounts, unknown, rng)
    if not len(known.amounts):
        verdict, reason = "insufficient_data", "no_amounts"
    return Outlook(known.won_value, np.sort(totals), np.full(draws, 1 / draws), False, verdict, reason)


def _amounts(won: Floats, picks: Ints, rng: np.random.Generator) -> Floats:
    """The sum of so many amounts in each draw."""
    draw = np.repeat(np.arange(len(picks)), picks)
    positive = won[won > 0]
    if len(won) >= ENOUGH_AMOUNTS:
        # One resample of all amounts per draw: the mean of few amounts is itself uncertain.
        resamples = rng.integers(0, len(won), (len(picks), min(len(won), 500)))
        found = won[resamples[draw, rng.integers(0, resamples.shape[1], len(draw))]]
    elif len(positive):
        logs, few = np.log(positive), len(positive)
        squares = ((logs - logs.mean()) ** 2).sum() + 3.0  # as if three more had varied by a factor of e
        deviation = np.minimum(np.sqrt(squares / rng.chisquare(few + 2, len(picks))), 2.0)
        middle = logs.mean() + deviation / np.sqrt(few) * rng.standard_normal(len(picks))
        found = np.exp(middle[draw] + deviation[draw] * rng.standard_normal(len(draw)))
    else:
        found = np.zeros(len(draw))
    return np.asarray(np.bincount(draw, weights=found, minlength=len(picks)), np.float64)


@dataclass(frozen=True)
class Driver:
    """What a tenth more of one rate (``kind`` rate) or of one stage's new entries (intake) adds to the chance, and
    ``more``: to what is expected of the goal."""

    kind: str
    stage: int
    gain: float
    more: float


def drivers(
    known: Pipeline,
    window: Window,
    target: float,
    spread: Dispersion,
    look: Callable[..., Outlook] = outlook,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[Driver]:
    """Which change buys most: rates and intakes by what a tenth more of them adds, the largest first.

    Every change is tried on the same draws, so differences are not luck. ``look`` is :func:`outlook` or
    :func:`value_outlook`.
    """
    steps = len(known.steps)
    base = look(known, window, spread, draws, seed)
    tried = [("rate", number) for number in range(steps)]
    tried += [("intake", number) for number in range(steps + 1) if known.starts[number] > 0]
    found = []
    for kind, stage in tried:
        scale = np.ones(2 * steps + 1)
        scale[stage if kind == "rate" else steps + stage] = 1.1
        changed_to = look(known, window, spread, draws, seed, scale)
        gain, more = changed_to.chance(target) - base.chance(target), changed_to.mean - base.mean
        found.append(Driver(kind, stage, gain, more))
    return sorted(found, key=lambda driver: (-driver.gain, -driver.more))


def forecast(
    moves: pd.DataFrame,
    stages: Sequence[str],
    as_of: date,
    period: tuple[date, date],
    earlier_ends: Sequence[date] = (),
    seed: int = SEED,
) -> tuple[Pipeline, Dispersion, Window]:
    """From the moves of the funnel to what :func:`outlook`, :func:`value_outlook` and :func:`drivers` need.

    ``moves`` as of :func:`analysis.funnel.transitions`; what lies after ``as_of`` is not looked at. ``period`` is the
    first and last day of the target, ``earlier_ends`` the last days of periods like it.
    """
    history, today = History.of(moves, stages), day_number(as_of)
    window = Window.of(as_of, period)
    known = history.pipeline(today, day_number(period[0]))
    spread = learn(history, today, [day_number(day) for day in earlier_ends], window, seed)
    return known, spread, window


def changed(known: Pipeline, rates: dict[int, float]) -> Pipeline:
    """The pipeline with some steps' rates set to what they might be; their lags stay as observed."""
    steps = list(known.steps)
    for number, rate in rates.items():
        one = steps[number]
        factor = rate / one.rate
        moves = one.moves * min(factor, 1 / max(one.whole, 1e-12))
        room = np.divide(1 - moves.sum(), 1 - one.whole, where=one.whole < 1, out=np.zeros(()))
        sure = Step.sure(rate)
        steps[number] = replace(one, moves=moves, left=one.left * float(room), rate=rate, posterior=sure.posterior)
    return replace(known, steps=tuple(steps))
