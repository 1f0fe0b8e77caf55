"""Publishing: the new file replaces the old one whole, or not at all; readers are never in the way."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines import publish, warehouse

NIGHT = publish.Publication(date(2026, 11, 21), datetime(2026, 11, 22, 5, 3, tzinfo=UTC), "run-1")


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.awareness as select 1 as value from range(3)")
        connection.execute("comment on table marts.awareness is 'One row per analyst''s question'")
        connection.execute("comment on column marts.awareness.value is 'the value'")
        yield connection


def test_tables_comments_and_the_night_are_published(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "marts.duckdb"
    assert publish.publish(con, target, NIGHT) == {"awareness": 3}
    assert publish.published(target) == NIGHT
    with duckdb.connect(str(target), read_only=True) as reader:
        assert reader.execute("select sum(value) from marts.awareness").fetchone() == (3,)
        comments = reader.execute(
            "select comment from duckdb_tables() where table_name = 'awareness'"
            " union all select comment from duckdb_columns() where table_name = 'awareness'"
        ).fetchall()
        assert comments == [("One row per analyst's question",), ("the value",)]
        assert reader.execute("select count(*) from duckdb_indexes()").fetchone() == (0,)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("marts")) == ["marts.duckdb"]


def test_nothing_published_yet_is_told_apart(tmp_path: Path) -> None:
    assert publish.published(tmp_path / "marts.duckdb") is None


def test_leftovers_of_a_killed_publish_are_no_obstacle(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "marts.duckdb.new").write_bytes(b"half a file")
    (tmp_path / "marts.duckdb.new.wal").write_bytes(b"half a log")
    publish.publish(con, tmp_path / "marts.duckdb", NIGHT)
    assert publish.published(tmp_path / "marts.duckdb") == NIGHT


def test_a_publish_that_fails_leaves_the_old_file_byte_for_byte(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "marts.duckdb"
    publish.publish(con, target, NIGHT)
    before = hashlib.sha256(target.read_bytes()).hexdigest()
    # A folder where the new file must go: what a person would see as "is a directory".
    con.execute("create or replace view marts.broken as select 1 as x")
    con.execute("create table marts.zz as select 1 as x")
    con.execute("drop table marts.awareness")
    (tmp_path / "marts.duckdb.new").mkdir()
    with pytest.raises(OSError, match="marts.duckdb.new"):
        publish.publish(con, target, NIGHT)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == before


READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print(con.execute('select count(*) from marts.awareness').fetchone()[0], flush=True)
sys.stdin.readline()
print(con.execute('select count(*) from marts.awareness').fetchone()[0], flush=True)
"""


def test_an_open_reader_neither_blocks_nor_is_blocked(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Two real processes: the analyst's keeps its rows while the night publishes; a new reader sees the new rows."""
    target = tmp_path / "marts.duckdb"
    publish.publish(con, target, NIGHT)
    analyst = subprocess.Popen(
        [sys.executable, "-c", READER, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert analyst.stdout is not None
    assert analyst.stdin is not None
    try:
        assert analyst.stdout.readline() == "3\n"
        con.execute("insert into marts.awareness select 2 from range(4)")
        assert publish.publish(con, target, NIGHT) == {"awareness": 7}
        analyst.stdin.write("\n")
        analyst.stdin.flush()
        assert analyst.stdout.readline() == "3\n"
    finally:
        analyst.kill()
        analyst.wait()
    with duckdb.connect(str(target), read_only=True) as reader:
        assert reader.execute("select count(*) from marts.awareness").fetchone() == (7,)
