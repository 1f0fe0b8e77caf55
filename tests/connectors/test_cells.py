from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import cell_dates, cells
from connectors.cells import CellError, DayOrder, Parser, Undecided, Written
from connectors.personal import Pseudonyms

PERSON = cells.person_in(Pseudonyms(b"key"))
TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-01", date(2025, 4, 1)),
        ("2025/04/01", date(2025, 4, 1)),
        ("2025/4/1", date(2025, 4, 1)),
        ("2025-4-1", date(2025, 4, 1)),
        ("2024/2/29", date(2024, 2, 29)),
        ("2025/04/01 23:59", date(2025, 4, 1)),
        ("2025-04-01T00:00:00", date(2025, 4, 1)),
        ("2025-04-01T14:59:59Z", date(2025, 4, 1)),  # 23:59:59 in Tokyo
        ("2025-04-01T15:00:00Z", date(2025, 4, 2)),  # midnight in Tokyo
        ("2025-03-31 22:00:00-05:00", date(2025, 4, 1)),
    ],
)
def test_day(text: str, expected: date) -> None:
    assert cell_dates.day(TOKYO, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-01 09:00", datetime(2025, 4, 1, 0, 0)),
        ("2025/4/1 8:05", datetime(2025, 3, 31, 23, 5)),
        ("2025/04/01 09:00:01", datetime(2025, 4, 1, 0, 0, 1)),
        ("2025-04-01T09:00:01.25", datetime(2025, 4, 1, 0, 0, 1, 250_000)),
        ("2025-04-01T09:00:01.123456789", datetime(2025, 4, 1, 0, 0, 1, 123_456)),
        ("2025-04-01T09:00:00Z", datetime(2025, 4, 1, 9, 0)),
        ("2025-04-01T09:00:00z", datetime(2025, 4, 1, 9, 0)),
        ("2025-04-01T09:00+09:00", datetime(2025, 4, 1, 0, 0)),
        ("2025-04-01 09:00:00 -0330", datetime(2025, 4, 1, 12, 30)),
        ("2025-04-01", datetime(2025, 3, 31, 15, 0)),  # its midnight in Tokyo
    ],
)
def test_moment(text: str, expected: datetime) -> None:
    assert cell_dates.moment(TOKYO, text) == expected


def test_moment_where_the_clock_changes() -> None:
    assert cell_dates.moment(NEW_YORK, "2025-03-09 01:59") == datetime(2025, 3, 9, 6, 59)
    assert cell_dates.moment(NEW_YORK, "2025-03-09 03:00") == datetime(2025, 3, 9, 7, 0)
    assert cell_dates.moment(NEW_YORK, "2025-11-02 01:30") == datetime(2025, 11, 2, 5, 30)  # the first of the two


