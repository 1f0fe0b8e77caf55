"""The last step of a night: the marts that passed every check become the file that analysts read.

A new file is written beside the old one, checked, and renamed over it. An open reader keeps the rows it has; a new
one sees the new night; nobody ever sees half of one.

DuckDB names a database after its file, so in ``marts.duckdb`` a schema ``marts`` would make ``marts.awareness``
ambiguous and refused. The tables therefore lie in the file's main schema: ``marts.awareness`` and ``awareness`` both
find them.
"""

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Publication:
    """What stands in ``marts.publication``: which night the published marts show."""

    as_of: date
    published_at: datetime
    run_id: str


def publish(con: duckdb.DuckDBPyConnection, target: Path, publication: Publication) -> dict[str, int]:
    """Write all of schema ``marts`` of the warehouse to ``target``. Returns the rows of each table."""
    new = target.with_name(target.name + ".new")
    for leftover in (new, new.with_name(new.name + ".wal")):
        leftover.unlink(missing_ok=True)
    con.execute(f"attach '{_quoted(str(new))}' as published")
    try:
        rows = _copy_marts(con, publication)
    finally:
        con.execute("detach published")
    _verify(new, rows)
    _sync(new)
    os.replace(new, target)
    _sync(target.parent)
    return rows


def _copy_marts(con: duckdb.DuckDBPyConnection, publication: Publication) -> dict[str, int]:
    database = con.execute("select current_database()").fetchone()
    assert database is not None
    tables = con.execute(
        "select table_name, comment from duckdb_tables() where database_name = ? and schema_name = 'marts' order by 1",
        database,
    ).fetchall()
    rows: dict[str, int] = {}
    for name, comment in tables:
        copied = con.execute(f'create table published."{name}" as from marts."{name}"').fetchone()
        rows[name] = copied[0] if copied else 0
        _comment(con, f'table published."{name}"', comment)
        columns = con.execute(
            "select column_name, comment from duckdb_columns()"
            " where database_name = ? and schema_name = 'marts' and table_name = ?",
            [database[0], name],
        ).fetchall()
        for column, text in columns:
            _comment(con, f'column published."{name}"."{column}"', text)
    con.execute(
        "create table published.publication as"
        " select ?::date as as_of, ?::timestamp as published_at, ?::varchar as run_id",
        [publication.as_of, publication.published_at.astimezone(UTC).replace(tzinfo=None), publication.run_id],
    )
    _comment(con, "table published.publication", "One row: which night these marts show.")
    for column, text in (
        ("as_of", "The last complete day that is in these marts."),
        ("published_at", "When they were published, in UTC."),
        ("run_id", "The Dagster run that published them."),
    ):
        _comment(con, f"column published.publication.{column}", text)
    con.execute("checkpoint published")
    return rows


def _comment(con: duckdb.DuckDBPyConnection, what: str, text: str | None) -> None:
    if text:
        con.execute(f"comment on {what} is '{_quoted(text)}'")


def _verify(path: Path, rows: dict[str, int]) -> None:
    with duckdb.connect(str(path), read_only=True) as con:
        for name, count in rows.items():
            found = con.execute(f'select count(*) from "{name}"').fetchone()
            if found != (count,):
                raise OSError(f"{path}: marts.{name} holds {found} rows where {count} were written; not published")


def published(target: Path) -> Publication | None:
    """What the published file says of itself; ``None`` when nothing was ever published."""
    if not target.exists():
        return None
    with duckdb.connect(str(target), read_only=True) as con:
        row = con.execute("select as_of, published_at, run_id from publication").fetchone()
    assert row is not None
    return Publication(row[0], row[1].replace(tzinfo=UTC), row[2])


OF_THE_NIGHT = ("publication", "source_health", "quotas")


def fingerprints(target: Path) -> dict[str, str]:
    """What each published table holds, whatever the order of its rows; those that tell of the night are left out."""
    with duckdb.connect(str(target), read_only=True) as con:
        names = [name for (name,) in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        found = {}
        for name in names:
            if name not in OF_THE_NIGHT:
                row = con.execute(f'select count(*), sum(hash(rows)::hugeint) from "{name}" as rows').fetchone()
                assert row is not None
                found[name] = f"{row[0]} rows, {row[1]}"
        return found


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _sync(path: Path) -> None:
    """Make a file, or a rename in a folder, survive a power loss."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
