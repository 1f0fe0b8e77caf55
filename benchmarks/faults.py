"""A backfill of 60 days under each fault of the demo's servers, and killed in its middle: nothing lost, nothing twice.

.venv/bin/python -m benchmarks.faults [KILLS]        (default 20 a source)

The warehouse holds the days as they were known a week earlier. Each fault befalls one request in the middle of the
backfill, and then one in every few. A run that ends with an error must have left each span of each table either as it
was or as it is to be; then one plain run is made. At the end every raw table must hold the rows of a backfill that
nothing disturbed, and no key twice.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from google.auth.credentials import AnonymousCredentials

from connectors import ga4, search_console
from connectors.errors import SourceError
from connectors.table import Load, Table
from demo import Demo, Fault, serve, simulate
from demo.faults import GA4, KINDS, SEARCH_CONSOLE
from demo.search_console import SITE_URL
from demo.site import HOST
from pipelines import warehouse

AS_OF, LENGTH, EARLIER = date(2026, 10, 31), 60, timedelta(days=7)
SEED, KILLS = 60, 20
NOT_OF_GA4 = ("403_quota", "403_rate")
NOT_OF_SEARCH_CONSOLE = ("429_project_hour", "429_hour", "429_day", "429_thresholded")
PATIENCE_SECONDS, SLOW_SECONDS = 2.0, 3.0
ANONYMOUS = AnonymousCredentials()  # type: ignore[no-untyped-call]
PROPERTY = ga4.Property(
    "400000001", (HOST,), ("/articles/",),
    {"download": "file_download", "inquiry": "generate_lead", "newsletter": "sign_up", "one_minute": "engaged_60s",
     "second_page": "second_page_view"},
)  # fmt: skip

Content = dict[str, set[tuple[Any, ...]]]


@dataclass(frozen=True)
class Days:
    """The span of a backfill, both inclusive."""

    first: date
    last: date


Loads = Callable[[str, Days], Iterator[Load]]
"""What a source gives for a span of days, asked of an address; with pauses and pages that are small enough here."""


@dataclass(frozen=True)
class Source:
    """``every``: in the repeated case one request in so many is befallen."""

    name: str
    api: str
    tables: Sequence[Table]
    loads: Loads
    every: int
    kinds: tuple[str, ...]

    def address(self, demo: Demo) -> str:
        return demo.ga4_grpc if self.name == "GA4 gRPC" else demo.http


def _ga4_loads(transport: str) -> Loads:
    def loads(address: str, days: Days) -> Iterator[Load]:
        limits = ga4.Limits(page_rows=2_000, timeout_seconds=PATIENCE_SECONDS, pause_seconds=0.02)
        with ga4.client(address, transport, ANONYMOUS) as client:
            yield from ga4.load(client, PROPERTY, days.first, days.last, days.first, limits=limits)

    return loads


def _search_console_loads(address: str, days: Days) -> Iterator[Load]:
    limits = search_console.Limits(page_rows=200, pause_seconds=0.02)
    with search_console.service(address, ANONYMOUS, PATIENCE_SECONDS) as service:
        yield from search_console.load(service, SITE_URL, days.first, days.last, limits)


SOURCES = (
    Source("GA4 gRPC", GA4, ga4.TABLES, _ga4_loads("grpc"), 4,
           tuple(kind for kind in KINDS if kind not in (*NOT_OF_GA4, "truncated_json"))),
    Source("GA4 REST", GA4, ga4.TABLES, _ga4_loads("rest"), 4, tuple(kind for kind in KINDS if kind not in NOT_OF_GA4)),
    Source("Search Console", SEARCH_CONSOLE, search_console.TABLES, _search_console_loads, 10,
           tuple(kind for kind in KINDS if kind not in NOT_OF_SEARCH_CONSOLE)),
)  # fmt: skip


@dataclass(frozen=True)
class Undisturbed:
    """The rows before a backfill and after it, and the number of its requests."""

    before: Content
    after: Content
    asked: int


@dataclass(frozen=True)
class Outcome:
    """``wrong`` is empty when nothing was lost or doubled; ``ended`` says how the first run ended."""

    ended: str
    runs: int
    asked: int
    retries: int
    wrong: tuple[str, ...]


@contextmanager
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with TemporaryDirectory() as folder, warehouse.connect(Path(folder) / "warehouse.duckdb") as con:
        yield con


def prepare(con: duckdb.DuckDBPyConnection, source: Source, content: Content) -> None:
    """A warehouse with these rows."""
    warehouse.prepare(con, [*source.tables, *warehouse.TABLES])
    for table in source.tables:
        rows = [dict(zip(table.schema.names, row, strict=True)) for row in content[table.name]]
        warehouse._insert_rows(con, table, rows)


def content_of(con: duckdb.DuckDBPyConnection, source: Source) -> Content:
    return {
        table.name: set(con.execute(f"select {', '.join(table.schema.names)} from raw.{table.name}").fetchall())
        for table in source.tables
    }


def doubled(con: duckdb.DuckDBPyConnection, source: Source) -> Iterator[str]:
    for table in source.tables:
        key = ", ".join(table.key)
        sql = f"select count(*) from (from raw.{table.name} select {key} group by all having count(*) > 1)"
        if (found := con.execute(sql).fetchone()) and found[0]:
            yield f"{table.name}: {found[0]} keys twice"


def undisturbed(source: Source, demo: Demo, days: Days) -> Undisturbed:
    """``before`` is the state of the demo's world of a week earlier; the demo shows today's afterwards."""
    today = demo.world
    demo.show(simulate(days.last - EARLIER))
    with empty() as con:
        prepare(con, source, {table.name: set() for table in source.tables})
        for load in source.loads(source.address(demo), Days(days.first, days.last - EARLIER)):
            warehouse.replace(con, load)
        before = content_of(con, source)
        demo.show(today)
        demo.forget_requests()
        for load in source.loads(source.address(demo), days):
            warehouse.replace(con, load)
        return Undisturbed(before, content_of(con, source), len(demo.requests))


def run(source: Source, address: str, con: duckdb.DuckDBPyConnection, days: Days) -> tuple[list[Load], str | None]:
    """The loads that were committed, and the error that ended the run."""
    committed = []
    try:
        for load in source.loads(address, days):
            warehouse.replace(con, load)
            committed.append(load)
    except SourceError as error:
        return committed, str(error)
    return committed, None


def either_way(source: Source, known: Undisturbed, committed: Sequence[Load]) -> Content:
    """The rows that a run which ended after these loads must have left: theirs as they are to be, all others as
    they were."""
    content = {name: set(rows) for name, rows in known.before.items()}
    for load in committed:
        table = load.table
        assert load.start is not None
        assert load.end is not None
        assert table.date_column is not None
        at = table.schema.get_field_index(table.date_column)
        old = {row for row in content[table.name] if not load.start <= row[at] <= load.end}
        content[table.name] = old | {row for row in known.after[table.name] if load.start <= row[at] <= load.end}
    return content


def differences(found: Content, expected: Content, when: str) -> Iterator[str]:
    for name, rows in expected.items():
        if lost := rows - found[name]:
            yield f"{when}, {name}: {len(lost)} rows lost, such as {min(lost, key=str)}"
        if more := found[name] - rows:
            yield f"{when}, {name}: {len(more)} rows too many, such as {min(more, key=str)}"


def disturbed(source: Source, demo: Demo, days: Days, known: Undisturbed, fault: Fault) -> Outcome:
    """Backfill with the fault; if it ends with an error, once more with what is left of it, and then without."""
    demo.faults.clear()
    demo.forget_requests()
    demo.faults.switch_on(fault)
    ended, runs = "same rows", 0
    wrong: list[str] = []
    with empty() as con:
        prepare(con, source, known.before)
        committed: list[Load] = []
        while runs < 3:
            runs += 1
            if runs == 3:
                demo.faults.clear()
            done, error = run(source, source.address(demo), con, days)
            committed += done
            wrong += differences(content_of(con, source), either_way(source, known, committed), f"after run {runs}")
            wrong += doubled(con, source)
            if error is None:
                break
            ended = "stopped, old rows kept"
        if fault.kind == "slow":
            time.sleep(SLOW_SECONDS)  # a late answer is logged when it ends
        if not any(request.status == fault.kind for request in demo.requests):
            wrong.append("the fault did not occur")
        wrong += differences(content_of(con, source), known.after, "in the end")
        found = con.execute("select coalesce(sum(retries), 0)::bigint from raw.fetches").fetchone()
        assert found is not None
        demo.faults.clear()
        return Outcome(ended, runs, len(demo.requests), found[0], tuple(wrong))


def once(source: Source, kind: str, known: Undisturbed) -> Fault:
    """In the middle of the backfill."""
    return Fault(kind, source.api, seconds=SLOW_SECONDS, skip=known.asked // 2)


def repeatedly(source: Source, kind: str) -> Fault:
    return Fault(kind, source.api, times=10_000, seconds=SLOW_SECONDS, skip=source.every - 1, every=source.every)


def killed(source: Source, demo: Demo, days: Days, known: Undisturbed, after_seconds: float) -> tuple[bool, Outcome]:
    """kill -9 so long after a backfill's first request, then one plain run; and whether it was still running."""
    demo.forget_requests()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        with warehouse.connect(path) as con:
            prepare(con, source, known.before)
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.faults", "backfill", source.name,
                                    source.address(demo), str(path), str(days.first), str(days.last)])  # fmt: skip
        while not demo.requests and process.poll() is None:
            time.sleep(0.005)
        time.sleep(after_seconds)
        was_running = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        with warehouse.connect(path) as con:
            committed = con.execute("select table_name, window_start, window_end from raw.loads").fetchall()
            tables = {table.name: table for table in source.tables}
            loads = [Load(tables[name], start, end, iter([]), []) for name, start, end in committed]
            wrong = list(differences(content_of(con, source), either_way(source, known, loads), "after the kill"))
            wrong += doubled(con, source)
            _, error = run(source, source.address(demo), con, days)
            wrong += [error] if error else []
            wrong += differences(content_of(con, source), known.after, "in the end")
            wrong += doubled(con, source)
    return was_running, Outcome("killed", 2, len(demo.requests), 0, tuple(wrong))