@pytest.mark.parametrize(
    "text",
    [
        "2025-13-01",
        "2025-02-30",
        "2025/04-01",
        "25/04/01",
        "04/01/2025",
        "20250401",
        "2025-04-01 24:00",
        "2025-04-01 10",
        "2025-04-01 10:60",
        "2025-04-01Z",
        "0000-01-01",
        "45748",
        "2025年4月",
        "2025年4/1",
        "25年4月1日",
        "令和7年4月31日",
        "R7.5/1",
        "Q7.5.1",
        "令和0年5月1日",
        "2025/4/110時5分",
        "2025年4月1日 10時",
        "2025-04-01 10:00 JST",
        "2025-04-01 10:00 +24:00",
        "9999-12-31 23:59:59-10:00",
        "2025-04-01 10:00 extra",
    ],
)
def test_what_is_not_a_moment_names_the_forms(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        cell_dates.moment(TOKYO, text)
    assert "2025/4/1" in refusal.value.remedy
    if text != "2025-04-01Z":
        with pytest.raises(CellError):
            cell_dates.day(TOKYO, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025年4月1日", date(2025, 4, 1)),
        ("2025年04月01日", date(2025, 4, 1)),
        ("令和7年5月1日", date(2025, 5, 1)),
        ("令和 7年 5月 1日", date(2025, 5, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),  # the first day of Reiwa
        ("R1.5.1", date(2019, 5, 1)),
        ("R7.5.1", date(2025, 5, 1)),
        ("r7/5/1", date(2025, 5, 1)),
        ("R07-05-01", date(2025, 5, 1)),
        ("平成31年4月30日", date(2019, 4, 30)),  # the last day of Heisei
        ("H31.4.30", date(2019, 4, 30)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("S1.12.25", date(1926, 12, 25)),
        ("大正15年12月24日", date(1926, 12, 24)),
        ("T1.7.30", date(1912, 7, 30)),
        ("2025年4月1日 23:59", date(2025, 4, 1)),
        ("2025年4月1日 15:00Z", date(2025, 4, 2)),
    ],
)
def test_day_written_the_japanese_way(text: str, expected: date) -> None:
    assert cell_dates.day(TOKYO, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "平成31年5月1日",
        "H31.5.1",
        "令和元年4月30日",
        "平成元年1月7日",
        "昭和64年1月8日",
        "昭和元年12月24日",
        "大正15年12月25日",
        "大正元年7月29日",
    ],
)
def test_a_day_outside_its_era_is_refused(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        cell_dates.day(TOKYO, text)
    assert refusal.value.problem.endswith("is not a day of the calendar")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025年4月1日 9:05", datetime(2025, 4, 1, 0, 5)),
        ("2025年4月1日9:05:30", datetime(2025, 4, 1, 0, 5, 30)),
        ("2025年4月1日9時5分", datetime(2025, 4, 1, 0, 5)),
        ("2025年4月1日 9時05分30秒", datetime(2025, 4, 1, 0, 5, 30)),
        ("令和7年4月1日 09:05", datetime(2025, 4, 1, 0, 5)),
        ("R7.4.1 9:05", datetime(2025, 4, 1, 0, 5)),
        ("令和7年4月1日", datetime(2025, 3, 31, 15, 0)),
    ],
)
def test_moment_written_the_japanese_way(text: str, expected: datetime) -> None:
    assert cell_dates.moment(TOKYO, text) == expected


@pytest.mark.parametrize(
    ("order", "expected"), [("mdy", datetime(2025, 4, 5, 9, 30)), ("dmy", datetime(2025, 5, 4, 9, 30))]
)
@pytest.mark.parametrize("text", ["04/05/2025 18:30", "4/5/2025 18:30", "04-05-2025 18:30", "04.05.2025 18:30"])
def test_the_order_of_month_and_day_is_that_of_the_file(order: DayOrder, expected: datetime, text: str) -> None:
    assert cell_dates.moment(TOKYO, text, Written(order)) == expected
    assert cell_dates.day(TOKYO, text, Written(order)) == (expected + timedelta(hours=9)).date()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4/13/2025, 9:05 AM", datetime(2025, 4, 13, 0, 5)),
        ("4/13/2025 9:05:30 pm", datetime(2025, 4, 13, 12, 5, 30)),
        ("4/13/2025 12:00 AM", datetime(2025, 4, 12, 15, 0)),
        ("4/13/2025 12:30 PM", datetime(2025, 4, 13, 3, 30)),
        ("2025-04-13 01:05PM", datetime(2025, 4, 13, 4, 5)),
    ],
)
def test_the_clock_of_twelve_hours(text: str, expected: datetime) -> None:
    assert cell_dates.moment(TOKYO, text, Written("mdy")) == expected


@pytest.mark.parametrize("text", ["4/13/2025 13:05 PM", "4/13/2025 0:05 AM", "4/13/2025 9 AM"])
def test_what_a_clock_of_twelve_hours_does_not_show(text: str) -> None:
    with pytest.raises(CellError):
        cell_dates.moment(TOKYO, text, Written("mdy"))


