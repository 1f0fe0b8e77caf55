"""The board: its pages as a folder, and served from five years of marts with 2,000 articles.

.venv/bin/python -m benchmarks.board [COMPANY]        (a folder with a published night, such as demo; else one is made)

The folder is that of the company's own marts. The large marts are made of them: the last whole year of what has periods
is repeated until there are five, and the articles until there are 2,000. ``gyakusan board`` serves them as its own
process, and every page is asked for in both languages, at first without anything kept and then again.
"""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console
from rich.table import Table as Printed

from benchmarks import measured
from benchmarks.night import AS_OF, night
from board.night import Night, opened
from board.page import PAGES as QUERIES
from board.pages import PAGES
from board.pages.scorecard import GRAINS
from board.render import served_link
from connectors.text import Locale
from demo import company_copy, serve, simulate

YEARS, ARTICLES, ROUNDS = 5, 2_000, 3
LOCALES: tuple[Locale, ...] = ("ja", "en")
EXPORT = """
import sys, time
from pathlib import Path
from pipelines import boards
from pipelines.company import load_company
company = load_company(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    began = time.monotonic()
    boards.write(company)
print(time.monotonic() - began)
"""
"""Write the folder so many times, and say how long the last one took."""


def main(company: Path | None = None) -> None:
    with TemporaryDirectory() as tmp:
        folder = Path(tmp) / "company"
        marts = folder / ".gyakusan" / "marts.duckdb"
        if company is None:
            world = simulate(AS_OF)
            with serve(world=world) as demo:
                night(company_copy(folder, demo.ga4_grpc, demo.http, world), AS_OF)
        else:
            marts.parent.mkdir(parents=True)
            shutil.copyfile(company / "company.yml", folder / "company.yml")
            shutil.copyfile(company / ".gyakusan" / "marts.duckdb", marts)
        Console().print(exported(folder))
        grow(marts)
        with opened(marts) as large:
            wanted = addresses(large)
        with server(folder) as (process, port):
            answers = [ask(port, wanted) for _ in range(ROUNDS)]
            peak = peak_mb(process)
        Console(width=120).print(table(answers))
        print(f"peak memory of the server after all of them: {peak:.0f} MB (aim: under 300)")
    print(f"load of the machine's {os.cpu_count()} cores: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


def exported(folder: Path) -> Printed:
    """Seconds and bytes of the company's own pages."""
    python = [sys.executable, "-c", EXPORT, str(folder)]
    measured.run([*python, "1"])  # the scripts of the charts are made once a version
    cold = [measured.run([*python, "1"]) for _ in range(ROUNDS)]
    warm = [
        float(subprocess.run([*python, "2"], check=True, capture_output=True, text=True).stdout) for _ in range(ROUNDS)
    ]
    files = [path for path in (folder / ".gyakusan" / "board").rglob("*") if path.is_file()]
    static = sum(path.stat().st_size for path in files if path.parent.name == "static")
    whole = sum(path.stat().st_size for path in files)
    printed = Printed("figure", "value", "aim", title=f"the demo's pages as a folder: {len(files)} files")
    printed.add_row("seconds, whole process", f"{median(cost.wall_seconds for cost in cold):.2f}", "under 5")
    printed.add_row("CPU seconds of it", f"{median(cost.cpu_seconds for cost in cold):.2f}", "")
    printed.add_row("seconds, again in one process", f"{median(warm):.2f}", "")
    printed.add_row("peak MB", f"{median(cost.peak_mb for cost in cold):,.0f}", "")
    printed.add_row("bytes", f"{whole:,}", "under 4,000,000")
    printed.add_row("of which scripts and style", f"{static:,}", "")
    return printed


def grow(marts: Path) -> None:
    """Five years of periods and 2,000 articles, of the last whole year and the articles that there are."""
    with duckdb.connect(str(marts)) as con:
        columns: dict[str, dict[str, str]] = defaultdict(dict)
        for table, column, kind in con.execute(
            "select table_name, column_name, data_type from duckdb_columns() where not internal"
        ).fetchall():
            columns[table][column] = kind
        _more_articles(con)
        for table, kinds in columns.items():
            if "period_start" in kinds and (table == "articles" or "grain" in kinds):
                _more_years(con, table, kinds)


def _more_articles(con: duckdb.DuckDBPyConnection) -> None:
    """Copies of each article under other paths and titles, each read somewhat more than the one before."""
    (articles,) = con.execute("select count(*) from article_rates").fetchall()[0]
    con.execute(
        "create temp table copies as select copy, case copy when 0 then '' else ' ' || copy end as mark, host, path"
        " from article_rates, range(?) as t(copy) order by copy, path limit ?",
        [-(-ARTICLES // articles), ARTICLES],
    )
    changed = ", (page_views * (1 + copy / 10))::bigint as page_views, shrunk_rate * (1 + copy / 50) as shrunk_rate"
    for table, also in (("articles", ""), ("article_rates", changed)):
        con.execute(
            f"create or replace table {table} as"
            f" select of.* replace (path || replace(mark, ' ', '-') as path, title || mark as title{also})"
            f" from {table} as of inner join copies using (host, path)"
        )
    # All of them in every month: the demo had fewer articles in earlier years.
    con.execute("delete from articles where period_start <= (select as_of - interval 15 month from publication)")


def _more_years(con: duckdb.DuckDBPyConnection, table: str, kinds: Mapping[str, str]) -> None:
    """Copies of the last whole year, each a year (52 weeks) further back, before what there is already."""
    grain = "grain" if "grain" in kinds else "'month'"
    earlier = ", ".join(
        f"case when {grain} = 'week' then {day} - 364 * back"
        f" when {day} = last_day({day}) then last_day(({day} - to_years(back))::date)"
        f" else ({day} - to_years(back))::date end as {day}"
        for day, kind in kinds.items()
        if kind == "DATE"
    )
    (as_of,) = con.execute("select as_of - interval 3 month from publication").fetchall()[0]
    con.execute(
        f"insert into {table} by name"
        f" with had as (select {grain} as of_grain, min(period_start) as first from {table} group by 1),"
        f" year as (select * from {table} where period_start <= $last and period_start >"
        f"  $last - case when {grain} = 'week' then interval 364 day else interval 12 month end),"
        f" copied as (select year.* replace ({earlier}) from year, range(1, {YEARS}) as years(long), "
        "  lateral (select long::integer as back))"
        f" select copied.* from copied inner join had on {grain} = of_grain where period_start < first",
        {"last": as_of},
    )


def addresses(night: Night) -> list[tuple[str, str]]:
    """The name of a page and each of its addresses: those of the folder, and every period that can be asked for."""
    found: list[tuple[str, str]] = []
    for locale in LOCALES:
        for page in PAGES.values():
            wanted = [dict(params) for params in page.exported(night)]
            if "period" in page.params and "grain" in page.params:
                of = {"kpi": "orders"} if "kpi" in page.params else {}
                for grain in GRAINS:
                    periods = night.rows(QUERIES / "shared.sql", "periods", grain=grain)
                    wanted += [{**of, "grain": grain, "period": row["period_start"]} for row in periods]
            brief = {served_link(page.name, locale, **page.brief(params)) for params in wanted}
            found += [(page.name, address) for address in sorted(brief)]
    return found


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, int]]:
    """``gyakusan board`` as its own process: its id and its port."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "pipelines.cli", "board", "--company", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not _answers(port):
            assert process.poll() is None, "the server has ended by itself"
            time.sleep(0.1)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Answer:
    page: str
    milliseconds: float
    size: int


def ask(port: int, wanted: Sequence[tuple[str, str]]) -> list[Answer]:
    """Ask for every address once, one after the other."""
    answers = []
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for page, address in wanted:
            began = time.perf_counter()
            connection.request("GET", address)
            got = connection.getresponse()
            size = len(got.read())
            answers.append(Answer(page, (time.perf_counter() - began) * 1000, size))
            assert got.status == 200, f"{got.status}: {address}"
    return answers


def table(rounds: Sequence[Sequence[Answer]]) -> Printed:
    """By page and of all: the first answers, the repeated ones and the bytes."""
    first, again = rounds[0], [answer for asked in rounds[1:] for answer in asked]
    printed = Printed(
        "page", "addresses", "first: median ms", "p95", "slowest", "again: median ms", "p95", "median bytes", "most",
        title=f"{YEARS} years, {ARTICLES:,} articles, both languages; aim: median under 150 ms",
    )  # fmt: skip
    for name in [*PAGES, "all"]:
        made, kept = ([one for one in some if name in (one.page, "all")] for some in (first, again))
        times, later = ([one.milliseconds for one in some] for some in (made, kept))
        sizes = [one.size for one in made]
        printed.add_row(
            name, f"{len(made):,}", f"{median(times):.0f}", f"{_p95(times):.0f}", f"{max(times):.0f}",
            f"{median(later):.1f}", f"{_p95(later):.1f}", f"{median(sizes):,.0f}", f"{max(sizes):,}",
        )  # fmt: skip
    return printed


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]


def peak_mb(process: int) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1000


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
