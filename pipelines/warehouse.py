"""The private warehouse: two verbs write raw data, and what was loaded is recorded with it.

Both verbs are one transaction that checks columns and key, so a failed load keeps the old rows and running twice
changes nothing. There is no PRIMARY KEY, UNIQUE or index here: most known DuckDB corruption involves them.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

import duckdb
import pyarrow as pa

from connectors.errors import SourceError
from connectors.table import Fetch, Load, Table, columns
from pipelines import intake

DAY, TEXT, COUNT, MOMENT = pa.date32(), pa.string(), pa.int64(), pa.timestamp("us")

FETCHES = Table(
    "fetches",
    "One row per request to a source: what was asked, what came back, and what the source said of its own answer.",
    columns(
        {
            "table_name": TEXT,
            "request": TEXT,
            "row_count": COUNT,
            "fetched_at": MOMENT,
            "duration_seconds": pa.float64(),
            "retries": COUNT,
            "flags": TEXT,
            "quota": TEXT,
        },
        {"window_start": DAY, "window_end": DAY, "error": TEXT, "tokens": COUNT, "changed_at": MOMENT},
    ),
    key=(),
)
LOADS = Table(
    "loads",
    "One row per committed load of a table: the span of days it replaced (none for a snapshot) and its rows. Of files: "
    "rows_read = row_count + rows_rejected (they could not be read) + rows_set_aside (for another reason).",
    columns(
        {"table_name": TEXT, "row_count": COUNT, "loaded_at": MOMENT},
        {
            "window_start": DAY,
            "window_end": DAY,
            "restated_days": COUNT,
            "rows_read": COUNT,
            "rows_rejected": COUNT,
            "rows_set_aside": COUNT,
        },
    ),
    key=(),
)
QUOTAS = Table(
    "quotas",
    "One row per table and quota of its source: what the last request for the table left of it, and when that was.",
    columns({"table_name": TEXT, "quota": TEXT, "remaining": COUNT, "asked_at": MOMENT}),
    key=("table_name", "quota"),
)
BACKFILLS = Table(
    "backfills",
    "One row per backfill that was asked for: its span of days, when it was begun, and when it was published.",
    columns({"first_on": DAY, "last_on": DAY, "begun_at": MOMENT}, {"done_at": MOMENT}),
    key=(),
)
AUDITS = Table(
    "audits",
    "One row per step (models, analysis, marts) whose tables as they stand passed every check; none of a step that is "
    "being made, after one that failed, and of those that follow it.",
    columns({"run_id": TEXT, "passed_at": MOMENT}, {"step": TEXT}),
    key=(),
)
Step = Literal["models", "analysis", "marts"]
STEPS: tuple[Step, ...] = ("models", "analysis", "marts")
"""From what is loaded to what is shown, in the order in which a night makes it."""
TABLES = (FETCHES, LOADS, QUOTAS, intake.QUARANTINE, BACKFILLS, AUDITS)


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    path.parent.mkdir(parents=True, exist_ok=True)
    return duckdb.connect(str(path))


def prepare(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Create what is missing, so that the models find a table for every source, connected or not."""
    for table in tables:
        con.execute(f"create schema if not exists {table.layer}")
        empty = table.schema.empty_table()
        con.register("empty", empty)
        con.execute(f"create table if not exists {table.path} as from empty")
        con.execute(f"comment on table {table.path} is '{table.description.replace(chr(39), chr(39) * 2)}'")
        present = {row[0] for row in con.execute(f"describe {table.path}").fetchall()}
        for column in table.schema.names:
            if column not in present:
                kind = dict(con.execute("select column_name, column_type from (describe empty)").fetchall())[column]
                con.execute(f"alter table {table.path} add column {column} {kind}")
        con.unregister("empty")


def replace(con: duckdb.DuckDBPyConnection, load: Load) -> int:
    """Write a load by the verb that its table asks for. Returns its number of rows."""
    return replace_snapshot(con, load) if load.table.date_column is None else replace_span(con, load)


def replace_span(con: duckdb.DuckDBPyConnection, load: Load) -> int:
    """Replace the rows of ``load.start..load.end`` (both inclusive) by the load's. Returns its number of rows."""
    column = load.table.date_column
    assert column is not None
    return _replace(con, load, f"{column} between ? and ?", [load.start, load.end])


def replace_snapshot(con: duckdb.DuckDBPyConnection, load: Load) -> int:
    """Replace the whole table by the load's rows. Returns their number."""
    return _replace(con, load, "true", [])


def _replace(con: duckdb.DuckDBPyConnection, load: Load, where: str, span: Sequence[date | None]) -> int:
    table = load.table
    with TemporaryFile() as spool:
        files = intake.Rows(con, load, load.intake, spool) if load.intake else None
        try:
            con.begin()
            con.execute(f"delete from {table.path} where {where}", span)
            if files:
                rows = files.insert(partial(_checked, table))
            else:
                rows = sum(_insert(con, table, batch) for batch in load.batches)
            _check(con, table, where, span, rows)
            _record(con, load, rows)
            con.commit()
        except BaseException as error:
            con.rollback()
            _insert_rows(con, FETCHES, [_fetch_row(fetch) for fetch in load.fetches if fetch.error])
            if files and isinstance(error, SourceError):
                files.keep_quarantine()
            raise
    return rows


