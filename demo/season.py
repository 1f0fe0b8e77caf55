"""How busy a day is: weekday, time of year, growth. Days are counted from 1970-01-01 (a Thursday)."""

import numpy as np

from demo.draws import Flags, Floats, Ints, Keys, choice, uniform

_WEEKDAYS = np.array([1.18, 1.24, 1.22, 1.24, 1.12, 0.48, 0.52])
_MONTHS = np.array([1.00, 1.04, 1.10, 1.04, 0.97, 1.02, 1.01, 0.90, 1.03, 1.05, 1.02, 0.88])
_HOURS = [0.6, 0.3, 0.2, 0.2, 0.2, 0.4, 1, 2, 4, 8, 9, 8, 5, 8, 8, 8, 7, 6, 4, 3, 3, 3, 2, 0.5]
DAY = 86_400
"""Seconds of a day; moments are counted in seconds."""
LAST_SECOND = 84_000
"""No session starts later in the day than 23:20, so none runs over midnight."""


def weekday(day: Ints) -> Ints:
    """Monday is 0."""
    result: Ints = (day + 3) % 7
    return result


def workday(day: Ints) -> Ints:
    """The day itself, or the Monday after a weekend."""
    result: Ints = day + np.array([0, 0, 0, 0, 0, 2, 1])[weekday(day)]
    return result


def year_month(day: Ints) -> tuple[Ints, Ints]:
    """Year and month (1-12)."""
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return month // 12 + 1970, month % 12 + 1


def visits_level(day: Ints) -> Floats:
    """Visits on a day against the mean day of 2026: about 1."""
    _, month = year_month(day)
    dates = day.astype("datetime64[D]")
    day_of_month = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    new_year = ((month == 12) & (day_of_month >= 28)) | ((month == 1) & (day_of_month <= 4))
    golden_week = ((month == 4) & (day_of_month >= 29)) | ((month == 5) & (day_of_month <= 6))
    growth = 1.0 + 0.3 * np.tanh((day - 20_454) / 1200.0)  # 2026-01-01
    result: Floats = _WEEKDAYS[weekday(day)] * _MONTHS[month - 1] * growth
    return result * np.where(new_year, 0.45, 1.0) * np.where(golden_week, 0.65, 1.0)


def contacts_level(day: Ints) -> Floats:
    """New contacts on a day against the mean day of 2026: about 1. The company was small in 2022."""
    _, month = year_month(day)
    growth = 1.0 / (1.0 + np.exp(-(day - 19_540) / 260.0))
    result: Floats = np.where(weekday(day) < 5, 1.28, 0.3) * np.sqrt(_MONTHS[month - 1]) * growth
    return result


def weak_hand_off(day: Ints) -> Flags:
    """Whether marketing's leads were badly handed to sales on a day.

    July to September 2026 was such a quarter, and every sixth quarter before and after it: so every 18 months
    hold one, and which one it is does not depend on the day the demo is run.
    """
    year, month = year_month(day)
    result: Flags = (year * 4 + (month - 1) // 3 - (2026 * 4 + 2)) % 6 == 0
    return result


def second_of_day(key: Keys) -> Ints:
    """When in the day something on the web site happens."""
    hour = choice(key, "hour", _HOURS)
    return np.minimum(hour * 3600 + (uniform(key, "second") * 3600).astype(np.int64), LAST_SECOND)


def second_at_work(key: Keys, purpose: str) -> Ints:
    """When in the day somebody in the office changes a record: 8:00 to 19:00 (8:00 is the day before in UTC)."""
    return (8 * 3600 + uniform(key, purpose + ", at work") * 11 * 3600).astype(np.int64)
