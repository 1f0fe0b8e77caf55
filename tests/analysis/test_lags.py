"""Lags among those who convert, and what is still to come of the open ones."""

from datetime import date

import numpy as np
import pytest

from analysis import lags
from analysis.lags import eventual, last_useful_date, log_normal, maturity, mixture_cure, quantile
from analysis.rates import aalen_johansen

# Ten convert after 10, 20 ... 100 days; all outcomes known.
TEN = aalen_johansen([10 * number for number in range(1, 11)], [1] * 10)


def test_lag_quantiles_are_among_those_who_convert() -> None:
    assert [quantile(TEN, share, 100) for share in (0.5, 0.75, 0.9)] == [50, 80, 90]
    assert quantile(TEN, 0.5, 40) == 20
    assert quantile(aalen_johansen([5], [0]), 0.5, 100) is None


def test_maturity() -> None:
    assert [maturity(TEN, age, 100) for age in (0, 35, 72, 100, 400)] == pytest.approx([0, 0.3, 0.7, 1, 1])
    assert maturity(TEN, 72, 80) == pytest.approx(0.875)
    assert maturity(aalen_johansen([5], [2]), 3, 5) is None


def test_last_useful_date() -> None:
    assert last_useful_date(date(2026, 3, 31), 56) == date(2026, 2, 3)
    assert last_useful_date(date(2026, 3, 31), None) is None


def test_an_open_one_converts_less_and_less_likely() -> None:
    # p = .25, log-normal lag with median 56 days and sigma .6.
    waiting = 1 - log_normal(56, 0.6, [0, 30, 60, 120, 180])
    assert eventual(0.25, waiting) == pytest.approx([0.25, 0.22096, 0.13150, 0.03288, 0.00854], abs=6e-6)


def world(n: int, follow_up: float) -> tuple[np.ndarray, np.ndarray]:
    """30 % convert (median 50 days), 50 % leave (median 40), 20 % stay for ever; followed for up to so many days."""
    rng = np.random.default_rng(3)
    fate, seen = rng.random(n), rng.uniform(0, follow_up, n)
    lag = np.where(fate < 0.3, rng.lognormal(np.log(50), 0.6, n), rng.lognormal(np.log(40), 0.7, n))
    lag = np.where(fate < 0.8, lag, np.inf)
    return np.minimum(lag, seen).astype(int), np.where(lag < seen, np.where(fate < 0.3, 1, 2), 0)


def test_the_mixture_sees_beyond_the_longest_time() -> None:
    days, status = world(6000, 60)
    curve = aalen_johansen(days, status)
    assert curve.converted[-1] < 0.24, "most of the slow ones cannot be seen yet"
    found = mixture_cure(days, status, curve)
    assert found is not None
    assert found.converts == pytest.approx(0.3, abs=0.04)
    assert found.leaves == pytest.approx(0.5, abs=0.05)
    assert found.lag[0] == pytest.approx(50, rel=0.15)


def test_no_mixture_from_few_or_of_another_shape() -> None:
    assert mixture_cure([10, 20], [1, 1], aalen_johansen([10, 20], [1, 1])) is None
    # Half at once, half after exactly 100 days: nothing log-normal.
    days, status = [1] * 50 + [100] * 50, [1] * 100
    assert mixture_cure(days, status, aalen_johansen(days, status)) is None
    assert lags.MIN_EVENTS == 30
