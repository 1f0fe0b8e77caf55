"""Conversion rates from few, censored observations, with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OPEN, CONVERTED, LEFT = 0, 1, 2
MIN_AT_RISK = 5
"""Below so many subjects still under observation an incidence curve is not read."""
LONGEST_HORIZON = 365
MIN_OUTCOMES, FEW_CONVERSIONS = 5, 10
"""Known outcomes below which there is no verdict, and conversions below which it is weak."""


@dataclass(frozen=True)
class Beta:
    """A rate known as well as ``a`` successes and ``b`` failures tell, prior included."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The central credible interval."""
        low, high = stats.beta.ppf([(1 - confidence) / 2, (1 + confidence) / 2], self.a, self.b)
        return float(low), float(high)


def jeffreys(successes: float, trials: float) -> Beta:
    """The posterior of a rate under Jeffreys' prior. ``trials`` may be an effective number."""
    return Beta(successes + 0.5, trials - successes + 0.5)


def wilson(successes: int, trials: int, confidence: float = 0.9) -> tuple[float, float]:
    """Wilson's score interval; (0, 1) when there were no trials."""
    if not trials:
        return 0.0, 1.0
    found = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence after 0, 1, 2 ... days, one element per day up to the longest time observed.

    ``converted`` is F1, ``left`` F2, ``open`` S (the three add up to 1), ``variance`` that of F1, ``at_risk`` the
    subjects whose time is at least so many days. ``n``, ``conversions`` and ``exits`` count subjects.
    """

    converted: Floats
    left: Floats
    open: Floats
    variance: Floats
    at_risk: Ints
    n: int
    conversions: int
    exits: int
    first_censored: int
    """The shortest time of those still open; beyond all times without any."""

    def after(self, days: int) -> float:
        """The share converted within so many days; beyond the observed times, as at their end."""
        return float(self.converted[min(days, len(self.converted) - 1)]) if days >= 0 else 0.0

    def risk(self, days: int) -> int:
        """How many subjects were still under observation and open when so many days had passed."""
        return int(self.at_risk[days]) if days < len(self.at_risk) else 0


def aalen_johansen(days: ArrayLike, status: ArrayLike) -> Incidence:
    """The Aalen-Johansen estimate of conversion in competition with leaving.

    ``days`` are whole and not negative; ``status`` is CONVERTED, LEFT or OPEN (censored). Events come before
    censorings of the same day. The variance is the Greenwood type one (Marubini and Valsecchi 1995, eq. 10.12), which
    without censoring is p(1-p)/n. Raises ValueError for a negative time or an unknown status.
    """
    time, how = np.asarray(days, np.int64), np.asarray(status, np.int64)
    if time.shape != how.shape or (time < 0).any() or not np.isin(how, (OPEN, CONVERTED, LEFT)).all():
        raise ValueError("times must be days from 0 on, each with a status of 0 (open), 1 (converted) or 2 (left)")
    length = int(time.max(initial=0)) + 1
    d1 = np.bincount(time[how == CONVERTED], minlength=length)
    d2 = np.bincount(time[how == LEFT], minlength=length)
    at_risk = np.bincount(time, minlength=length)[::-1].cumsum()[::-1]
    r = np.maximum(at_risk, 1).astype(np.float64)
    out = d1 + d2
    survival = np.cumprod(1 - out / r)
    before = np.concatenate(([1.0], survival[:-1]))
    f1, f2 = np.cumsum(before * d1 / r), np.cumsum(before * d2 / r)
    # Var F1(t) = sum of (F1(t) - F1)^2 g + S^2 d1 (r - d1) / r^3 - 2 (F1(t) - F1) S d1 / r^2, as running sums.
    g = np.divide(out, r * (r - out), out=np.zeros(length), where=r > out)
    covariance = before * d1 / r**2
    variance = (
        f1**2 * np.cumsum(g)
        - 2 * f1 * np.cumsum(f1 * g)
        + np.cumsum(f1**2 * g)
        + np.cumsum(before**2 * d1 * (r - d1) / r**3)
        - 2 * f1 * np.cumsum(covariance)
        + 2 * np.cumsum(f1 * covariance)
    )
    variance = np.where(variance > 1e-15, variance, 0.0)
    first_censored = int(time[how == OPEN].min(initial=length))
    return Incidence(f1, f2, survival, variance, at_risk, len(time), int(d1.sum()), int(d2.sum()), first_censored)


@dataclass(frozen=True)
class Rate:
    """The share that converts within ``horizon_days``, with its interval and what it rests on.

    ``is_shortened``: fewer than five subjects were observed for as long as the horizon wanted, so it was cut to the
    longest time that five were. ``verdict`` is ok, weak or insufficient_data.
    """

    rate: float
    low: float
    high: float
    variance: float
    horizon_days: int
    at_risk: int
    is_shortened: bool
    n: int
    conversions: int
    exits: int
    posterior: Beta
    verdict: str


def horizon(days: ArrayLike, status: ArrayLike, share: float = 0.95, cap: int = LONGEST_HORIZON) -> int:
    """The fewest days within which at least ``share`` of the past conversions came; the cap without any."""
    lags = np.sort(np.asarray(days, np.int64)[np.asarray(status) == CONVERTED])
    if not len(lags):
        return cap
    return min(cap, int(lags[int(np.ceil(share * len(lags) - 1e-9)) - 1]))


def rate_within(curve: Incidence, horizon_days: int, confidence: float = 0.9) -> Rate:
    """The rate at a horizon, by the complementary log-log interval of the incidence.

    With fewer than five at risk there, the rate is that of the longest time that five were observed for, unless nobody
    was censored before: then it is the plain share. Where the curve is still 0 or already 1 the interval has no width;
    the Jeffreys interval over the subjects whose outcome is known stands in, so that no certainty comes from few.
    """
    enough = np.flatnonzero(curve.at_risk >= MIN_AT_RISK)
    longest = int(enough[-1]) if len(enough) else horizon_days
    is_shortened = curve.risk(horizon_days) < MIN_AT_RISK and curve.first_censored < horizon_days
    days = min(horizon_days, longest) if is_shortened else horizon_days
    at = min(days, len(curve.converted) - 1)
    p, variance = float(curve.converted[at]), float(curve.variance[at])
    if variance > 0 and 0 < p < 1:
        z = stats.norm.ppf((1 + confidence) / 2)
        spread = z * np.sqrt(variance) / ((1 - p) * -np.log1p(-p))
        low, high = (float(1 - (1 - p) ** np.exp(sign * spread)) for sign in (-1, 1))
        trials = p * (1 - p) / variance
        posterior = jeffreys(p * trials, trials)
    else:
        # Whoever left before the horizon is known not to have converted; whoever is at risk there, likewise.
        trials = curve.n * (p + float(curve.left[at])) + (curve.risk(days) if p < 1 else 0) if curve.n else 0.0
        trials = min(trials, float(curve.n))
        posterior = jeffreys(p * trials, trials)
        low, high = posterior.interval(confidence)
        low, high = (0.0 if p == 0 else low), (1.0 if p == 1 or not trials else high)
    return Rate(
        rate=p,
        low=low,
        high=high,
        variance=variance,
        horizon_days=days,
        at_risk=curve.risk(days),
        is_shortened=is_shortened,
        n=curve.n,
        conversions=curve.conversions,
        exits=curve.exits,
        posterior=posterior,
        verdict=_verdict(curve, is_shortened),
    )


def _verdict(curve: Incidence, is_shortened: bool) -> str:
    if curve.conversions + curve.exits < MIN_OUTCOMES:
        return "insufficient_data"
    return "weak" if is_shortened or curve.conversions < FEW_CONVERSIONS else "ok"


def naive_rates(days: ArrayLike, status: ArrayLike) -> dict[str, float | None]:
    """What other tools call the conversion rate, each under its name, for comparison only.

    ``of_all`` takes the open ones for lost, ``of_closed`` forgets them, ``exits_as_open`` (one minus Kaplan-Meier)
    believes that whoever left could still have converted.
    """
    how = np.asarray(status)
    moved, left = int((how == CONVERTED).sum()), int((how == LEFT).sum())
    curve = aalen_johansen(days, np.where(how == LEFT, OPEN, how))
    return {
        "of_all": moved / len(how) if len(how) else None,
        "of_closed": moved / (moved + left) if moved + left else None,
        "exits_as_open": float(curve.converted[-1]) if len(how) else None,
    }


def shrink(rates: Sequence[Rate], parent: float) -> list[Beta]:
    """The posterior of each segment's rate, drawn towards the parent's by empirical Bayes.

    The prior is worth between 5 and 200 subjects (:func:`prior_weight`).
    """
    shares = np.array([rate.rate for rate in rates])
    trials = np.array([max(rate.posterior.a + rate.posterior.b - 1, 0.0) for rate in rates])
    mean = min(max(parent, 1e-3), 1 - 1e-3)
    return posteriors(shares, trials, mean, min(max(prior_weight(shares, trials, mean), 5.0), 200.0))


def prior_weight(shares: Floats, trials: Floats, mean: float) -> float:
    """How many trials of its own the mean of all segments is worth for one of them.

    By moments: from how much more the segments' shares differ than chance alone explains (Kleinman 1973). Infinite
    where they differ no more than that, 0 where they differ as much as shares can. ``mean`` is between 0 and 1.
    """
    total, freedom = trials.sum(), len(shares) - 1
    if total <= 0 or freedom <= 0:
        return np.inf
    excess = (trials * (shares - mean) ** 2).sum() / (mean * (1 - mean)) - freedom
    room = total - (trials**2).sum() / total - freedom
    return float(1 / min(excess / room, 1.0) - 1) if room > 0 and excess > 0 else np.inf


def posteriors(shares: Floats, trials: Floats, mean: float, weight: float) -> list[Beta]:
    """Each share of so many trials under the prior Beta(mean x weight, (1 - mean) x weight)."""
    return [
        Beta(mean * weight + share * seen, (1 - mean) * weight + (1 - share) * seen)
        for share, seen in zip(shares.tolist(), trials.tolist(), strict=True)
    ]
