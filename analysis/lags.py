"""How long conversions take, and what is left to come of those still open."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from analysis.rates import CONVERTED, LEFT, MIN_AT_RISK, OPEN, Floats, Incidence

MIN_EVENTS = 30
"""Conversions from which a curve may be fitted."""
FURTHEST = 0.05
"""How far a fitted curve may lie from the observed one, anywhere where five subjects are observed."""


def quantile(curve: Incidence, share: float, within: int) -> int | None:
    """The days by which this share of those who convert within ``within`` days have done so; None without any."""
    whole = curve.after(within)
    if whole <= 0:
        return None
    return int(np.argmax(curve.converted >= share * whole - 1e-12))


def maturity(curve: Incidence, age_days: int, within: int) -> float | None:
    """Which share of the conversions to come within ``within`` days can be seen at an age; None without any."""
    whole = curve.after(within)
    return min(1.0, curve.after(age_days) / whole) if whole > 0 else None


def last_useful_date(deadline: date, lag_days: int | None) -> date | None:
    """The last day to begin so that a lag (its median: a coin flip) still ends by the deadline."""
    return None if lag_days is None else deadline - timedelta(days=lag_days)


def eventual(rate: float, still_waiting: ArrayLike) -> Floats:
    """The chance that someone still open converts, where nobody is known to leave.

    ``rate`` is that at entry, ``still_waiting`` the share of those who convert that takes longer than the age.
    """
    waiting = np.asarray(still_waiting, np.float64)
    return np.asarray(rate * waiting / (rate * waiting + 1 - rate))


def log_normal(median: float, sigma: float, days: ArrayLike) -> Floats:
    """The share of log-normally distributed lags that ends within so many days."""
    return np.asarray(stats.lognorm.cdf(np.asarray(days, np.float64), sigma, scale=median))


@dataclass(frozen=True)
class Mixture:
    """Shares that convert and that leave in the end (the rest stays open for ever), each with a log-normal lag."""

    converts: float
    leaves: float
    lag: tuple[float, float]
    """Median in days and sigma of the lag of those who convert."""
    stay: tuple[float, float]
    """Median in days and sigma of the stay of those who leave."""

    def converted(self, days: ArrayLike) -> Floats:
        return self.converts * log_normal(*self.lag, np.asarray(days) + 0.5)

    def left(self, days: ArrayLike) -> Floats:
        return self.leaves * log_normal(*self.stay, np.asarray(days) + 0.5)


def mixture_cure(days: ArrayLike, status: ArrayLike, curve: Incidence) -> Mixture | None:
    """The mixture (Larson and Dinse 1985) that explains the times best, to look beyond the longest time observed.

    Maximum a posteriori with Dirichlet(1/2) shares kept off their poles. None below 30 conversions, or when the fitted
    curve is anywhere more than 0.05 from the Aalen-Johansen one while five subjects are observed: then what was
    observed is all there is to say.
    """
    cells, counts = np.unique(np.stack([np.asarray(days), np.asarray(status)]), axis=1, return_counts=True)
    time, how = cells[0] + 0.5, cells[1]
    if counts[how == CONVERTED].sum() < MIN_EVENTS:
        return None

    def model(x: Floats) -> Mixture:
        shares = np.exp(x[:2]) / (1 + np.exp(x[:2]).sum())
        median, sigma = np.exp(x[2:4]), np.exp(np.clip(x[4:6], -3.0, 1.5))
        return Mixture(*shares.tolist(), *zip(median.tolist(), sigma.tolist(), strict=True))

    def cost(x: Floats) -> float:
        found, score = model(x), 0.0
        for kind, share, (median, sigma) in (
            (CONVERTED, found.converts, found.lag),
            (LEFT, found.leaves, found.stay),
        ):
            mine = how == kind
            score += counts[mine] @ (
                np.log(share) + stats.norm.logpdf(np.log(time[mine] / median) / sigma) - np.log(sigma)
            )
        waiting = 1 - found.converted(time - 0.5) - found.left(time - 0.5)
        score += counts[how == OPEN] @ np.log(np.maximum(waiting[how == OPEN], 1e-12))
        shares = np.array([found.converts, found.leaves, 1 - found.converts - found.leaves])
        return -float(score + 0.5 * np.log(np.maximum(shares, 1e-12)).sum() + stats.norm.logpdf(x[4:6]).sum())

    begin = [
        np.log(np.median(np.repeat(time[how == k], counts[how == k]))) if (how == k).any() else 3.0 for k in (1, 2)
    ]
    start = np.array([0.0, 0.0, *begin, -0.4, -0.4])
    found = optimize.minimize(
        cost, start, method="L-BFGS-B", bounds=[(-9, 9), (-9, 9), (-1, 8), (-1, 8), (-3, 1.5), (-3, 1.5)]
    )
    fitted = model(found.x)
    seen = np.flatnonzero(curve.at_risk >= MIN_AT_RISK)
    return fitted if np.abs(fitted.converted(seen) - curve.converted[seen]).max() <= FURTHEST else None