def test_the_order_of_month_and_day_is_never_guessed() -> None:
    with pytest.raises(Undecided):
        cell_dates.day(TOKYO, "04/13/2025")
    with pytest.raises(CellError) as refusal:
        cell_dates.day(TOKYO, "04/05/2025", Written())
    assert "day_order: mdy" in refusal.value.remedy
    with pytest.raises(CellError):
        cell_dates.day(TOKYO, "13/04/2025", Written("mdy"))
    with pytest.raises(CellError):
        cell_dates.day(TOKYO, "04/05/25", Written("mdy"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13/04/2025", "dmy"),
        ("04/13/2025 10:00", "mdy"),
        ("12/12/2025", None),
        ("2025/13/04", None),
        ("13/04/25", None),
        ("words", None),
    ],
)
def test_what_a_date_says_of_the_order(text: str, shown: str | None) -> None:
    assert cell_dates.day_order_shown(text) == shown


# Excel's own numbers: 60 is its 1900-02-29, https://learn.microsoft.com/troubleshoot/microsoft-365-apps/excel/
# wrongly-assumes-1900-is-leap-year
@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        ("1", datetime(1900, 1, 1)),
        ("59", datetime(1900, 2, 28)),
        ("61", datetime(1900, 3, 1)),
        ("25569", datetime(1970, 1, 1)),
        ("45000", datetime(2023, 3, 15)),
        ("45000.5", datetime(2023, 3, 15, 12)),
        ("45000.4326388889", datetime(2023, 3, 15, 10, 23)),
        ("45000.99999999999", datetime(2023, 3, 16)),
        ("2958465", datetime(9999, 12, 31)),
    ],
)
def test_day_numbers_of_excel(serial: str, expected: datetime) -> None:
    assert cell_dates.excel_moment(Decimal(serial)) == expected
    assert cell_dates.day(TOKYO, serial, Written(serials=True)) == expected.date()


@pytest.mark.parametrize("text", ["0", "0.5", "60", "2958466", "20250401", "-1"])
def test_what_is_no_day_number_of_excel(text: str) -> None:
    with pytest.raises(CellError):
        cell_dates.day(TOKYO, text, Written(serials=True))


def test_a_day_number_is_one_only_in_a_column_of_them() -> None:
    assert cell_dates.moment(TOKYO, "45000.5", Written(serials=True)) == datetime(2023, 3, 15, 3)
    with pytest.raises(Undecided):
        cell_dates.day(TOKYO, "45000")
    with pytest.raises(CellError) as refusal:
        cell_dates.day(TOKYO, "45000", Written())
    assert "Excel" in refusal.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1054", "1054"),
        ("0", "0"),
        ("1,234", "1234"),
        ("12,345,678.90", "12345678.90"),
        ("¥1,234", "1234"),
        ("¥ 1,234", "1234"),
        ("\\1,234", "1234"),
        ("1,234円", "1234"),
        ("1234 円", "1234"),
        ("-1,234", "-1234"),
        ("¥-500", "-500"),
        ("-¥500", "-500"),
        ("0.5", "0.5"),
        ("▲1,234", "-1234"),
        ("△1,234円", "-1234"),
        ("▲ ¥1,234.5", "-1234.5"),
        ("¥▲1,234", "-1234"),
        ("−500", "-500"),
        ("(1,234)", "-1234"),
        ("(¥1,234)", "-1234"),
        ("¥(1,234)", "-1234"),
        ("(1,234)円", "-1234"),
        ("(1,234円)", "-1234"),
        ("1234.5000", "1234.5"),
        ("007", "7"),
        ("9999999999999999.99", "9999999999999999.99"),
    ],
)
def test_amount(text: str, expected: str) -> None:
    assert cells.amount(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "1,23",
            "1,2345",
            ",123",
            "1.234.567",
            "1e5",
            "--5",
            "-¥-5",
            "$5",
            "5万",
            "1 234",
            ".5",
            "5.",
            "NaN",
            "-",
            "１２",
        ],
        *["▲-5", "(-5)", "▲(5)", "12(34)", "(12)34", "(5", "5)", "((5))", "()", "▲", "¥¥5", "(¥5)円円", "¥(¥5)", "35%"],
    ],
)
def test_what_is_not_an_amount(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        cells.amount(text)
    assert "1,234円" in refusal.value.remedy


@pytest.mark.parametrize("text", ["1.234", "12345678901234567", "99,999,999,999,999,999"])
def test_an_amount_that_does_not_fit(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        cells.amount(text)
    assert refusal.value.problem == f"{text} does not fit"


@pytest.mark.parametrize("parse", [cells.amount, cells.count, lambda text: cell_dates.day(TOKYO, text), cells.host])
def test_a_name_in_the_wrong_column_is_not_repeated(parse: Callable[[str], object]) -> None:
    with pytest.raises(CellError) as refusal:
        parse("見積 三郎")
    assert "見積" not in refusal.value.problem + refusal.value.remedy
    assert "a text of 5 characters" in refusal.value.problem


def test_digits_in_the_wrong_column_are_repeated() -> None:
    with pytest.raises(CellError) as refusal:
        cells.amount("12/34")
    assert refusal.value.problem == "12/34 is not an amount"


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("1234", 1234), ("1,234,567", 1_234_567)])
def test_count(text: str, expected: int) -> None:
    assert cells.count(text) == expected


