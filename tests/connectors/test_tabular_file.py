import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import cell_dates, cells, tabular_file
from connectors.errors import SourceError
from tests.connectors.xlsx import number, text, write_xlsx


def read(path: Path, sheet: str | None = None) -> list[tuple[int, list[str]]]:
    file = tabular_file.opened(path, path.name, ("utf-8",), None, sheet, len)
    places = range(len(file.headers))
    found = [(int(path.suffix != ".parquet"), list(file.headers))]
    for rows in file.rows(places):
        cells = zip(*(rows.texts[place].to_pylist() for place in places), strict=True)
        found += zip(rows.lines.to_pylist(), map(list, cells), strict=True)
    return found


def refused(path: Path, sheet: str | None = None) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        read(path, sheet)
    return refusal.value


def test_the_first_sheet_of_an_excel_file(tmp_path: Path) -> None:
    header = [text("ID"), text("作成日"), text("日時"), text("金額"), text("x")]
    rows = [
        header,
        [text("007"), number(45000, 1), number("45000.4326388889", 2), number("1234.5"), '<c t="b"><v>1</v></c>'],
        [],
        [number(7), text("2025/4/1"), number(45000), number("0.30000000000000004"), '<c t="e"><v>#N/A</v></c>'],
    ]
    path = write_xlsx(tmp_path / "deals.xlsx", {"一覧": rows, "other": [[text("no")]]})
    assert read(path) == [
        (1, ["ID", "作成日", "日時", "金額", "x"]),
        (2, ["007", "2023-03-15", "2023-03-15 10:23:00", "1234.5", "TRUE"]),
        (4, ["7", "2025/4/1", "45000", "0.3", ""]),
    ]
    assert read(path, "other") == [(1, ["no"])]


def test_a_sheet_that_is_not_there(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "deals.xlsx", {"one": [[text("a")]], "two": []})
    error = refused(path, "three")
    assert (error.where, error.problem) == ("deals.xlsx", "has no sheet three; its sheets are: one, two")
    assert "sheet:" in error.remedy
    assert refused(path, "two").problem == "is empty"


def test_a_workbook_without_sheets(tmp_path: Path) -> None:
    assert "has no sheet" in refused(write_xlsx(tmp_path / "deals.xlsx", {})).problem


