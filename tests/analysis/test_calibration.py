"""Scores of past forecasts, and what they teach."""

import numpy as np
import pytest

from analysis.calibration import UNKNOWN, brier, dispersion, reliability


def test_brier() -> None:
    assert brier([0.9, 0.8, 0.3], [True, True, False]) == pytest.approx((0.01 + 0.04 + 0.09) / 3)
    assert brier([], []) is None


def test_reliability_by_bands() -> None:
    found = reliability([0.1, 0.15, 0.9, 1.0], [False, True, True, True])
    assert found[["chance_from", "forecasts", "mean_chance", "share_true"]].values.tolist() == [
        pytest.approx([0.0, 2, 0.125, 0.5]),
        pytest.approx([0.8, 2, 0.95, 1.0]),
    ]
    assert reliability([], []).empty


def test_nothing_scored_is_a_fifth_as_known_from_two() -> None:
    assert dispersion([], [], [], [], 0) == UNKNOWN
    assert UNKNOWN.is_too_short


def test_spread_beyond_the_models_own_variance() -> None:
    # Twice 100 expected with variance 100, 130 and 70 came: (900 - 100) / 100^2 = .08; with two of .04 as prior .06.
    found = dispersion([100, 100], [100, 100], [130, 70], [False, False], 2)
    assert found.spread == pytest.approx(0.06**0.5)
    assert (found.freedom, found.shift, found.is_too_short) == (4, 0, True)
    # Outcomes as near as chance alone allows leave the prior only, and less of it the more were scored.
    assert dispersion([100] * 8, [100] * 8, [100] * 8, [False] * 8, 8).spread == pytest.approx((2 * 0.04 / 10) ** 0.5)


def test_a_point_of_the_period_that_always_runs_high_shifts() -> None:
    twice_high = [100, 100, 100], [100] * 3, [130, 130, 100], [True, True, False]
    assert dispersion(*twice_high, 3).shift == pytest.approx(2 / 3 * np.log(130.5 / 100.5))
    # Once high and once low foretells nothing; a single one neither.
    assert dispersion([100, 100], [100] * 2, [130, 77], [True, True], 2).shift == 0
    assert dispersion([100], [100], [130], [True], 1).shift == 0