def _insert(con: duckdb.DuckDBPyConnection, table: Table, batch: pa.RecordBatch) -> int:
    con.register("batch", _checked(table, batch))
    con.execute(f"insert into {table.path} by name from batch")
    con.unregister("batch")
    return int(batch.num_rows)


def _checked(table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, if its columns are those declared and filled where they must be."""
    if batch.schema.names != table.schema.names or batch.schema.types != table.schema.types:
        raise SourceError(table.path, f"columns {batch.schema} are not those declared", "mend the connector")
    for field in table.schema:
        if not field.nullable and batch.column(field.name).null_count:
            raise SourceError(table.path, f"column {field.name} is empty in some rows", "fill it at the source")
    return batch


def _check(con: duckdb.DuckDBPyConnection, table: Table, where: str, span: Sequence[date | None], rows: int) -> None:
    """Every row lies in the span that was emptied, and no two rows share the key."""
    inside = con.execute(f"select count(*) from {table.path} where {where}", span).fetchone()
    if inside is None or inside[0] != rows:
        raise SourceError(table.path, "some rows lie outside the span asked for", "mend the connector")
    if table.key:
        key = ", ".join(table.key)
        twice = con.execute(
            f"select {key} from {table.path} where {where} group by {key} having count(*) > 1 order by {key} limit 3",
            span,
        ).fetchall()
        if twice:
            shown = "; ".join(", ".join(map(str, row)) for row in twice)
            raise SourceError(
                table.path,
                f"the key ({key}) stands on several rows: {shown}",
                "remove the double rows at the source",
            )


def _record(con: duckdb.DuckDBPyConnection, load: Load, rows: int) -> None:
    _insert_rows(con, FETCHES, [_fetch_row(fetch) for fetch in load.fetches])
    _note_quotas(con, load.fetches)
    _insert_rows(
        con,
        LOADS,
        [
            {
                "table_name": load.table.name,
                "row_count": rows,
                "loaded_at": _now(),
                "window_start": load.start,
                "window_end": load.end,
                "restated_days": load.table.restated_days,
                "rows_read": load.intake.read if load.intake else None,
                "rows_rejected": load.intake.rejected if load.intake else None,
                "rows_set_aside": load.intake.set_aside if load.intake else None,
            }
        ],
    )


def _insert_rows(con: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        batch = pa.RecordBatch.from_pylist(rows, schema=table.schema)
        _insert(con, table, batch)


def _note_quotas(con: duckdb.DuckDBPyConnection, fetches: Iterable[Fetch]) -> None:
    """What each table's last request left, as rows: SQL engines agree on no way to read the JSON of fetches."""
    for table, fetch in {fetch.table_name: fetch for fetch in fetches if fetch.quota}.items():
        con.execute("delete from raw.quotas where table_name = ?", [table])
        left = {"table_name": table, "asked_at": fetch.fetched_at}
        _insert_rows(con, QUOTAS, [{**left, "quota": name, "remaining": rest} for name, rest in fetch.quota.items()])


def _fetch_row(fetch: Fetch) -> dict[str, object]:
    return {
        "table_name": fetch.table_name,
        "request": fetch.request,
        "row_count": fetch.row_count,
        "fetched_at": fetch.fetched_at,
        "duration_seconds": fetch.duration_seconds,
        "retries": fetch.retries,
        "flags": ",".join(sorted(fetch.flags)),
        "quota": json.dumps(dict(fetch.quota), sort_keys=True),
        "window_start": fetch.window_start,
        "window_end": fetch.window_end,
        "error": fetch.error,
        "tokens": fetch.tokens,
        "changed_at": fetch.changed_at,
    }


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def first_missing(
    con: duckdb.DuckDBPyConnection, tables: Iterable[Table], start: date, since: datetime | None = None
) -> date:
    """The first day from ``start`` on that some of the tables has not loaded (since a moment, in UTC, if one is given):
    where a night, or an interrupted backfill, goes on from."""
    return min(_first_gap(con, table, start, since or datetime.min) for table in tables)


def _first_gap(con: duckdb.DuckDBPyConnection, table: Table, start: date, since: datetime) -> date:
    spans = con.execute(
        "select window_start, window_end from raw.loads"
        " where table_name = ? and window_end >= ? and loaded_at >= ? order by 1",
        [table.name, start, since],
    ).fetchall()
    day = start
    for window_start, window_end in spans:
        if window_start > day:
            break
        day = max(day, window_end + timedelta(days=1))
    return day


def first_unfinal(con: duckdb.DuckDBPyConnection, table: Table, start: date) -> date:
    """The first day that the source had not yet declared final when it was last read.

    That is the first row that is not final, or the day after the last final one, which may have had no row yet.
    """
    day = table.date_column
    row = con.execute(
        f"select least(min({day}) filter (not is_final), max({day}) filter (is_final) + 1) from {table.path}"
    ).fetchone()
    return max(start, row[0]) if row and row[0] else start


def last_answer(con: duckdb.DuckDBPyConnection, table: Table, before: date) -> date | None:
    """The last day before ``before`` that the source answered for, with rows or without; None for never."""
    row = con.execute(
        "select max(window_end) from raw.fetches where table_name = ? and error is null and window_end < ?",
        [table.name, before],
    ).fetchone()
    return row[0] if row else None


def last_loaded(con: duckdb.DuckDBPyConnection, table: Table, before: date = date.max) -> date | None:
    """The last day before ``before`` that a load of the table was committed for; None for never."""
    row = con.execute(
        "select max(window_end) from raw.loads where table_name = ? and window_end < ?", [table.name, before]
    ).fetchone()
    return row[0] if row else None


def as_of(con: duckdb.DuckDBPyConnection, last: date) -> date:
    """The last complete day that the warehouse covers once ``last`` is loaded; a backfill never takes it back."""
    return max(last, last_night(con) or last)


def last_night(con: duckdb.DuckDBPyConnection) -> date | None:
    """The last complete day that the warehouse covers; None before the first night."""
    row = con.execute("select max(as_of) from raw.company_settings").fetchone()
    return row[0] if row else None


def last_plan(con: duckdb.DuckDBPyConnection) -> tuple[date, str] | None:
    """The newest version of the plan, as valid_from and digest; None before the first."""
    row = con.execute("select valid_from, digest from raw.plan_versions order by valid_from desc limit 1").fetchone()
    return (row[0], row[1]) if row else None


def begin_backfill(con: duckdb.DuckDBPyConnection, first: date, last: date, anew: bool) -> tuple[datetime, bool]:
    """When the backfill of these days was begun, and whether that was earlier: one that did not end is gone on with.

    ``anew`` begins it again whatever was read.
    """
    begun = con.execute(
        "select max(begun_at) from raw.backfills where first_on = ? and last_on = ? and done_at is null", [first, last]
    ).fetchone()
    if begun and begun[0] and not anew:
        return begun[0], True
    end_backfill(con, first, last)
    now = _now()
    _insert_rows(con, BACKFILLS, [{"first_on": first, "last_on": last, "begun_at": now}])
    return now, False


def end_backfill(con: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    con.execute(
        "update raw.backfills set done_at = ? where first_on = ? and last_on = ? and done_at is null",
        [_now(), first, last],
    )


def rows(con: duckdb.DuckDBPyConnection, table: Table) -> list[dict[str, object]]:
    """Every row of a small raw table."""
    found = con.execute(f"select {', '.join(table.schema.names)} from {table.path}").fetchall()
    return [dict(zip(table.schema.names, row, strict=True)) for row in found]


def observed(
    con: duckdb.DuckDBPyConnection, tables: Iterable[Table]
) -> list[tuple[str, str, int, int, int, float, int]]:
    """What each report of the tables took: table, report, days of its span, requests, tokens, seconds, rows."""
    return con.execute(
        "select table_name, regexp_replace(request, '^[^:]*: ', ''), window_end - window_start + 1,"
        " count(*) filter (request like 'batchRunReports%'), sum(tokens)::bigint,"
        " sum(duration_seconds), sum(row_count)::bigint"
        " from raw.fetches where tokens is not null and error is null and table_name in (select unnest(?))"
        " group by all order by all",
        [[table.name for table in tables]],
    ).fetchall()


def quota_left(con: duckdb.DuckDBPyConnection, tables: Iterable[Table], since: datetime) -> dict[str, int]:
    """What the last request for one of the tables since a moment (in UTC) left of the quotas; empty without one."""
    row = con.execute(
        "select quota from raw.fetches where quota <> '{}' and fetched_at >= ? and table_name in (select unnest(?))"
        " order by fetched_at desc limit 1",
        [since, [table.name for table in tables]],
    ).fetchone()
    left: dict[str, int] = json.loads(row[0]) if row else {}
    return left


def begin_audit(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """From now on the marts are not to be published, until this step and those after it pass."""
    following = STEPS[STEPS.index(step) :]
    con.execute("delete from raw.audits where step is null or list_contains(?, step)", [list(following)])


def pass_audit(con: duckdb.DuckDBPyConnection, step: Step, run_id: str) -> None:
    """All of the step was made and every check of it passed in this run."""
    _insert_rows(con, AUDITS, [{"run_id": run_id, "passed_at": _now(), "step": step}])


def is_built(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the models stand as they passed their checks."""
    return con.execute("select 1 from raw.audits where step = 'models'").fetchone() is not None


def is_audited(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the marts as they stand were made from what passed every check, and passed theirs."""
    passed = {step for (step,) in con.execute("select step from raw.audits").fetchall()}
    return passed >= set(STEPS)
