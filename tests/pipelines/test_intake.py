"""Exported files in the warehouse: one row of each key, a quarantine, and loads that fail without loss."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import csv_file, exports
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.export_tables import TABLES
from connectors.personal import Pseudonyms
from pipelines import warehouse

COLUMNS = {"deal_id": "id", "status": "status", "amount": "amount", "modified_at": "changed", "is_deleted": "gone"}


def loaded(con: duckdb.DuckDBPyConnection, folder: Path, **settings: Any) -> int:
    entry = ExportFile(**({"file": "*.csv", "columns": COLUMNS, "may_lack": set(COLUMNS) - {"deal_id"}} | settings))
    (load,) = exports.load({"deals": [entry]}, folder, "Asia/Tokyo", "JPY", Pseudonyms(b"key"))
    return warehouse.replace(con, load)


def connected() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    warehouse.prepare(con, [*TABLES, *warehouse.TABLES])
    return con


def deals(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("select deal_id, status, amount::int from raw.exports_deals order by deal_id").fetchall()


def quarantine(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("select file, line, reason, is_rejected from raw.quarantine order by file, line").fetchall()


def counts(con: duckdb.DuckDBPyConnection) -> tuple[Any, ...] | None:
    return con.execute(
        "select rows_read, row_count, rows_rejected, rows_set_aside from raw.loads order by loaded_at desc limit 1"
    ).fetchone()


def test_of_the_rows_with_one_key_the_newest_stays_else_the_one_read_last(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "id,status,amount,changed\nnewer,won,1,2025-04-02\nequal,open,2,\nlater,open,3,\nequal,open,2,\n"
    )
    (tmp_path / "b.csv").write_text("id,status,amount,changed\nnewer,lost,4,2025-04-01\nlater,won,5,\nalone,won,6,\n")
    con = connected()
    assert loaded(con, tmp_path, file=["a.csv", "b.csv"]) == 4
    assert deals(con) == [("alone", "won", 6), ("equal", "open", 2), ("later", "won", 5), ("newer", "won", 1)]
    assert quarantine(con) == [
        ("a.csv", 3, "duplicate", False),
        ("a.csv", 4, "superseded", False),
        ("b.csv", 2, "superseded", False),
    ]
    assert counts(con) == (7, 4, 0, 3)


def test_the_next_load_replaces_the_quarantine_of_its_table(tmp_path: Path) -> None:
    con = connected()
    (tmp_path / "a.csv").write_text("id,status,amount,gone\nD1,won,1,\nD2,won,2,TRUE\n")
    loaded(con, tmp_path)
    assert quarantine(con) == [("a.csv", 3, "deleted", False)]
    (tmp_path / "a.csv").write_text("id,status,amount,gone\nD1,won,1,\n")
    loaded(con, tmp_path)
    assert (quarantine(con), counts(con)) == ([], (1, 1, 0, 0))


def test_a_load_that_fails_keeps_the_last_good_rows_and_its_quarantine(tmp_path: Path) -> None:
    con = connected()
    (tmp_path / "a.csv").write_text("id,status,amount\nD1,won,1\n")
    loaded(con, tmp_path)
    (tmp_path / "a.csv").write_text("id,status,amount\nD1,won,2\nD2,won,much\n")
    with pytest.raises(SourceError, match="1 of 2 rows of deals cannot be read"):
        loaded(con, tmp_path)
    assert deals(con) == [("D1", "won", 1)]
    assert con.execute(
        "select table_name, line, column_name, value_class, reason, rest from raw.quarantine"
    ).fetchall() == [
        (
            "exports_deals",
            3,
            "amount",
            "a text of 4 characters",
            "a text of 4 characters is not an amount",
            '{"deal_id": "D2", "status": "won", "kind": "new"}',
        )
    ]
    assert con.execute("select count(*) from raw.loads").fetchone() == (1,)


@pytest.mark.parametrize(("before", "after", "fails"), [(10, 6, False), (10, 5, True), (10, 0, True), (0, 0, False)])
def test_a_file_of_half_the_rows_or_fewer_is_refused_unless_it_may_shrink(
    tmp_path: Path, before: int, after: int, fails: bool
) -> None:
    con = connected()

    def write(rows: int) -> None:
        (tmp_path / "a.csv").write_text("id,status,amount\n" + "".join(f"D{n},won,1\n" for n in range(rows)))

    write(before)
    loaded(con, tmp_path)
    write(after)
    if fails:
        with pytest.raises(SourceError) as refusal:
            loaded(con, tmp_path)
        assert refusal.value.where == "a.csv"
        assert refusal.value.problem.startswith(f"gives {after} rows where the last load gave {before}")
        assert "may_shrink: true" in refusal.value.remedy
        assert len(deals(con)) == before
    assert loaded(con, tmp_path, may_shrink=True) == after


ROWS = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"),
        st.sampled_from(["won", "lost", "?"]),
        st.sampled_from(["", "2025-04-01", "2025-04-02"]),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(ROWS, ROWS)
def test_every_row_is_loaded_or_set_aside_and_the_right_one_of_a_key_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[str, str, str]], second: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    best: dict[str, tuple[str, str]] = {}
    for name, rows in (("a.csv", first), ("b.csv", second)):
        lines = [",".join(row) + f",{'x' * 40}\n" for row in rows]
        (folder / name).write_text("id,status,changed,note\n" + "".join(lines))
        for key, status, changed in rows:
            if status != "?" and changed >= best.get(key, ("", ""))[1]:
                best[key] = (status, changed)
    con = connected()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports, "REJECTED_AT_MOST", 1.0)
        patch.setattr(csv_file, "_CHUNK", 64)
        patch.setattr(csv_file, "_BLOCK", 128)
        loaded(con, folder, file=["a.csv", "b.csv"])
    assert {row[0]: row[1] for row in deals(con)} == {key: status for key, (status, _) in best.items()}
    read, kept, rejected, aside = counts(con) or ()
    assert read == len(first) + len(second) == kept + rejected + aside
    assert rejected == sum(status == "?" for _, status, _ in [*first, *second])
    assert con.execute("select count(*), count(distinct (file, line)) from raw.quarantine").fetchone() == (
        rejected + aside,
        rejected + aside,
    )
    places = {(file, line) for file, line, *_ in quarantine(con)}
    for name, rows in (("a.csv", first), ("b.csv", second)):
        assert {line for file, line in places if file == name} >= {
            line for line, (_, status, _) in enumerate(rows, 2) if status == "?"
        }
