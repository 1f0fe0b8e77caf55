"""Standard pace by the Japanese calendar, and where counts land."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analysis.pace import Landing, business_days, landing, standard_pace

MAY = date(2026, 5, 1), date(2026, 5, 31)
JUNE = date(2026, 6, 1), date(2026, 6, 30)


def test_business_days_of_japan() -> None:
    # January 2026: 22 weekdays less 元日 and 成人の日 (12th). May: 21 less 4, 5 and 6 (振替休日 of the 3rd).
    assert business_days(date(2026, 1, 1), date(2026, 1, 31)) == 20
    assert business_days(*MAY) == 18
    assert business_days(*MAY, country=None) == 21
    assert business_days(date(2026, 1, 1), date(2026, 1, 31), closed=[date(2026, 1, 2)]) == 19


def test_standard_pace() -> None:
    # 1, 7 and 8 May of eighteen; ten of 31 calendar days.
    assert standard_pace(date(2026, 5, 10), MAY) == pytest.approx(3 / 18)
    assert standard_pace(date(2026, 5, 10), MAY, by_business_days=False) == pytest.approx(10 / 31)
    assert [standard_pace(day, MAY) for day in (date(2026, 4, 30), date(2026, 5, 31), date(2027, 1, 1))] == [0, 1, 1]
    # Golden week's 3 to 6 May hold no business day.
    assert standard_pace(date(2026, 5, 4), (date(2026, 5, 3), date(2026, 5, 6))) == 0.5
    with pytest.raises(ValueError, match="exchange them"):
        standard_pace(date(2026, 5, 1), (MAY[1], MAY[0]))


def series(counts: list[float], last: date) -> pd.Series:
    return pd.Series(counts, index=[last - timedelta(days=len(counts) - 1 - number) for number in range(len(counts))])


def test_a_weekday_pattern_lands_on_its_remaining_weekdays() -> None:
    # 10 on each weekday, nothing at weekends (no holiday is heeded), as of Wednesday 10 June: 8 weekdays have
    # passed and 14 are left.
    days = [JUNE[0] - timedelta(days=200) + timedelta(days=number) for number in range(210)]
    daily = pd.Series([10.0 if day.weekday() < 5 else 0.0 for day in days], index=days)
    found = landing(daily, date(2026, 6, 10), JUNE, country=None)
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
    assert (landing(daily, date(2026, 4, 30), week, country=None).projected or 0) == pytest.approx(50, rel=0.03)
    assert (landing(daily, date(2026, 4, 30), week).projected or 99) < 35


def test_edges() -> None:
    assert landing(series([1.0] * 100, JUNE[1]), JUNE[1], JUNE) == Landing(30, 30, 30, 30, "ok")
    assert landing(series([1.0] * 13, date(2026, 6, 10)), date(2026, 6, 10), JUNE).verdict == "insufficient_data"
    assert landing(pd.Series(dtype=float), date(2026, 6, 10), JUNE) == Landing(0, None, None, None, "insufficient_data")
    nothing = landing(series([0.0] * 100, date(2026, 6, 10)), date(2026, 6, 10), JUNE)
    assert (nothing.actual, nothing.low) == (0, 0)
    assert nothing.projected is not None
    assert 0 < nothing.projected < 0.5, "half a one in eight weeks"
    # A period that has not begun.
    assert landing(series([2.0] * 100, MAY[1]), date(2026, 5, 31), JUNE, country=None).projected == pytest.approx(
        60, rel=0.01
    )


def test_intervals_hold_what_comes() -> None:
    days = [JUNE[1] - timedelta(days=number) for number in range(455, -1, -1)]
    weekly = np.array([1.2, 1.3, 1.2, 1.1, 1.0, 0.3, 0.2])
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        level = 3 * weekly[[day.weekday() for day in days]] * rng.gamma(10, 0.1, len(days))
        daily = pd.Series(rng.poisson(level).astype(float), index=days)
        found = landing(daily, date(2026, 6, 10), JUNE, country=None)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= daily.iloc[-30:].sum() <= found.high
    assert 0.85 <= held / 60 <= 1