@pytest.mark.parametrize("text", ["-1", "1.5", "1,23", "many", "9" * 19])
def test_what_is_not_a_count(text: str) -> None:
    with pytest.raises(CellError):
        cells.count(text)


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("https://WWW.Example.co.jp/Articles/1?email=a#top", "www.example.co.jp", "/Articles/1"),
        ("http://www.example.co.jp", "www.example.co.jp", "/"),
        ("https://www.example.co.jp?utm_source=x", "www.example.co.jp", "/"),
        ("https://user:secret@www.example.co.jp:8080/a", "www.example.co.jp", "/a"),
        ("//www.example.co.jp/a", "www.example.co.jp", "/a"),
        ("www.example.co.jp/a/b#c", "www.example.co.jp", "/a/b"),
        ("example.com", "example.com", "/"),
        ("/articles/1?x=1", None, "/articles/1"),
        ("/", None, "/"),
        ("https://www.example.co.jp/資料/1", "www.example.co.jp", "/資料/1"),
        ("https://www.example.co.jp/u/taro@example.com/edit", "www.example.co.jp", "/u/(redacted)/edit"),
    ],
)
def test_page(text: str, host: str | None, path: str) -> None:
    assert (cells.host(text), cells.path(text)) == (host, path)


@pytest.mark.parametrize(
    "text", ["offline", "mailto:a@example.com", "?x=1", "#top", "https://", "javascript:void(0)", "not set"]
)
def test_what_is_not_a_page(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        cells.path(text)
    assert text not in refusal.value.problem


def test_an_email_address_is_never_words() -> None:
    assert cells.words("C-001 @ desk") == "C-001 @ desk"
    with pytest.raises(CellError) as refusal:
        cells.words("taro@example.com")
    assert "taro" not in refusal.value.problem + refusal.value.remedy


MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31)).map(lambda moment: moment.replace(microsecond=0))


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["-", "/"]), st.booleans())
def test_every_day_reads_back(moment: datetime, mark: str, padded: bool) -> None:
    width = "02" if padded else ""
    text = f"{moment.year}{mark}{moment.month:{width}}{mark}{moment.day:{width}}"
    assert cell_dates.day(TOKYO, text) == moment.date()


