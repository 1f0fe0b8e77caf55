"""Numbers, differences and periods as a person reads them; expected values are written out by hand."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board import marks
from board.formats import Formats

JA = Formats("ja", "JPY", "Asia/Tokyo", 4)
EN = Formats("en", "JPY", "Asia/Tokyo", 4)


@pytest.mark.parametrize(
    ("value", "unit", "ja", "en"),
    [
        (None, "count", "–", "–"),
        (0, "count", "0", "0"),
        (12, "count", "12", "12"),
        (82.68, "count", "82.7", "82.7"),
        (4820, "count", "4,820", "4,820"),
        (39_537, "count", "3.95万", "39.5K"),
        (435_896, "count", "43.6万", "436K"),
        (123_456_789, "count", "1.23億", "123M"),
        (15_900_000, "currency", "￥1590万", "¥15.9M"),
        (0.3734, "ratio", "37.3%", "37.3%"),
        (0.01083, "ratio", "1.08%", "1.08%"),
        (0, "ratio", "0.0%", "0.0%"),
        (103.79, "seconds", "103.8秒", "103.8 s"),
        (9.308, "rank", "9.3位", "9.3"),
    ],
)
def test_a_tile_has_three_digits(value: float | None, unit: str, ja: str, en: str) -> None:
    assert (JA.short(value, unit), EN.short(value, unit)) == (ja, en)


def test_money_is_whole_in_every_currency() -> None:
    assert Formats("en", "USD", "UTC", 1).exact(1234.56, "currency") == "$1,235"
    assert EN.exact(-1_234_567, "currency") == "-¥1,234,567"


@pytest.mark.parametrize(
    ("value", "before", "unit", "ja", "en"),
    [
        (105, 100, "count", "+5.0%", "+5.0%"),
        (95, 100, "count", "−5.0%", "−5.0%"),
        (100, 100, "count", "±0.0%", "±0.0%"),
        (5, 0, "count", "–", "–"),
        (5, None, "count", "–", "–"),
        (0.374, 0.343, "ratio", "+3.1ポイント", "+3.1 points"),
        (9.3, 9.1, "rank", "+0.2", "+0.2"),
    ],
)
def test_a_difference_of_rates_is_in_points_and_of_all_else_in_per_cent(
    value: float, before: float | None, unit: str, ja: str, en: str
) -> None:
    assert (JA.change(value, before, unit), EN.change(value, before, unit)) == (ja, en)


@pytest.mark.parametrize(
    ("grain", "start", "ja", "en"),
    [
        ("week", date(2026, 11, 23), "11/23〜11/29の週", "week of Nov 23–Nov 29"),
        ("month", date(2026, 11, 1), "2026年11月", "Nov 2026"),
        ("quarter", date(2026, 10, 1), "2026年度 第3四半期（10〜12月）", "FY2026 Q3 (Oct–Dec)"),
        ("quarter", date(2027, 1, 1), "2026年度 第4四半期（1〜3月）", "FY2026 Q4 (Jan–Mar)"),
    ],
)
def test_a_period_is_of_the_fiscal_year(grain: str, start: date, ja: str, en: str) -> None:
    assert (JA.period(grain, start), EN.period(grain, start)) == (ja, en)


def test_a_fiscal_year_that_is_the_calendars_is_not_called_fiscal() -> None:
    calendar = Formats("en", "JPY", "Asia/Tokyo", 1)
    assert calendar.period("quarter", date(2026, 10, 1)) == "2026 Q4 (Oct–Dec)"


def test_a_moment_is_on_the_companys_clock() -> None:
    assert JA.moment(datetime(2026, 11, 26, 20, 5, tzinfo=UTC)) == "2026年11月27日 05:05"


@pytest.mark.parametrize(("chance", "shown"), [(None, "–"), (0.0, "at most 1%"), (0.25, "25%"), (1.0, "at least 99%")])
def test_no_chance_is_a_certainty(chance: float | None, shown: str) -> None:
    assert EN.chance(chance) == shown


known = st.one_of(st.none(), st.floats(-1e9, 1e9))


@given(st.lists(st.tuples(known, known), max_size=30))
def test_a_sparkline_stays_within_its_box(periods: list[tuple[float | None, float | None]]) -> None:
    drawn = marks.spark([value for value, _ in periods], [target for _, target in periods])
    if drawn.last:
        assert 0 <= drawn.last[0] <= marks.WIDTH
        assert 0 <= drawn.last[1] <= marks.HEIGHT
    else:
        assert drawn.path == ""
    assert drawn.path.count("M") + drawn.path.count("L") == sum(value is not None for value, _ in periods)


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    drawn = marks.spark([1, 2, None, 4], [None, None, None, None])
    assert drawn.path == "M4.0 32.0L54.7 22.7M156.0 4.0"


@pytest.mark.parametrize(("share", "place"), [(None, None), (0.0, 0.0), (1.0, 66.67), (1.5, 100.0), (9.0, 100.0)])
def test_every_target_lies_on_the_same_place_of_its_bar(share: float | None, place: float | None) -> None:
    assert marks.bullet(share) == place
