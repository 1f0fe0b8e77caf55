"""Where counts land."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analysis.pace import Landing, landing

MAY = date(2026, 5, 1), date(2026, 5, 31)
JUNE = date(2026, 6, 1), date(2026, 6, 30)


def series(counts: list[float], last: date) -> pd.Series:
    return pd.Series(counts, index=[last - timedelta(days=len(counts) - 1 - number) for number in range(len(counts))])


def test_a_weekday_pattern_lands_on_its_remaining_weekdays() -> None:
    # 10 on each weekday, nothing at weekends (no holiday is heeded), as of Wednesday 10 June: 8 weekdays have
    # passed and 14 are left.
    days = [JUNE[0] - timedelta(days=200) + timedelta(days=number) for number in range(210)]
    daily = pd.Series([10.0 if day.weekday() < 5 else 0.0 for day in days], index=days)
    found = landing(daily, date(2026, 6, 10), JUNE)
    assert found.actual == 80
    assert found.projected == pytest.approx(80 + 140, rel=0.01)
    assert found.low is not None
    assert found.high is not None
    assert 180 < found.low < 220 < found.high < 260


def test_a_holiday_counts_as_a_sunday() -> None:
    days = [date(2025, 5, 1) + timedelta(days=number) for number in range(365)]
    daily = pd.Series([10.0 if day.weekday() < 5 else 0.0 for day in days], index=days)
    # As of Thursday 30 April 2026, the week of 4 to 8 May has two business days and three holidays.
    week = date(2026, 5, 4), date(2026, 5, 8)
    holidays = [date(2026, 5, day) for day in (4, 5, 6)]
    assert (landing(daily, date(2026, 4, 30), week).projected or 0) == pytest.approx(50, rel=0.03)
    assert (landing(daily, date(2026, 4, 30), week, off=holidays).projected or 99) < 35


def test_edges() -> None:
    assert landing(series([1.0] * 100, JUNE[1]), JUNE[1], JUNE) == Landing(30, 30, 30, 30, "ok")
    assert landing(series([1.0] * 13, date(2026, 6, 10)), date(2026, 6, 10), JUNE).verdict == "insufficient_data"
    assert landing(pd.Series(dtype=float), date(2026, 6, 10), JUNE) == Landing(0, None, None, None, "insufficient_data")
    nothing = landing(series([0.0] * 100, date(2026, 6, 10)), date(2026, 6, 10), JUNE)
    assert (nothing.actual, nothing.low) == (0, 0)
    assert nothing.projected is not None
    assert 0 < nothing.projected < 0.5, "half a one in eight weeks"
    # A period that has not begun.
    assert landing(series([2.0] * 100, MAY[1]), date(2026, 5, 31), JUNE).projected == pytest.approx(60, rel=0.01)


def test_intervals_hold_what_comes() -> None:
    days = [JUNE[1] - timedelta(days=number) for number in range(455, -1, -1)]
    weekly = np.array([1.2, 1.3, 1.2, 1.1, 1.0, 0.3, 0.2])
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        level = 3 * weekly[[day.weekday() for day in days]] * rng.gamma(10, 0.1, len(days))
        daily = pd.Series(rng.poisson(level).astype(float), index=days)
        found = landing(daily, date(2026, 6, 10), JUNE)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= daily.iloc[-30:].sum() <= found.high
    assert 0.85 <= held / 60 <= 1


def test_the_chance_of_reaching_a_target() -> None:
    # One to a hundred, each as likely as the next: 21 of them are at least 80, 80 at most.
    found = Landing(5, 50, 10, 90, "ok", np.arange(1.0, 101), 5)
    assert found.chance(80) == pytest.approx(0.21)
    assert found.chance(80, "down") == pytest.approx(0.8)
    assert [found.chance(target) for target in (100.5, 6)] == [0.01, 0.95]
    assert (found.chance(200), found.chance(200, "down")) == (0.01, 0.99), "no forecast is surer"
    assert (found.chance(5), found.chance(4, "down")) == (1, 0), "five have already come"
    assert found.chance(5, "down") == pytest.approx(0.05)
    # Half of the values lie within 1 + 99/4 and 1 + 99 x 3/4.
    assert found.interval(0.5) == pytest.approx((25.75, 75.25))


def test_what_is_over_is_a_fact_and_what_is_not_known_has_no_chance() -> None:
    over = Landing.over(30)
    assert [over.chance(target) for target in (29, 30, 31)] == [1, 1, 0]
    assert [over.chance(target, "down") for target in (29, 30, 31)] == [0, 1, 1]
    assert over.interval(0.8) == (30, 30)
    unknown = landing(series([3.0] * 5, date(2026, 6, 5)), date(2026, 6, 5), JUNE)
    assert (unknown.chance(16), unknown.interval(0.8)) == (None, None)
    assert (unknown.chance(15), unknown.chance(14, "down")) == (1, 0), "15 have come all the same"


def test_the_landing_carries_its_distribution() -> None:
    found = landing(series([2.0] * 100, date(2026, 6, 10)), date(2026, 6, 10), JUNE)
    assert found.interval(0.9) == (found.low, found.high)
    assert (np.diff(found.totals) >= 0).all()
    assert found.totals.mean() == pytest.approx(found.projected, rel=0.05)
    assert found.chance(20) == 1
    chances = [found.chance(target) or 0 for target in range(20, 120)]
    assert chances == sorted(chances, reverse=True)
    assert found.chance(60) == pytest.approx(0.5, abs=0.1)


def test_days_before_a_period_that_has_not_begun_are_not_counted() -> None:
    # As of 1 May, June's 30 days bring 60 at two a day; the 30 days of May in between would bring as many again.
    ahead = landing(series([2.0] * 300, MAY[0]), MAY[0], JUNE)
    assert (ahead.actual, ahead.floor) == (0, 0)
    assert ahead.projected == pytest.approx(60, rel=0.01)
    # Whatever is known of later days is not looked at.
    assert landing(series([2.0] * 300 + [50.0] * 60, JUNE[1]), MAY[0], JUNE) == ahead


def test_further_ahead_past_forecasts_were_further_off() -> None:
    # One more each day, from 400 on: the mean of the last 56 days is 27.5 days old. A month that begins at once lies
    # 43 a day above it, one that begins after 30 days 73.
    growing = series([400.0 + number for number in range(400)], MAY[0])
    soon, later = (
        landing(growing, MAY[0], (MAY[0] + timedelta(days=gap + 1), MAY[0] + timedelta(days=gap + 30)))
        for gap in (0, 30)
    )
    assert soon.projected == pytest.approx(later.projected, rel=0.01)
    widths = [(found.high or 0) - (found.low or 0) for found in (soon, later)]
    assert widths[1] > 1.3 * widths[0]
    assert soon.low is not None
    assert later.high is not None
    assert later.low is not None
    assert later.low < 30 * (400 + 399 + 30 + 15.5) < later.high
