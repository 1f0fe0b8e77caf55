"""A night of the log of stages at a million contacts, its first and the last of two years of nights.

Every night 3,000 contacts move a stage on or back, which makes some 4.4 million entries and exits in two years. Prints
wall and CPU seconds of both nights, and of a night without a change. Repeat it with: python -m benchmarks.stages
"""

import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console
from rich.table import Table as Printed

from pipelines import raw, stage_events, warehouse

CONTACTS, MOVES, NIGHTS = 1_000_000, 3_000, 730
FIRST = date(2024, 11, 1)


def stages(con: duckdb.DuckDBPyConnection, moved: int) -> None:
    """The export after ``moved`` moves: contact n has moved once for every time that the moves went past it."""
    con.execute(
        "create or replace table raw.exports_contacts as select 'C' || lpad(n::varchar, 9, '0') as contact_id,"
        " date '2020-01-01' as created_on,"
        " ['lead', 'mql', 'sql', 'deal'][(n + ? // ? + (n < ? % ?)::int) % 4 + 1] as stage from range(?) as t(n)",
        [moved, CONTACTS, moved, CONTACTS, CONTACTS],
    )


def history(con: duckdb.DuckDBPyConnection) -> None:
    """The events of the nights between the first and the last, as those nights would have written them."""
    con.execute(
        "insert into raw.stage_events by name with moves as (select m, m % ? as n, m // ? as rounds,"
        " ?::date + (m // ? + 1)::int as night from range(?) as t(m)), events as ("
        " select *, 'exited' as event, 0 as step from moves union all select *, 'entered', 1 from moves)"
        " select 'contact' as object, 'C' || lpad(n::varchar, 9, '0') as object_id,"
        " ['lead', 'mql', 'sql', 'deal'][(n + rounds + step) % 4 + 1] as stage, event, 'moved' as reason,"
        " 'snapshot' as source, night as observed_on, null as status, night as event_on from events",
        [CONTACTS, CONTACTS, FIRST, MOVES, (NIGHTS - 2) * MOVES],
    )


def night(con: duckdb.DuckDBPyConnection, number: int) -> tuple[int, float, float]:
    """Rows, wall and CPU seconds of the step."""
    began, cpu = time.perf_counter(), time.process_time()
    (load,) = stage_events.load(con, ("contact",), FIRST + timedelta(days=number))
    return warehouse.replace(con, load), time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    printed = Printed("night", "rows in the log before", "rows written", "wall s", "CPU s")
    with TemporaryDirectory() as folder, warehouse.connect(Path(folder) / "warehouse.duckdb") as con:
        warehouse.prepare(con, raw.ALL_TABLES)

        def show(name: str, number: int) -> None:
            (before,) = con.execute("select count(*) from raw.stage_events").fetchall()[0]
            rows, wall, cpu = night(con, number)
            printed.add_row(name, f"{before:,}", f"{rows:,}", f"{wall:.1f}", f"{cpu:.1f}")

        stages(con, 0)
        show("the first", 0)
        stages(con, MOVES)
        show("the second", 1)
        con.execute(f"delete from raw.stage_events where observed_on = '{FIRST + timedelta(days=1)}'")
        history(con)
        stages(con, (NIGHTS - 1) * MOVES)
        show("the last of two years", NIGHTS - 1)
        show("the same again", NIGHTS - 1)
        show("one without a change", NIGHTS)
    Console().print(printed)


if __name__ == "__main__":
    main()
