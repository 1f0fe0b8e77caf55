"""Where KPIs that are no sums of days will land (着地見込み): shares, stocks, losses and counts of distinct users.

Each is given its values in past complete periods of the same grain, oldest first (a period without a value is NaN and
is left out), the value of the running period so far (``so_far``: None before it begins and while there is no value)
and the share of the period that has passed (``passed``: the standard pace, 0 to 1). Below three known periods the
verdict is insufficient_data, below eight it is weak. Past values that never moved leave an interval without width.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.pace import SHARES, SHUFFLED, Landing
from analysis.rates import Floats

RECENT = 6
"""Periods that the level is the mean of."""
JUDGED = 12
"""Past forecasts that its spread is learned from: counts spread wider as they grow, so older ones tell less."""
MIN_PERIODS, ENOUGH_PERIODS = 3, 8
HALF_A_ONE = 0.5
"""What stands for nothing on a logarithmic scale."""


@dataclass(frozen=True)
class Level:
    """What one more period is expected to bring: Student's t around the mean of the last ``periods`` ones.

    ``spread`` is the standard deviation of one period, in the unit of the KPI, ``freedom`` the number of past
    forecasts that it is known from.
    """

    mean: float
    spread: float
    freedom: int
    periods: int

    def brings(self, share: float) -> Floats:
        """What so large a share of a period (1: a whole one) brings: 2,000 evenly placed values in rising order.

        Chance grows with the root of the share. The mean itself is off by its own error, which grows with the share.
        """
        scale = self.spread * np.sqrt(share + share**2 / self.periods)
        return np.asarray(self.mean * share + scale * stats.t.ppf(SHARES, self.freedom))


def level(values: Floats) -> Level:
    """The mean of the last (up to) six values, and how far the same mean was off one period ahead, all along.

    Each past error is divided by its standard deviation in units of one period's, the root of 1 + 1/k after k values
    (recursive residuals; Brown, Durbin and Evans 1975). Up to seven values their mean square is the sample variance,
    so without a trend the interval is the textbook one. With a trend or a season the mean lags behind, but so it did
    before: the past errors hold that lag, and the interval widens by it instead of missing. A slope would be one more
    number to learn from a handful of values. Needs two values at least. Of 600 simulated series of each kind
    (those of the tests), level or with a mild trend, 90 % intervals held 89.5 to 92.5 % of what came.
    """
    errors = [
        (values[number] - values[max(0, number - RECENT) : number].mean()) / np.sqrt(1 + 1 / min(number, RECENT))
        for number in range(max(1, len(values) - JUDGED), len(values))
    ]
    recent = values[-RECENT:]
    return Level(float(recent.mean()), float(np.sqrt(np.mean(np.square(errors)))), len(errors), len(recent))


def share(
    past: ArrayLike,
    so_far: float | None,
    passed: float,
    bounds: tuple[float, float] = (0.0, np.inf),
    confidence: float = 0.9,
) -> Landing:
    """A rate or mean of the period itself, such as win_rate: what it is so far and what the rest will be, by weight.

    ``bounds`` are what the rest can at most be: (0, 1) for rates. While there is no value, all of the period is rest.
    """
    if passed >= 1:
        return _over(so_far)
    known = _known(past)
    if len(known) < MIN_PERIODS:
        return Landing.unknown(so_far)
    came = 0.0 if so_far is None else so_far * passed
    left = 1.0 if so_far is None else 1 - passed
    totals = came + np.clip(level(known).brings(left), left * bounds[0], left * bounds[1])
    return _landing(so_far, totals, _verdict(len(known)), confidence)


def stock(
    past: ArrayLike,
    so_far: float | None,
    passed: float,
    latest: float | None = None,
    ahead: float = 0.0,
    bounds: tuple[float, float] = (0.0, np.inf),
    confidence: float = 0.9,
) -> Landing:
    """A level that moves on from where it stands, such as customers: a random walk with the drift of recent changes.

    Before the period begins it moves on from ``latest``, the last known value (else that of the last complete
    period), through the periods ``ahead`` until the first day as well: 0.4 when that much of the running period is
    left.
    """
    if passed >= 1:
        return _over(so_far)
    values = np.asarray(past, np.float64)
    known, changes = _known(values), _known(np.diff(values))
    if len(known) < MIN_PERIODS or len(changes) < MIN_PERIODS - 1:
        return Landing.unknown(so_far)
    start = next(value for value in (so_far, latest, float(known[-1])) if value is not None)
    left = 1 - passed + (ahead if so_far is None else 0.0)
    totals = np.clip(start + level(changes).brings(left), *bounds)
    return _landing(so_far, totals, _verdict(len(known)), confidence)


def losses(past: ArrayLike, so_far: float | None, passed: float, most: float = 1.0, confidence: float = 0.9) -> Landing:
    """What gathers within the period from zero and never falls, such as churn_rate; ``most`` is all there is."""
    came = so_far or 0.0
    if passed >= 1:
        return _over(so_far)
    known = _known(past)
    if len(known) < MIN_PERIODS:
        return Landing.unknown(so_far, came)
    totals = came + np.clip(level(known).brings(1 - passed), 0.0, max(most - came, 0.0))
    return _landing(so_far, totals, _verdict(len(known)), confidence, came)


def uniques(
    past: ArrayLike,
    so_far: float | None,
    passed: float,
    carriers: ArrayLike,
    carrier: Landing,
    confidence: float = 0.9,
) -> Landing:
    """A count of distinct users, which no sum of days gives: the landing of its carrier (page views) times the ratio.

    ``carriers`` are the carrier's values in the periods of ``past`` (same shape). The logarithm of the ratio is a
    Student t around its recent level, as known to be between what has already come and one more for every page view
    still to come (or the highest past ratio, where that is above 1). The two sources are independent.
    """
    came = so_far or 0.0
    if passed >= 1:
        return _over(so_far)
    users, views = np.asarray(past, np.float64), np.asarray(carriers, np.float64)
    ratios = _known(np.log(np.maximum(users, HALF_A_ONE) / np.where(views > 0, views, np.nan)))
    if len(ratios) < MIN_PERIODS or not len(carrier.totals):
        return Landing.unknown(so_far, came)
    seen = carrier.actual or 0.0
    total = np.maximum(np.quantile(carrier.totals, SHUFFLED), max(seen, HALF_A_ONE))
    most = came + max(1.0, float(np.exp(ratios.max()))) * (total - seen)
    verdict = _verdict(len(ratios)) if carrier.verdict == "ok" else carrier.verdict
    return _landing(so_far, np.sort(_carried(level(ratios), total, came, most)), verdict, confidence, came)


def _carried(ratio: Level, total: Floats, least: float, most: Floats) -> Floats:
    """Values of total x exp(ratio) at evenly placed shares of what lies between the least and the most."""
    scale = max(ratio.spread * np.sqrt(1 + 1 / ratio.periods), 1e-12)
    with np.errstate(divide="ignore", over="ignore"):
        lower, upper = ((np.log(bound) - np.log(total) - ratio.mean) / scale for bound in (least, most))
        # Both beyond the mean are mirrored to below it, where probabilities keep their digits.
        side = np.where(lower > 0, -1.0, 1.0)
        first, last = (stats.t.cdf(side * place, ratio.freedom) for place in (lower, upper))
        inside = side * stats.t.ppf(first + SHARES * (last - first), ratio.freedom)
        places = np.where(first == last, np.clip(0.0, lower, upper), inside)
        return np.asarray(np.clip(total * np.exp(ratio.mean + scale * places), least, most))


def _known(values: ArrayLike) -> Floats:
    found = np.asarray(values, np.float64)
    return found[np.isfinite(found)]


def _over(final: float | None) -> Landing:
    return Landing.unknown(None) if final is None else Landing.over(final)


def _verdict(periods: int) -> str:
    return "weak" if periods < ENOUGH_PERIODS else "ok"


def _landing(so_far: float | None, totals: Floats, verdict: str, confidence: float, floor: float = -np.inf) -> Landing:
    low, middle, high = np.quantile(totals, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return Landing(so_far, float(middle), float(low), float(high), verdict, totals, floor)