@pytest.mark.parametrize("name", ["deals.xlsx", "deals.parquet"])
def test_what_is_neither_excel_nor_parquet(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("id,name\n")
    assert refused(tmp_path / name).where == name
    assert "no such file" in refused(tmp_path / "none" / name).problem


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole = write_xlsx(tmp_path / "deals.xlsx", {"one": [[text("a")], [number(1)]]}).read_bytes()
    pq.write_table(pa.table({"id": list(range(5000))}), tmp_path / "deals.parquet")
    for name, content in [("deals.xlsx", whole), ("deals.parquet", (tmp_path / "deals.parquet").read_bytes())]:
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        assert "again" in refused(tmp_path / name).remedy or "save it" in refused(tmp_path / name).remedy


def test_parquet(tmp_path: Path) -> None:
    day, at = date(2025, 4, 1), datetime(2025, 4, 1, 9, 5)
    table = pa.table(
        {
            "ID": pa.array(["007", None, "x"]).dictionary_encode(),
            "tags": [["a"], [], None],
            "bytes": [b"a", b"b", None],
            "day": [day, None, day],
            "at": pa.array([at, None, at], pa.timestamp("ns")),
            "utc": pa.array([at, None, at], pa.timestamp("us", "UTC")),
            "count": pa.array([1, None, -3], pa.int64()),
            "rate": [1.5, None, float("nan")],
            "amount": pa.array([Decimal("1.50"), None, None]),
            "is": [True, None, False],
        }
    )
    pq.write_table(table, tmp_path / "deals.parquet")
    assert read(tmp_path / "deals.parquet") == [
        (0, ["ID", "day", "at", "utc", "count", "rate", "amount", "is"]),
        (1, ["007", "2025-04-01", "2025-04-01 09:05:00", "2025-04-01 09:05:00+00:00", "1", "1.5", "1.50", "TRUE"]),
        (3, ["x", "2025-04-01", "2025-04-01 09:05:00", "2025-04-01 09:05:00+00:00", "-3", "", "", "FALSE"]),
    ]


def touched(path: Path, seconds: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("id\n")
    os.utime(path, (seconds, seconds))
    return path


def test_a_glob_is_its_newest_file(tmp_path: Path) -> None:
    touched(tmp_path / "exports/deals-9.csv", 100)
    touched(tmp_path / "exports/deals-1.csv", 200)
    touched(tmp_path / "exports/orders.csv", 300)
    for hidden in (".deals-2.csv", "~$deals-2.csv"):
        touched(tmp_path / "exports" / hidden, 300)
    (tmp_path / "exports/deals-folder.csv").mkdir()
    newest = tmp_path / "exports/deals-1.csv"
    assert tabular_file.newest(tmp_path, "exports/deals-*.csv") == (newest, "exports/deals-1.csv")
    assert tabular_file.newest(tmp_path, "exports/*deals-?.csv") == (newest, "exports/deals-1.csv")
    assert tabular_file.newest(tmp_path / "x", f"{tmp_path}/exports/deals-*.csv") == (newest, str(newest))
    touched(tmp_path / "exports/deals-5.csv", 200)
    assert tabular_file.newest(tmp_path, "exports/deals-*.csv")[1] == "exports/deals-5.csv"


def test_a_path_is_no_glob(tmp_path: Path) -> None:
    touched(tmp_path / "deals[1].csv", 100)
    assert tabular_file.newest(tmp_path, "deals[1].csv") == (tmp_path / "deals[1].csv", "deals[1].csv")
    assert tabular_file.newest(tmp_path, "none.csv") == (tmp_path / "none.csv", "none.csv")


@pytest.mark.parametrize("pattern", ["deals-*.csv", "**.csv", "none/*/x.csv"])
def test_a_glob_that_matches_nothing(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SourceError) as refusal:
        tabular_file.newest(tmp_path, pattern)
    assert (refusal.value.where, refusal.value.problem) == (pattern, "matches no file")
    assert "company.yml" in refusal.value.remedy


TOKYO = ZoneInfo("Asia/Tokyo")
MOMENTS = st.datetimes(datetime(1900, 3, 1), datetime(9998, 12, 31))


@settings(deadline=None)
@given(st.lists(st.tuples(MOMENTS, st.decimals(-(10**12), 10**12, places=2), st.integers(0, 10**15)), min_size=1))
def test_every_typed_cell_of_parquet_reads_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[datetime, Decimal, int]]
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "any.parquet"
    moments, amounts, counts = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "utc": pa.array(moments, pa.timestamp("us", "UTC")),
        "day": [moment.date() for moment in moments],
        "amount": pa.array(amounts, pa.decimal128(18, 2)),
        "count": pa.array(counts, pa.int64()),
    }
    pq.write_table(pa.table(columns), path)
    for (_, (utc, day, amount, count)), (moment, value, whole) in zip(read(path)[1:], rows, strict=True):
        assert cell_dates.moment(TOKYO, utc) == moment
        assert cell_dates.day(TOKYO, day) == moment.date()
        assert (cells.amount(amount), cells.count(count)) == (value, whole)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.dates(date(1900, 3, 1), date(9999, 12, 31)),
            st.integers(0, 86_399),
            st.decimals(-(10**12), 10**12, places=2),
        ),
        min_size=1,
    )
)
def test_every_typed_cell_of_excel_reads_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[date, int, Decimal]]
) -> None:
    written = [[text("day"), text("at"), text("amount")]]
    for day, second, value in rows:
        serial = (day - date(1970, 1, 1)).days + 25_569  # what Excel shows for 1970-01-01
        at = f"{serial + Decimal(second) / 86_400:.10f}"  # Excel's 15 digits
        written.append([number(serial, 1), number(at, 2), number(value)])
    path = write_xlsx(tmp_path_factory.mktemp("xlsx") / "any.xlsx", {"one": written})
    for (_, (day_text, at_text, amount)), (day, second, value) in zip(read(path)[1:], rows, strict=True):
        assert cell_dates.day(UTC_ZONE, day_text) == day
        expected = datetime(day.year, day.month, day.day, tzinfo=UTC).replace(
            hour=second // 3600, minute=second // 60 % 60, second=second % 60
        )
        assert cell_dates.moment(UTC_ZONE, at_text).replace(tzinfo=UTC) == expected
        assert cells.amount(amount) == value


UTC_ZONE = ZoneInfo("UTC")
