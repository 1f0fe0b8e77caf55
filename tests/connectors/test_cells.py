from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import cells
from connectors.cells import CellError, Parser

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
    assert cells.day(TOKYO, text) == expected


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
    assert cells.moment(TOKYO, text) == expected


def test_moment_where_the_clock_changes() -> None:
    assert cells.moment(NEW_YORK, "2025-03-09 01:59") == datetime(2025, 3, 9, 6, 59)
    assert cells.moment(NEW_YORK, "2025-03-09 03:00") == datetime(2025, 3, 9, 7, 0)
    assert cells.moment(NEW_YORK, "2025-11-02 01:30") == datetime(2025, 11, 2, 5, 30)  # the first of the two


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
        "2025年4月1日",
        "令和7年4月1日",
        "45748",
        "2025-04-01 10:00 JST",
        "2025-04-01 10:00 +24:00",
        "9999-12-31 23:59:59-10:00",
        "2025-04-01 10:00 extra",
    ],
)
def test_what_is_not_a_moment_names_the_forms(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        cells.moment(TOKYO, text)
    assert "2025/4/1" in refusal.value.remedy
    if text != "2025-04-01Z":
        with pytest.raises(CellError):
            cells.day(TOKYO, text)


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
        ("1234.5000", "1234.5"),
        ("007", "7"),
        ("9999999999999999.99", "9999999999999999.99"),
    ],
)
def test_amount(text: str, expected: str) -> None:
    assert cells.amount(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    ["1,23", "1,2345", ",123", "1.234.567", "1e5", "--5", "-¥-5", "$5", "5万", "1 234", ".5", "5.", "NaN", "-", "１２"],
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


@pytest.mark.parametrize("parse", [cells.amount, cells.count, lambda text: cells.day(TOKYO, text), cells.host])
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
    assert cells.day(TOKYO, text) == moment.date()


@settings(deadline=None)
@given(st.decimals(-(10**12), 10**12, places=2), st.sampled_from(["{}", "¥{}", "{}円", "¥ {}"]))
def test_every_amount_reads_back(value: Decimal, form: str) -> None:
    assert cells.amount(form.format(f"{value:,}")) == value == cells.amount(form.format(value))


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (cells.amount, cells.count, cells.host, cells.path, cells.words):
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
@pytest.mark.parametrize("parser", [cells.day_in(TOKYO), cells.day_in(NEW_YORK), cells.moment_in(TOKYO)])
def test_days_of_a_column_are_those_of_its_cells(parser: Parser, column: list[str | None]) -> None:
    assert parser.column(pa.array(column, pa.string())).to_pylist() == as_cells(parser, column)


@settings(deadline=None)
@given(texts(PADDED))
def test_moments_of_a_column_are_those_of_its_cells_where_the_clock_changes(column: list[str | None]) -> None:
    parser = cells.moment_in(NEW_YORK)
    try:
        values = parser.column(pa.array(column, pa.string())).to_pylist()
    except pa.ArrowInvalid:  # a time that the clock skips or repeats
        return
    assert values == as_cells(parser, column)


def test_no_short_cut_where_arrow_does_not_know_the_clock() -> None:
    with pytest.raises(pa.ArrowInvalid):
        cells.moment_in(NEW_YORK).column(pa.array(["2038-04-01 00:00"]))
    assert cells.moment(NEW_YORK, "2038-04-01 00:00") == datetime(2038, 4, 1, 4, 0)


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