@settings(deadline=None)
@given(st.decimals(-(10**12), 10**12, places=2), st.sampled_from(["{}", "¥{}", "{}円", "¥ {}"]))
def test_every_amount_reads_back(value: Decimal, form: str) -> None:
    assert cells.amount(form.format(f"{value:,}")) == value == cells.amount(form.format(value))


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    parsers = (cells.identifier, cells.identifiers, cells.salesforce_id, cells.boolean, PERSON.cell, cells.DOMAIN.cell)
    for parse in (cells.amount, cells.count, cells.host, cells.path, cells.words, cells.rate, *parsers):
        try:
            parse(text)
        except CellError as refusal:
            assert refusal.remedy


@settings(deadline=None)
@given(st.from_regex(r"https?://[A-Za-z0-9.-]{1,20}(/[^?#\n@]{0,20})?([?#].{0,20})?", fullmatch=True))
def test_a_page_never_keeps_its_query(text: str) -> None:
    host, path = cells.host(text), cells.path(text)
    assert host == host.lower() if host else True
    assert path.startswith("/") and "?" not in path and "#" not in path


def texts(written: st.SearchStrategy[str]) -> st.SearchStrategy[list[str | None]]:
    return st.lists(st.none() | written)


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["{0.year}年{0.month}月{0.day}日", "{0.year}年{0:%m}月{0:%d}日 {0:%H:%M}"]))
def test_every_day_in_japanese_reads_back(moment: datetime, form: str) -> None:
    assert cell_dates.day(TOKYO, form.format(moment)) == moment.date()


# The year before the first of each era, from the Cabinet Office's table of eras.
ERA_DAYS = st.one_of(
    *(
        st.tuples(st.just(names), st.just(before), st.dates(first, last))
        for names, before, first, last in [
            (("令和", "R", "r"), 2018, date(2019, 5, 1), date(2099, 12, 31)),
            (("平成", "H", "h"), 1988, date(1989, 1, 8), date(2019, 4, 30)),
            (("昭和", "S", "s"), 1925, date(1926, 12, 25), date(1989, 1, 7)),
            (("大正", "T", "t"), 1911, date(1912, 7, 30), date(1926, 12, 24)),
        ]
    )
)


@settings(deadline=None)
@given(ERA_DAYS, st.sampled_from(["{}{}年{}月{}日", "{}{}.{}.{}", "{}{}/{}/{}", "{}{:02}-{:02}-{:02}"]), st.data())
def test_every_day_of_an_era_reads_back(era: tuple[tuple[str, ...], int, date], form: str, data: st.DataObject) -> None:
    names, before, on = era
    name = data.draw(st.sampled_from(names))
    assert cell_dates.day(TOKYO, form.format(name, on.year - before, on.month, on.day)) == on


@settings(deadline=None)
@given(st.dates(date(1900, 3, 1), date(9999, 12, 31)))
def test_every_day_number_of_excel_reads_back(on: date) -> None:
    serial = (on - date(1970, 1, 1)).days + 25_569  # what Excel shows for 1970-01-01
    assert cell_dates.day(TOKYO, str(serial), Written(serials=True)) == on


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["/", "-", "."]), st.booleans())
def test_every_day_in_either_order_reads_back(moment: datetime, mark: str, month_first: bool) -> None:
    written, order = (f"%m{mark}%d{mark}%Y", "mdy") if month_first else (f"%d{mark}%m{mark}%Y", "dmy")
    text = moment.strftime(written)
    assert cell_dates.day(TOKYO, text, Written("mdy" if order == "mdy" else "dmy")) == moment.date()
    assert cell_dates.day_order_shown(text) == (order if moment.day > 12 else None)


@settings(deadline=None)
@given(
    st.decimals(1, 10**12, places=2),
    st.sampled_from(["-{}", "▲{}", "△{}円", "({})", "¥▲{}", "(¥{})", "−{}", "({})円"]),
)
def test_every_amount_below_zero_reads_back(value: Decimal, form: str) -> None:
    assert cells.amount(form.format(f"{value:,}")) == -value