def main(kills: int) -> None:
    days, chance = Days(AS_OF - timedelta(days=LENGTH - 1), AS_OF), random.Random(SEED)
    wrong: list[str] = []
    with serve(world=simulate(AS_OF)) as demo:
        for source in SOURCES:
            known = undisturbed(source, demo, days)
            rows = sum(map(len, known.after.values()))
            print(f"\n{source.name}: {rows:,} rows, {known.asked} requests undisturbed\n")
            print(f"| fault | once: | runs | requests | retries | one in {source.every}: | runs | requests | retries |")
            print("|---|---|---|---|---|---|---|---|---|", flush=True)
            for kind in source.kinds:
                cells = [kind]
                for fault in (once(source, kind, known), repeatedly(source, kind)):
                    outcome = disturbed(source, demo, days, known, fault)
                    cells += [outcome.ended, str(outcome.runs), str(outcome.asked), str(outcome.retries)]
                    wrong += [f"{source.name}, {kind}: {text}" for text in outcome.wrong]
                print(f"| {' | '.join(cells)} |", flush=True)
            began = time.monotonic()
            with empty() as con:
                prepare(con, source, known.before)
                run(source, source.address(demo), con, days)
            length, hit, same = time.monotonic() - began, 0, 0
            for _ in range(kills):
                was_running, outcome = killed(source, demo, days, known, chance.uniform(0, length))
                hit, same = hit + was_running, same + (not outcome.wrong)
                wrong += [f"{source.name}, killed: {text}" for text in outcome.wrong]
            print(f"\n{kills} kills, {hit} of them in a running backfill of {length:.1f} s: {same} times the same rows")
    print("\n" + ("\n".join(wrong) or "nothing lost, nothing twice"))
    sys.exit(1 if wrong else 0)


def backfill(name: str, address: str, path: str, first: str, last: str) -> None:
    """What a killed process does."""
    (source,) = [one for one in SOURCES if one.name == name]
    with warehouse.connect(Path(path)) as con:
        run(source, address, con, Days(date.fromisoformat(first), date.fromisoformat(last)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["backfill"]:
        backfill(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS)
