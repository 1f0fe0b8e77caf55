"""Where a running period will land (着地見込み), and what may be said of a landing."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy import stats

from analysis import calibration
from analysis.attainment import LEAST, MOST, Outlook
from analysis.calibration import Dispersion
from analysis.rates import Floats

LEVEL_DAYS, PATTERN_DAYS = 56, 364
"""Days back from which the level and the weekday pattern are learned."""
MIN_DAYS = 14
ENOUGH_DAYS = 56
DAY_KINDS = 7
"""Monday to Saturday, and Sunday together with the holidays."""
SHARES = (np.arange(2_000) + 0.5) / 2_000
"""The probabilities at which a predictive distribution is read: 2,000 evenly placed ones stand for all of it."""
SHUFFLED = SHARES[np.argsort((np.arange(2_000) * 0.6180339887498949) % 1.0)]
"""The same in a fixed order, so that a second source is paired with the first as an independent one, without a seed."""


def _span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@dataclass(frozen=True)
class Landing:
    """Where a KPI will stand at the end of its period: the middle (``projected``) and the interval around it.

    ``actual`` is what has come so far, None while there is no value. Null bounds go with insufficient_data.
    ``verdict`` is ok, weak or insufficient_data. ``totals`` are values of the final figure in rising order, each as
    likely as the next: none with insufficient_data, and a single one once the period is over. The final figure cannot
    fall below ``floor``: what a count that only grows has already reached.
    """

    actual: float | None
    projected: float | None
    low: float | None
    high: float | None
    verdict: str
    totals: Floats = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)
    floor: float = field(default=-np.inf, compare=False)

    @classmethod
    def over(cls, final: float) -> "Landing":
        """A period that is over."""
        return cls(final, final, final, final, "ok", np.array([final]), final)

    @classmethod
    def unknown(cls, actual: float | None, floor: float = -np.inf) -> "Landing":
        """A period of which too little is known."""
        return cls(actual, None, None, None, "insufficient_data", floor=floor)

    @classmethod
    def of(cls, outlook: Outlook, confidence: float) -> "Landing":
        """What the forecast of a goal says of its landing."""
        if outlook.is_over:
            return cls.over(outlook.won)
        if outlook.verdict == "insufficient_data":
            return cls.unknown(outlook.won, outlook.won)
        totals = outlook.quantiles(SHARES)
        low, middle, high = (outlook.quantile(share) for share in ((1 - confidence) / 2, 0.5, (1 + confidence) / 2))
        return cls(outlook.won, middle, low, high, outlook.verdict, totals, outlook.won)

    @property
    def is_over(self) -> bool:
        return len(self.totals) == 1

    def chance(self, target: float, direction: str = "up") -> float | None:
        """The chance that the final figure is at least the target; with ``direction`` down, at most.

        0 and 1 are facts, never forecasts. None where nothing is known.
        """
        if direction == "up" and self.floor >= target - 1e-9:
            return 1.0
        if direction == "down" and self.floor > target + 1e-9:
            return 0.0
        if not len(self.totals):
            return None
        is_reached = self.totals >= target - 1e-9 if direction == "up" else self.totals <= target + 1e-9
        share = float(is_reached.mean())
        return share if self.is_over else float(np.clip(share, LEAST, MOST))

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """The central interval that holds the final figure with this probability; None where nothing is known."""
        if not len(self.totals):
            return None
        low, high = np.quantile(self.totals, [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)


def landing(
    daily: pd.Series,
    as_of: date,
    period: tuple[date, date],
    confidence: float = 0.9,
    off: Collection[date] = (),
) -> Landing:
    """The projected landing of a count at any grain.

    ``daily`` holds the counts, 0 where nothing came, under their days (dates or timestamps); a day that is missing is
    unknown and is left out. Each remaining day is expected to bring the level of the last eight weeks times the factor
    of its day of the week, the days ``off`` (holidays) counting as Sundays. Beyond chance as seen from day to day
    (Pearson's over-dispersion), the interval is as wide as forecasts of the same length were off in the past.
    The period may lie ahead: the days before its first one are then not counted, and the past forecasts looked as far
    ahead.
    """
    counts = _by_day(daily, as_of)
    first, last = period
    so_far = float(counts[(counts.index >= first) & (counts.index <= last)].sum())
    rest = _span(max(as_of, first - timedelta(days=1)) + timedelta(days=1), last)
    if not rest:
        return Landing.over(so_far)
    if len(counts) < MIN_DAYS:
        return Landing.unknown(so_far, so_far)
    day, kind, count = _arrays(counts, off)
    ahead = np.array([_kind(one, off) for one in rest])
    mean, variance = _expected(day, kind, count, as_of.toordinal(), ahead)
    spread = _learned(day, kind, count, as_of.toordinal(), (rest[0] - as_of).days - 1, len(rest))
    totals = so_far + np.sort(_predicted(mean, variance, spread))
    low, high = np.quantile(totals, [(1 - confidence) / 2, (1 + confidence) / 2])
    verdict = "weak" if len(counts) < ENOUGH_DAYS or spread.is_too_short else "ok"
    return Landing(so_far, so_far + mean, float(low), float(high), verdict, totals, so_far)


def _by_day(daily: pd.Series, as_of: date) -> pd.Series:
    counts = daily.dropna()
    counts.index = pd.Index(pd.to_datetime(counts.index).date, dtype=object)
    return counts[counts.index <= as_of].sort_index()


def _kind(day: date, off: Collection[date]) -> int:
    return DAY_KINDS - 1 if day in off else day.weekday()


def _arrays(counts: pd.Series, off: Collection[date]) -> tuple[Floats, Floats, Floats]:
    """Days as ordinals, their kinds and counts."""
    return (
        np.array([day.toordinal() for day in counts.index]),
        np.array([_kind(day, off) for day in counts.index]),
        counts.to_numpy(np.float64),
    )


def _expected(day: Floats, kind: Floats, count: Floats, today: int, ahead: Floats) -> tuple[float, float]:
    """Mean and variance of the sum over the days ahead (given by kind), from what was known at the end of ``today``."""
    year, recent = ((day > today - span) & (day <= today) for span in (PATTERN_DAYS, LEVEL_DAYS))
    # A kind's factor is drawn to 1 as by one more day of the average, so that a kind never seen has one.
    overall = count[year].mean() if year.any() else 0.0
    seen = np.bincount(kind[year], minlength=DAY_KINDS)
    sums = np.bincount(kind[year], weights=count[year], minlength=DAY_KINDS)
    factor = (sums + overall) / (seen + 1) / overall if overall > 0 else np.ones(DAY_KINDS)
    exposure, came = factor[kind[recent]].sum(), count[recent].sum()
    level = (came + 0.5 * (came == 0)) / max(exposure, 1e-9)
    fitted = level * factor[kind[recent]]
    freedom = max(int(recent.sum()) - DAY_KINDS, 1)
    wide = max(1.0, float(((count[recent] - fitted) ** 2 / np.maximum(fitted, 1e-9)).sum()) / freedom)
    share = factor[ahead].sum()
    return float(level * share), float(wide * (level * share + level * share**2 / max(exposure, 1e-9)))


def _learned(day: Floats, kind: Floats, count: Floats, today: int, gap: int, length: int) -> Dispersion:
    """How far forecasts of this length, begun after as many days, were off, from each half length on in the past
    year."""
    rows = []
    latest, earliest = today - gap - length, max(int(day.min()) + ENOUGH_DAYS, today - PATTERN_DAYS)
    for origin in range(latest, earliest, -max(1, length // 2)):
        following = (day > origin + gap) & (day <= origin + gap + length)
        if following.sum() < length:
            continue
        rows.append((*_expected(day, kind, count, origin, kind[following]), count[following].sum()))
    if not rows:
        return calibration.UNKNOWN
    mean, variance, actual = (np.array(column) for column in zip(*rows, strict=True))
    independent = min(float(len(rows)), (today - gap - earliest) / length)
    return calibration.dispersion(mean, variance, actual, np.zeros(len(rows), bool), max(independent, 0.0))


def _predicted(mean: float, variance: float, spread: Dispersion) -> Floats:
    """2,000 evenly placed values of the sum: a negative binomial (a Poisson one without over-dispersion) whose mean is
    stretched by the common factor."""
    stretch = np.exp(np.clip(spread.spread * stats.t.ppf(SHUFFLED, spread.freedom), -1.5, 1.5))
    means = mean * stretch
    ratio = max(variance / mean, 1.0) if mean > 0 else 1.0
    if ratio <= 1 + 1e-9:
        return np.asarray(stats.poisson.ppf(SHARES, means))
    return np.asarray(stats.nbinom.ppf(SHARES, means / (ratio - 1), 1 / ratio))