@settings(deadline=None)
@given(
    st.text() | st.text("0123456789/-.年月日時分 :RHST令和平成元"),
    st.sampled_from([None, Written(), Written("mdy", True)]),
)
def test_any_text_is_a_moment_or_refused(text: str, written: Written | None) -> None:
    try:
        cell_dates.moment(TOKYO, text, written)
        cell_dates.day(TOKYO, text, written)
    except CellError as refusal:
        assert refusal.remedy


PADDED = st.builds(
    datetime.strftime, MOMENTS, st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
)
AMOUNTS = st.builds(format, st.decimals(-(10**12), 10**12, places=2), st.sampled_from([",", "f"]))
PAGES = st.builds(
    str.__add__, st.sampled_from(["https://Example.com", "/a", "example.com/b"]), st.sampled_from(["", "?x=1", "#\n?"])
)


def as_cells(parser: Parser, column: list[str | None]) -> list[object]:
    return [None if text is None else parser.cell(text) for text in column]


@settings(deadline=None)
@given(texts(PADDED))
@pytest.mark.parametrize("parser", [cell_dates.day_in(TOKYO), cell_dates.day_in(NEW_YORK), cell_dates.moment_in(TOKYO)])
def test_days_of_a_column_are_those_of_its_cells(parser: Parser, column: list[str | None]) -> None:
    assert parser.column(pa.array(column, pa.string())).to_pylist() == as_cells(parser, column)


@settings(deadline=None)
@given(texts(PADDED))
def test_moments_of_a_column_are_those_of_its_cells_where_the_clock_changes(column: list[str | None]) -> None:
    parser = cell_dates.moment_in(NEW_YORK)
    try:
        values = parser.column(pa.array(column, pa.string())).to_pylist()
    except pa.ArrowInvalid:  # a time that the clock skips or repeats
        return
    assert values == as_cells(parser, column)


def test_no_short_cut_where_arrow_does_not_know_the_clock() -> None:
    with pytest.raises(pa.ArrowInvalid):
        cell_dates.moment_in(NEW_YORK).column(pa.array(["2038-04-01 00:00"]))
    assert cell_dates.moment(NEW_YORK, "2038-04-01 00:00") == datetime(2038, 4, 1, 4, 0)


@settings(deadline=None)
@given(texts(AMOUNTS))
def test_amounts_of_a_column_are_those_of_its_cells(column: list[str | None]) -> None:
    assert cells.AMOUNT.column(pa.array(column, pa.string())).to_pylist() == as_cells(cells.AMOUNT, column)


@settings(deadline=None)
@given(texts(PAGES))
@pytest.mark.parametrize("parser", [cells.HOST, cells.PATH])
def test_pages_of_a_column_are_those_of_its_cells(parser: Parser, column: list[str | None]) -> None:
    assert parser.column(pa.array(column, pa.string())).to_pylist() == as_cells(parser, column)


@settings(deadline=None)
@given(texts(st.text("aあ@.c 1")))
def test_words_of_a_column_are_those_of_its_cells(column: list[str | None]) -> None:
    try:
        values = cells.WORDS.column(pa.array(column, pa.string())).to_pylist()
    except pa.ArrowInvalid:
        return
    assert values == as_cells(cells.WORDS, column)


@settings(deadline=None)
@given(st.integers(0, 10**15))
def test_every_count_reads_back(value: int) -> None:
    assert cells.count(str(value)) == cells.count(f"{value:,}") == value


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["{}%", "{} %", "{:.3f}%"]))
def test_every_share_reads_back(hundredths: int, form: str) -> None:
    share = float(Decimal(hundredths) / 10_000)
    percent = Decimal(hundredths) / 100
    assert cells.rate(form.format(percent)) == share
    assert cells.rate(str(percent), Written(percents=True)) == share
    assert cells.rate(f"{Decimal(hundredths) / 10_000:f}", Written()) == share


