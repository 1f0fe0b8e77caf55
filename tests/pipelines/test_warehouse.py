"""The two verbs: one transaction each, checked, and nothing changes when they fail."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from connectors.table import Fetch, Load, Table, columns
from pipelines import warehouse

DAYS = Table(
    "days",
    "One row per day.",
    columns({"date_on": pa.date32(), "visits": pa.int64()}, {"note": pa.string()}),
    key=("date_on",),
    date_column="date_on",
    restated_days=3,
)
PEOPLE = Table("people", "One row per person.", columns({"person": pa.string()}), key=("person",))


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(tmp_path / "warehouse.duckdb") as connection:
        warehouse.prepare(connection, [DAYS, PEOPLE, *warehouse.TABLES])
        yield connection


def fetch(table: Table, error: str | None = None) -> Fetch:
    return Fetch(
        table.name, "report", date(2026, 1, 1), date(2026, 1, 3), 3, datetime(2026, 1, 4, 5), 0.1,
        flags=("thresholded", "sampled"), quota={"tokensPerDay": 199_990}, error=error,
    )  # fmt: skip


def days(start: int, end: int, rows: list[tuple[int, int]], fetches: list[Fetch] | None = None) -> Load:
    batch = pa.RecordBatch.from_pylist(
        [{"date_on": date(2026, 1, day), "visits": visits, "note": None} for day, visits in rows], schema=DAYS.schema
    )
    return Load(DAYS, date(2026, 1, start), date(2026, 1, end), iter([batch]), fetches or [])


def people(*names: str) -> Load:
    batch = pa.RecordBatch.from_pylist([{"person": name} for name in names], schema=PEOPLE.schema)
    return Load(PEOPLE, None, None, iter([batch]), [])


def visits(con: duckdb.DuckDBPyConnection) -> dict[int, int]:
    return {day.day: count for day, count in con.execute("select date_on, visits from raw.days").fetchall()}


def test_a_span_replaces_its_days_and_no_others(con: duckdb.DuckDBPyConnection) -> None:
    warehouse.replace(con, days(1, 3, [(1, 10), (2, 20), (3, 30)]))
    assert warehouse.replace(con, days(2, 4, [(3, 33), (4, 40)])) == 2
    assert visits(con) == {1: 10, 3: 33, 4: 40}


def test_a_snapshot_replaces_everything(con: duckdb.DuckDBPyConnection) -> None:
    warehouse.replace(con, people("a", "b"))
    warehouse.replace(con, people("c"))
    assert con.execute("select person from raw.people").fetchall() == [("c",)]


@pytest.mark.parametrize(
    ("load", "complaint"),
    [
        (lambda: days(1, 2, [(1, 1), (1, 2)]), "the key .date_on. stands on several rows: 2026-01-01"),
        (lambda: days(1, 2, [(1, 1), (3, 2)]), "outside the span"),
        (lambda: Load(DAYS, date(2026, 1, 1), date(2026, 1, 2), people("a").batches, []), "not those declared"),
        (
            lambda: Load(DAYS, date(2026, 1, 1), date(2026, 1, 2), iter([
                pa.RecordBatch.from_pylist([{"date_on": date(2026, 1, 1), "visits": None}], schema=DAYS.schema)
            ]), []),
            "column visits is empty",
        ),
    ],
    ids=["double key", "outside the span", "other columns", "empty required column"],
)  # fmt: skip
def test_a_load_that_fails_a_check_keeps_the_old_rows(con, load, complaint) -> None:  # type: ignore[no-untyped-def]
    warehouse.replace(con, days(1, 3, [(1, 10), (2, 20), (3, 30)]))
    with pytest.raises(SourceError, match=complaint):
        warehouse.replace(con, load())
    assert visits(con) == {1: 10, 2: 20, 3: 30}
    assert con.execute("select count(*) from raw.loads").fetchone() == (1,)


def test_an_answer_that_breaks_off_keeps_the_old_rows_and_leaves_its_failed_request(
    con: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.replace(con, days(1, 3, [(1, 10)], [fetch(DAYS)]))
    fetches: list[Fetch] = []

    def broken() -> Iterator[pa.RecordBatch]:
        yield from days(1, 3, [(2, 99)]).batches
        fetches.append(fetch(DAYS, error="connection reset"))
        raise SourceError("ga4", "the answer is incomplete", "run again")

    with pytest.raises(SourceError, match="incomplete"):
        warehouse.replace(con, Load(DAYS, date(2026, 1, 1), date(2026, 1, 3), broken(), fetches))
    assert visits(con) == {1: 10}
    rows = con.execute("select row_count, flags, quota, error from raw.fetches order by error nulls first").fetchall()
    assert rows == [
        (3, "sampled,thresholded", '{"tokensPerDay": 199990}', None),
        (3, "sampled,thresholded", '{"tokensPerDay": 199990}', "connection reset"),
    ]


def test_a_new_column_of_a_later_version_is_added_to_an_older_warehouse(con: duckdb.DuckDBPyConnection) -> None:
    warehouse.replace(con, people("a"))
    wider = Table(
        "people", "One row per person.", columns({"person": pa.string()}, {"joined_on": pa.date32()}), key=("person",)
    )
    warehouse.prepare(con, [wider])
    assert con.execute("select person, joined_on, typeof(joined_on) from raw.people").fetchall() == [
        ("a", None, "DATE")
    ]


def test_the_first_missing_day_is_where_the_earliest_gap_begins(con: duckdb.DuckDBPyConnection) -> None:
    start = date(2026, 1, 1)
    assert warehouse.first_missing(con, [DAYS], start) == start
    warehouse.replace(con, days(1, 3, []))
    assert warehouse.first_missing(con, [DAYS], start) == date(2026, 1, 4)
    warehouse.replace(con, days(6, 8, []))
    assert warehouse.first_missing(con, [DAYS], start) == date(2026, 1, 4)
    warehouse.replace(con, days(2, 5, []))
    assert warehouse.first_missing(con, [DAYS], start) == date(2026, 1, 9)
    assert warehouse.first_missing(con, [DAYS, PEOPLE], start) == start


@settings(deadline=None)
@given(spans=st.lists(st.tuples(st.integers(1, 28), st.integers(0, 6)), max_size=12))
def test_the_first_missing_day_is_the_first_that_no_load_covers(spans: list[tuple[int, int]]) -> None:
    covered = {day for first, length in spans for day in range(first, min(first + length, 28) + 1)}
    expected = next(day for day in range(1, 30) if day not in covered)
    with duckdb.connect() as con:
        warehouse.prepare(con, [DAYS, *warehouse.TABLES])
        for first, length in spans:
            warehouse.replace(con, days(first, min(first + length, 28), []))
        assert warehouse.first_missing(con, [DAYS], date(2026, 1, 1)) == date(2026, 1, expected)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 1),
        ([(5, True), (6, False)], 6),
        ([(5, True), (7, False)], 6),  # the 6th may have had no row yet
        ([(5, True), (4, False), (6, True)], 4),  # another kind of the same table lags behind
        ([(5, True)], 6),
    ],
)
def test_a_source_is_read_again_from_its_first_unfinal_day(rows: list[tuple[int, bool]], expected: int) -> None:
    table = Table("t", "One row per day.", columns({"date_on": pa.date32(), "is_final": pa.bool_()}), (), "date_on")
    with duckdb.connect() as con:
        warehouse.prepare(con, [table])
        con.executemany("insert into raw.t values (?, ?)", [(date(2026, 1, day), final) for day, final in rows] or [
            (date(2025, 1, 1), True)])  # fmt: skip
        assert warehouse.first_unfinal(con, table, date(2026, 1, 1)) == date(2026, 1, expected)


def test_no_file_of_ours_holds_an_index_or_a_key_constraint(con: duckdb.DuckDBPyConnection) -> None:
    """Most known DuckDB corruption involves them; keys are checked by query."""
    assert con.execute("select count(*) from duckdb_indexes()").fetchone() == (0,)
    kinds = con.execute("select constraint_type from duckdb_constraints() where schema_name = 'raw'").fetchall()
    assert not {kind for (kind,) in kinds} & {"PRIMARY KEY", "UNIQUE"}


def test_what_the_last_request_of_a_table_left_of_each_quota_is_kept_as_rows(con: duckdb.DuckDBPyConnection) -> None:
    def left(hour: int, **quota: int) -> Fetch:
        return Fetch("days", "report", None, None, 3, datetime(2026, 1, 4, hour), 0.1, quota=quota)

    warehouse.replace(con, days(1, 3, [], [left(5, per_day=90, per_hour=40, gone=1), left(6, per_day=80, per_hour=30)]))
    warehouse.replace(con, days(1, 3, []))
    assert con.execute("select table_name, quota, remaining, asked_at from raw.quotas order by quota").fetchall() == [
        ("days", "per_day", 80, datetime(2026, 1, 4, 6)),
        ("days", "per_hour", 30, datetime(2026, 1, 4, 6)),
    ]


def test_the_last_answer_is_that_of_a_committed_load_even_without_rows(con: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.last_answer(con, DAYS, date(2026, 1, 4)) is None
    warehouse.replace(con, days(1, 3, [(2, 5)], [fetch(DAYS)]))
    warehouse.replace(con, Load(DAYS, None, None, iter([]), [fetch(DAYS)]))
    assert warehouse.last_answer(con, DAYS, date(2026, 1, 4)) == date(2026, 1, 3)
    assert warehouse.last_answer(con, DAYS, date(2026, 1, 3)) is None
    assert con.execute("select visits from raw.days").fetchall() == [(5,)]


def test_an_error_is_no_answer(con: duckdb.DuckDBPyConnection) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from ()
        raise SourceError("there", "broken", "mend it")

    with pytest.raises(SourceError):
        warehouse.replace(con, Load(DAYS, None, None, broken(), [fetch(DAYS, "HTTP 500")]))
    assert warehouse.last_answer(con, DAYS, date(2026, 1, 4)) is None
