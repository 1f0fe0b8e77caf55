"""A backfill of GA4: its plan, its clean stop at the reserve, its ledger, and kill -9 in the middle of it."""

import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

import demo
from connectors import ga4
from connectors.errors import OutOfQuota
from pipelines import night, raw, warehouse
from pipelines.company import Company, load_company
from pipelines.raw import Days

AS_OF = date(2026, 11, 20)
FIRST = date(2025, 9, 10)  # 437 days, six fiscal quarters
COMPANY = """
name: Small
locale: en
timezone: Asia/Tokyo
currency: JPY
fiscal_year_start: 4
start: {start}
site: {{hosts: [www.example.co.jp], article_paths: [/articles/]}}
sources:
  ga4:
    property_id: "400000001"
    endpoint: {endpoint}
    credentials: none
    events: {{end_of_article: article_end, one_minute: engaged_60s, second_page: second_page_view}}
"""
# A backfill as the run does it, without Dagster's record of every day.
CHILD = """
import sys
from datetime import date, datetime
from pathlib import Path
from pipelines import raw, warehouse
from pipelines.company import load_company
company = load_company(Path(sys.argv[1]))
run = raw.Days(*map(date.fromisoformat, sys.argv[2:4]), datetime.fromisoformat(sys.argv[4]))
with warehouse.connect(company.state / "warehouse.duckdb") as con:
    for load in raw.ga4_loads(company, con, raw.still_to_read(con, raw.ga4.TABLES, run)):
        warehouse.replace(con, load)
        print(load.table.name, load.end, flush=True)
"""


@dataclass
class Loaded:
    """A company whose GA4 was read once, whole, and what that left in every raw table."""

    company: Company
    servers: demo.Demo
    rows: dict[str, object]
    requests: int
    tokens: int
    notes: list[str]

    @property
    def path(self) -> Path:
        return self.company.state / "warehouse.duckdb"


def content(path: Path) -> dict[str, object]:
    with duckdb.connect(str(path), read_only=True) as con:
        return {
            table.name: con.execute(f"select count(*), sum(hash(t)) from raw.{table.name} as t").fetchone()
            for table in ga4.TABLES
        }