@pytest.mark.parametrize(
    ("text", "written", "problem"),
    [
        ("35", Written(), "35 is more than all"),
        ("101%", None, "101% is more than all"),
        ("-5%", None, "-5% is not a share"),
        ("half", None, "a text of 4 characters is not a share"),
    ],
)
def test_what_is_no_share(text: str, written: Written | None, problem: str) -> None:
    with pytest.raises(CellError) as refusal:
        cells.rate(text, written)
    assert refusal.value.problem == problem


def test_a_share_without_a_sign_needs_its_column() -> None:
    assert cells.rate("0") == 0
    with pytest.raises(Undecided):
        cells.rate("0.35")


YES = ["TRUE", "true", "True", "1", "yes", "Y", "はい", "✓", "○", "有効", "あり", "済", "on"]
NO = ["FALSE", "false", "0", "no", "N", "いいえ", "×", "無効", "なし", "未", "off", "-"]


@pytest.mark.parametrize(("text", "expected"), [*((text, True) for text in YES), *((text, False) for text in NO)])
def test_boolean(text: str, expected: bool) -> None:
    assert cells.boolean(text) is expected


@pytest.mark.parametrize("text", ["2", "たぶん", "maybe", "10", "truefalse"])
def test_what_is_neither_yes_nor_no(text: str) -> None:
    with pytest.raises(CellError):
        cells.boolean(text)


NAMES = st.text("abcXYZ019._+-", min_size=1, max_size=12)
DOMAINS = st.sampled_from(["example.co.jp", "Example.COM", "gmail.com", "DOCOMO.ne.jp", "a.b.c.example.org"])


@settings(deadline=None)
@given(NAMES, DOMAINS)
def test_an_address_is_one_person_however_it_is_written(name: str, domain: str) -> None:
    text = f"{name}@{domain}"
    person = PERSON.cell(text)
    assert person == PERSON.cell(text.upper()) == PERSON.cell(text.lower()) == Pseudonyms(b"key").person(f" {text}\n")
    free = domain.lower() in ("gmail.com", "docomo.ne.jp")
    assert cells.DOMAIN.cell(text) == (None if free else domain.lower())


@settings(deadline=None)
@given(texts(st.builds("{}@{}".format, NAMES, DOMAINS) | st.text("a@ıİΣ.b ", min_size=1)))
@pytest.mark.parametrize("parser", [PERSON, cells.DOMAIN])
def test_persons_of_a_column_are_those_of_its_cells(parser: Parser, column: list[str | None]) -> None:
    try:
        values = parser.column(pa.array(column, pa.string())).to_pylist()
    except pa.ArrowInvalid:
        return
    assert values == as_cells(parser, column)


@settings(deadline=None)
@given(texts(st.text("a@.c 0-9(%4") | st.sampled_from(["03-1234-5678", "090-1234-5678", "05-12-2025", "a%40b.co"])))
@pytest.mark.parametrize("parser", [cells.WORDS, cells.IDENTIFIER])
def test_words_and_ids_of_a_column_are_those_of_its_cells(parser: Parser, column: list[str | None]) -> None:
    try:
        values = parser.column(pa.array(column, pa.string())).to_pylist()
    except pa.ArrowInvalid:
        return
    assert values == as_cells(parser, column)


@settings(deadline=None)
@given(st.lists(st.text("abC1", min_size=1), min_size=1), st.sampled_from([";", ",", "; ", " , ", "、"]))
def test_several_ids_read_back(ids: list[str], mark: str) -> None:
    assert cells.identifiers(mark.join(ids)) == ";".join(ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "empty"),
        ("1,234", "a number, 1,234"),
        ("2025/13/40", "a date, 2025/13/40"),
        ("12-34", "digits and marks, 12-34"),
        ("taro@example.co.jp", "an e-mail address"),
        ("03-1234-5678", "a phone number"),
        ("山田太郎", "a text of 4 characters"),
        ("x" * 9999, "a text of 9999 characters"),
    ],
)
def test_what_a_cell_is_called_when_it_cannot_be_read(text: str | None, expected: str) -> None:
    assert cells.described(text) == expected