def tokens(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as con:
        row = con.execute("select sum(tokens)::bigint from raw.fetches").fetchone()
        return row[0] or 0 if row else 0


def read(company: Company, run: Days) -> list[str]:
    """Read GA4 for the days of a run; what was noted on the way."""
    notes: list[str] = []
    with warehouse.connect(company.state / "warehouse.duckdb") as con:
        to_read = raw.still_to_read(con, ga4.TABLES, run)
        if to_read.first <= run.last:
            for load in raw.ga4_loads(company, con, to_read):
                warehouse.replace(con, load)
                notes += load.notes
    return notes


@pytest.fixture(scope="module")
def servers() -> Iterator[demo.Demo]:
    with demo.serve(AS_OF) as running:
        yield running


@pytest.fixture(scope="module")
def once(servers: demo.Demo, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("company")
    (folder / "company.yml").write_text(COMPANY.format(start=FIRST, endpoint=servers.ga4_grpc))
    company = load_company(folder)
    path = company.state / "warehouse.duckdb"
    with warehouse.connect(path) as con:
        warehouse.prepare(con, raw.ALL_TABLES)
    servers.forget_requests()
    notes = read(company, Days(FIRST, AS_OF))
    asked = sum(request.method in ("RunReport", "BatchRunReports") for request in servers.requests)
    return Loaded(company, servers, content(path), asked, tokens(path), notes)


@pytest.fixture
def loaded(once: Loaded, tmp_path: Path) -> Iterator[Loaded]:
    """A copy of it in which every count is wrong, so that only what is read again is right."""
    shutil.copytree(once.company.folder, tmp_path / "company")
    copy = replace(once, company=load_company(tmp_path / "company"))
    with duckdb.connect(str(copy.path)) as con:
        con.execute("update raw.ga4_site_days set page_views = -1")
        con.execute("update raw.ga4_users set active_users = -1")
    before = vars(once.servers.answers).copy()
    once.servers.forget_requests()
    yield copy
    vars(once.servers.answers).update(before)


def allow(loaded: Loaded, more: int) -> None:
    """An hour later: what was used is forgotten, and the reserve of 2,800 leaves ``more`` tokens for this hour."""
    used = loaded.servers.analytics.spent("hour")
    loaded.servers.answers.tokens_per_project_per_hour = used + 2_800 + more
    with duckdb.connect(str(loaded.path)) as con:
        con.execute("update raw.fetches set fetched_at = fetched_at - interval 1 hour")


def begin(loaded: Loaded, anew: bool = False) -> tuple[Days, list[str]]:
    begun_at, said = night.begin_backfill(loaded.company, FIRST, AS_OF, anew)
    return Days(FIRST, AS_OF, begun_at), said


def plan(loaded: Loaded, run: Days) -> ga4.Plan:
    with warehouse.connect(loaded.path) as con:
        found = raw.ga4_plan(loaded.company, con, run)
    assert found is not None
    return found


def test_the_plan_is_what_reading_the_same_days_took(loaded: Loaded) -> None:
    run, (said,) = begin(loaded)
    expected = plan(loaded, run)
    assert (expected.days, expected.quarters, expected.requests) == (437, 6, loaded.requests)
    assert expected.assumed == 0
    assert expected.tokens == pytest.approx(loaded.tokens, rel=0.2)
    assert said.startswith("GA4: 437 days (2025-09-10..2026-11-20), quarter by quarter (6), ")


def test_after_each_quarter_it_says_how_far_it_has_come(once: Loaded) -> None:
    said = [
        re.match(r"GA4: (\d+) of 437 days, to (\S+): .* tokens \([\d,]+ are left today\)", note) for note in once.notes
    ]
    assert [(int(one[1]), one[2]) for one in said if one] == [
        (21, "2025-09-30"), (113, "2025-12-31"), (203, "2026-03-31"), (294, "2026-06-30"), (386, "2026-09-30"),
        (437, "2026-11-20"),
    ]  # fmt: skip
    assert ["to go" in note for note in once.notes] == [True] * 5 + [False]


def test_it_stops_before_the_reserve_and_goes_on_where_it_stopped(loaded: Loaded) -> None:
    run, _ = begin(loaded)
    stops, asked, starts = 0, 0, [FIRST]
    while True:
        allow(loaded, loaded.tokens // 3)
        loaded.servers.forget_requests()
        try:
            read(loaded.company, run)
        except OutOfQuota as stop:
            assert "is kept; run again in an hour" in stop.remedy
            stops += 1
        asked += len(loaded.servers.requests)
        left = loaded.servers.answers.tokens_per_project_per_hour - loaded.servers.analytics.spent("hour")
        assert left >= 2_800, "the reserve was touched"
        if run.first > AS_OF or content(loaded.path) == loaded.rows:
            break
        with warehouse.connect(loaded.path) as con:
            starts.append(raw.still_to_read(con, ga4.TABLES, run).first)
        again, said = begin(loaded)
        assert again == run
        assert said[0].startswith("going on with the backfill begun at ")
        assert plan(loaded, run).first == starts[-1]
        assert stops < 10
    assert stops >= 2
    assert starts == sorted(set(starts)), "each attempt begins after the one before"
    # A stop costs at most the batches of the quarter that it fell into.
    assert loaded.requests <= asked <= loaded.requests + stops * 5


def test_a_second_try_within_the_hour_does_not_touch_the_reserve_either(loaded: Loaded) -> None:
    run, _ = begin(loaded)
    allow(loaded, 100)
    with pytest.raises(OutOfQuota):
        read(loaded.company, run)
    with pytest.raises(OutOfQuota, match="tokens per project per hour are left"):
        read(loaded.company, run)
    left = loaded.servers.answers.tokens_per_project_per_hour - loaded.servers.analytics.spent("hour")
    assert left >= 2_800


def test_a_killed_backfill_goes_on_whatever_the_nights_did_meanwhile(loaded: Loaded) -> None:
    run, _ = begin(loaded)
    assert run.begun_at is not None
    command = [
        sys.executable,
        "-c",
        CHILD,
        str(loaded.company.folder),
        str(FIRST),
        str(AS_OF),
        run.begun_at.isoformat(),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    kept: list[str] = []
    after = random.Random(20261120).randint(len(ga4.TABLES), 4 * len(ga4.TABLES))
    for line in process.stdout:
        kept.append(line)
        if len(kept) == after:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    with warehouse.connect(loaded.path) as con:
        before = raw.still_to_read(con, ga4.TABLES, run).first
    assert FIRST < before <= AS_OF
    read(loaded.company, Days(AS_OF, AS_OF))  # a night
    with warehouse.connect(loaded.path) as con:
        assert raw.still_to_read(con, ga4.TABLES, run).first == before
    again, said = begin(loaded)
    assert again == run
    assert said[0].startswith("going on")
    loaded.servers.forget_requests()
    read(loaded.company, again)
    assert content(loaded.path) == loaded.rows
    firsts = {request.what.split("..")[0] for request in loaded.servers.requests}
    assert min(firsts) >= str(before - timedelta(days=100)), "quarters that were kept are not read again"


def test_a_finished_backfill_starts_anew_and_so_does_one_that_is_asked_to(loaded: Loaded) -> None:
    run, _ = begin(loaded)
    assert begin(loaded)[0] == run
    anew, said = begin(loaded, anew=True)
    assert anew.begun_at is not None and run.begun_at is not None
    assert anew.begun_at > run.begun_at
    assert not said[0].startswith("going on")
    with warehouse.connect(loaded.path) as con:
        warehouse.end_backfill(con, FIRST, AS_OF)
    after, said = begin(loaded)
    assert after.begun_at is not None
    assert after.begun_at > anew.begun_at
    assert not said[0].startswith("going on")
    other, _ = night.begin_backfill(loaded.company, FIRST, AS_OF - timedelta(days=1), anew=False)
    assert other > after.begun_at, "another span is another backfill"


def test_before_anything_was_asked_the_plan_says_what_it_assumes(tmp_path: Path) -> None:
    (tmp_path / "company.yml").write_text(COMPANY.format(start=FIRST, endpoint="127.0.0.1:9"))
    _, said = night.begin_backfill(load_company(tmp_path), FIRST, AS_OF, anew=False)
    assert "20 tokens each are assumed" in said[1]
