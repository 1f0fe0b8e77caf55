"""Whole nights on the demo world: every KPI is what the world knows, whatever happens on the way."""

import hashlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest

from demo import Demo, Fault, company_copy, serve, simulate, write_exports
from demo.truth import truth
from pipelines import lock, models, night, publish
from pipelines.company import load_company
from pipelines.definitions import definitions

pytestmark = [pytest.mark.xdist_group("night"), pytest.mark.timeout(600)]

AS_OF = date(2026, 10, 31)  # the next day begins a month within a week, and within a fiscal quarter
NEXT = AS_OF + timedelta(days=1)
KNOWN_TO_BOTH = "2025-07-07"
"""A month later the world begins a month later, and with it what Search Console still keeps: the marts know more."""
STAGES = ("awareness", "engagement", "conversion", "retention")


@dataclass
class Town:
    """A company folder, the demo that answers it, and the state it was left in by its first night."""

    folder: Path
    demo: Demo
    kept: Path

    @property
    def marts(self) -> Path:
        return self.folder / ".gyakusan" / "marts.duckdb"

    def night(self, as_of: date) -> night.Outcome:
        return night.run(load_company(self.folder), as_of, as_of)

    def command(self, as_of: date) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "nightly", "--company", str(self.folder), "--as-of", str(as_of)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def back(self) -> None:
        """The state as the first night left it."""
        shutil.rmtree(self.folder / ".gyakusan")
        shutil.copytree(self.kept, self.folder / ".gyakusan")

    def sha256(self) -> str:
        return hashlib.sha256(self.marts.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    tmp, world = tmp_path_factory.mktemp("town"), simulate(AS_OF)
    with serve(world=world) as demo:
        folder = company_copy(tmp / "company", demo.ga4_grpc, demo.http, world)
        town = Town(folder, demo, tmp / "kept")
        assert town.night(AS_OF).problems == []
        shutil.copytree(folder / ".gyakusan", town.kept)
        yield town


@pytest.fixture
def town(first: Town) -> Town:
    """The town on the morning after its first night, with another day to load."""
    first.back()
    world = simulate(NEXT)
    first.demo.show(world)
    write_exports(world, first.folder / "exports")
    first.demo.faults.clear()
    first.demo.forget_requests()
    return first


def rows(marts: Path) -> pd.DataFrame:
    with duckdb.connect(str(marts), read_only=True) as con:
        return con.execute(" union all ".join(f"from {stage}" for stage in STAGES)).df()


def assert_equals_truth(marts: Path, as_of: date, since: str = "2000-01-01") -> None:
    """Every value that the world knows, for periods from ``since`` on, is in the marts to nine digits."""
    known = truth(simulate(as_of), fiscal_year_start=4).dropna(subset="value")
    for frame in (measured := rows(marts), known):
        frame["period_start"] = pd.to_datetime(frame["period_start"])
    known = known[known["period_start"] >= pd.Timestamp(since)]
    both = known.merge(measured, on=["kpi", "grain", "period_start"], how="left", suffixes=("_known", "_measured"))
    assert set(known["kpi"]) == set(measured["kpi"])
    for column in ("value", "numerator", "denominator"):
        expected, found = both[f"{column}_known"], both[f"{column}_measured"]
        wrong = both[expected.notna() & ~((found - expected).abs() <= 1e-9 * expected.abs())]
        assert wrong.empty, wrong[["kpi", "grain", "period_start", f"{column}_known", f"{column}_measured"]].to_string()


def test_every_kpi_is_what_the_world_knows_at_week_month_and_quarter(first: Town) -> None:
    first.back()
    assert_equals_truth(first.marts, AS_OF)


def test_read_through_is_by_the_end_of_the_article_where_the_company_sends_that_event(
    first: Town, tmp_path: Path
) -> None:
    world = simulate(AS_OF)
    first.demo.show(world)
    folder = company_copy(tmp_path / "company", first.demo.ga4_grpc, first.demo.http, world)
    settings = (folder / "company.yml").read_text(encoding="utf-8")
    settings = re.sub(r"start: 2025-04-01", "start: 2026-08-01", settings)
    settings = settings.replace("    events:  ", "    client_id: customEvent:client_id\n    events:  ")
    settings = settings.replace("one_minute: engaged_60s", "one_minute: engaged_60s\n      end_of_article: article_end")
    (folder / "company.yml").write_text(settings, encoding="utf-8")
    assert night.run(load_company(folder), AS_OF, AS_OF).problems == []
    known = truth(world, 4, read_through="end_of_article").query(
        "kpi == 'read_through_rate' and period_start >= '2026-08'"
    )
    with duckdb.connect(str(folder / ".gyakusan" / "marts.duckdb"), read_only=True) as con:
        found = con.execute(
            "select grain, period_start, value, flags from engagement"
            " where kpi = 'read_through_rate' and value is not null"
        ).df()
        articles = con.execute("select distinct read_through_method from articles where users > 0").fetchall()
    both = known.merge(found, on=["grain", "period_start"], how="left")
    assert len(both) >= 13 + 3 + 1
    assert both["value_y"].tolist() == pytest.approx(both["value_x"].tolist(), rel=1e-9)
    assert all("method:end_of_article" in flags and "other_method" not in flags for flags in both["flags"])
    assert articles == [("end_of_article",)]


def test_the_next_night_reads_the_new_day_and_what_was_restated_in_few_requests(town: Town) -> None:
    assert town.night(NEXT).problems == []
    assert_equals_truth(town.marts, NEXT, KNOWN_TO_BOTH)
    asked = Counter(request.api for request in town.demo.requests)
    assert asked["ga4"] <= 4
    assert asked["clarity"] == 1
    # "2026-10-30..2026-10-30 page web": the pulls of one day
    pulls = [request.what.split() for request in town.demo.requests if request.api == "search_console"]
    by_date = [span for span, dimensions, _ in pulls if dimensions == "date"]
    of_web = Counter(span for span, dimensions, kind in pulls if dimensions != "date" and kind == "web")
    of_others = Counter((span, kind) for span, dimensions, kind in pulls if dimensions != "date" and kind != "web")
    # By date each of the six types once a month read (the restated days lie on both sides of a month's end); three
    # kinds of rows of each day of web; pages alone of another type, on the days on which it has any.
    assert len(by_date) == 6 * 2
    assert 1 <= len(of_web) <= 4
    assert set(of_web.values()) == {3}
    assert set(of_others.values()) <= {1}
    assert {kind for _, kind in of_others} <= {"image", "discover"}


def test_a_second_night_over_the_same_day_changes_no_row(town: Town) -> None:
    assert town.night(NEXT).problems == []
    once = publish.fingerprints(town.marts)
    assert town.night(NEXT).problems == []
    assert publish.fingerprints(town.marts) == once


def test_nights_that_were_missed_are_caught_up(first: Town) -> None:
    first.back()
    later = AS_OF + timedelta(days=9)
    world = simulate(later)
    first.demo.show(world)
    write_exports(world, first.folder / "exports")
    assert first.night(later).problems == []
    assert_equals_truth(first.marts, later, KNOWN_TO_BOTH)


def test_a_backfill_reads_a_span_again_and_takes_nothing_back(town: Town) -> None:
    assert town.night(NEXT).problems == []
    once = publish.fingerprints(town.marts)
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        con.execute("delete from raw.ga4_site_days where date_on between '2026-08-03' and '2026-08-09'")
    span = ["--from", "2026-08-03", "--to", "2026-08-09"]
    command = [sys.executable, "-m", "pipelines.cli", "backfill", *span, "--company", str(town.folder)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    # One quarter is asked for; its weeks, months and quarter are read whole.
    assert re.search(
        r"GA4: 7 days \(2026-08-03..2026-08-09\), quarter by quarter \(1\), 4 requests, about \d+ tokens", done.stderr
    )
    assert re.search(r"GA4: 7 of 7 days, to 2026-08-09: [\d,]+ rows, \d+ tokens \([\d,]+ are left today\)", done.stderr)
    assert publish.fingerprints(town.marts) == once
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        ledger = con.execute("select first_on, last_on, done_at > begun_at from raw.backfills").fetchall()
    assert ledger == [(date(2026, 8, 3), date(2026, 8, 9), True)]


def test_a_warehouse_of_an_earlier_version_is_taken_over(town: Town) -> None:
    """A seed, a model and a raw table that had fewer columns then."""
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        con.execute("alter table staging.kpi_catalogue drop column definition_ja")
        con.execute("alter table marts.scorecard drop column last_year")
        con.execute("alter table raw.exports_deals drop column kind")
    assert town.night(NEXT).problems == []
    assert_equals_truth(town.marts, NEXT, KNOWN_TO_BOTH)


def test_an_analyst_reads_the_definitions_in_the_database(first: Town) -> None:
    first.back()
    with duckdb.connect(str(first.marts), read_only=True) as con:
        assert con.execute("select table_name from duckdb_tables() where comment is null").fetchall() == []
        silent = con.execute(
            "select table_name, column_name from duckdb_columns() where comment is null and not internal"
        ).fetchall()
        assert silent == []
        found = con.execute("select count(*) from marts.scorecard").fetchone()
        assert found is not None
        assert found[0] > 0


def test_no_personal_data_of_the_exports_lands(first: Town) -> None:
    """Names, addresses, telephone numbers and remarks stand in the files; no file of the state holds a byte of them."""
    first.back()
    contacts = (first.folder / "exports" / "contacts.csv").read_text(encoding="utf-8-sig")
    assert "@" in contacts
    canaries = [
        text.encode(code) for text in ("@example.jp", "担当者0", "03-0000-0") for code in ("utf-8", "utf-16-le")
    ]
    assert all(canary.decode() in contacts for canary in canaries[::2])
    for path in (first.folder / ".gyakusan").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [canary for canary in canaries if canary in content], path


# Each part of a night, broken once.


def break_ga4(town: Town) -> str:
    town.demo.faults.switch_on(Fault("429_day", "ga4", times=99))
    return "ga4: company.yml: sources.ga4: .*tokens per day"


def break_search_console(town: Town) -> str:
    town.demo.faults.switch_on(Fault("403_quota", "search_console", times=99))
    return "search_console: company.yml: sources.search_console"


def break_clarity(town: Town) -> str:
    town.demo.faults.switch_on(Fault("429_day", "clarity", times=99))
    return "clarity: company.yml: sources.clarity: the 10 requests"


def break_exports(town: Town) -> str:
    path = town.folder / "exports" / "deals.csv"
    path.write_bytes(path.read_bytes().replace("金額".encode("cp932"), "価格".encode("cp932"), 1))
    return "exports: exports/deals.csv.*金額"


def break_plan(town: Town) -> str:
    path = town.folder / "plan.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("  end: 2029-03-31\n", "", 1), encoding="utf-8")
    return "plan.yml.*end"


def break_model(town: Town) -> str:
    (models.PROJECT / "models" / "marts" / "plan" / "scorecard.sql").write_text("select no_such_column from nowhere")
    return "models: dbt model scorecard"


def break_check(town: Town) -> str:
    test = models.PROJECT / "tests" / "no_orders_were_won.sql"
    test.parent.mkdir(exist_ok=True)
    test.write_text("select * from {{ ref('conversion') }} where kpi = 'orders' and value > 0")
    return "models: dbt test no_orders_were_won"


def break_publish(town: Town) -> str:
    (town.folder / ".gyakusan" / "marts.duckdb.new").mkdir()
    return "published__marts: .*marts.duckdb.new"


@pytest.mark.parametrize(
    "breakage",
    [
        break_ga4,
        break_search_console,
        break_clarity,
        break_exports,
        break_plan,
        break_model,
        break_check,
        break_publish,
    ],
    ids=lambda breakage: breakage.__name__.removeprefix("break_"),
)
def test_a_broken_part_is_named_and_the_published_file_stays_byte_for_byte(breakage, town, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    if breakage in (break_model, break_check):
        monkeypatch.setattr(models, "PROJECT", shutil.copytree(models.PROJECT, tmp_path / "dbt_project"))
    plan = (town.folder / "plan.yml").read_text(encoding="utf-8")
    before = town.sha256()
    named = breakage(town)
    try:
        outcome = town.night(NEXT)
    finally:
        (town.folder / "plan.yml").write_text(plan, encoding="utf-8")
    assert len(outcome.problems) == 1
    assert re.search(named, outcome.problems[0], re.DOTALL), outcome.problems
    assert town.sha256() == before
    last = publish.published(town.marts)
    assert last is not None
    assert last.as_of == AS_OF
    assert night.staleness(load_company(town.folder)).startswith(
        "the published marts stay those of 2026-10-31 (published "
    )


def test_marts_that_failed_a_check_cannot_be_published_by_themselves(town, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    """What someone does in the Dagster UI who materialises the last asset after a night that failed."""
    monkeypatch.setattr(models, "PROJECT", shutil.copytree(models.PROJECT, tmp_path / "dbt_project"))
    before = town.sha256()
    break_check(town)
    assert len(town.night(NEXT).problems) == 1
    defs = definitions(load_company(town.folder))
    with dg.DagsterInstance.from_config(str(night.dagster_home(load_company(town.folder)))) as instance:
        job = dg.define_asset_job("only_publish", selection=[dg.AssetKey(["published", "marts"])])
        alone = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("only_publish")
        assert not alone.execute_in_process(instance=instance, raise_on_error=False).success
    lock.release(town.folder / ".gyakusan")
    assert town.sha256() == before


def test_a_killed_night_costs_nothing_but_a_rerun(town: Town) -> None:
    """kill -9 at moments of chance (a hundred of them: benchmarks/kills.py), then one plain night."""
    assert town.night(NEXT).problems == []
    undisturbed = publish.fingerprints(town.marts)
    chance = random.Random(20261031)
    for _ in range(2):
        town.back()
        process = town.command(NEXT)
        time.sleep(chance.uniform(3, 12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        rerun = town.command(NEXT)
        _, said = rerun.communicate(timeout=120)
        assert rerun.returncode == 0, said
        assert publish.fingerprints(town.marts) == undisturbed
        assert unfinished_runs(town) == []


def unfinished_runs(town: Town) -> list[str]:
    with dg.DagsterInstance.from_config(str(town.folder / ".gyakusan" / "dagster")) as instance:
        return [run.run_id for run in instance.get_runs() if not run.is_finished]


def test_a_second_night_beside_the_first_leaves_at_once_with_its_own_status(town: Town) -> None:
    town.demo.faults.switch_on(Fault("slow", "ga4", seconds=20))
    one = town.command(NEXT)
    wait_until_locked(town.folder / ".gyakusan", by=one.pid)
    two = town.command(NEXT)
    _, said = two.communicate(timeout=60)
    assert (two.returncode, "another night is already running" in said) == (75, True)
    assert one.poll() is None, "the second night waited for the first"
    assert one.wait(timeout=120) == 0


def test_an_interrupted_night_says_what_to_do(town: Town) -> None:
    town.demo.faults.switch_on(Fault("slow", "search_console", seconds=8))
    process = town.command(NEXT)
    until = time.monotonic() + 60
    while town.demo.faults.pending:  # the slow request has begun
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "search_console: interrupted; run it again" in said
    assert "Traceback" not in said
    assert publish.published(town.marts) is not None


def wait_until_locked(state: Path, by: int) -> None:
    until = time.monotonic() + 60
    while f'"pid": {by},' not in (state / "night.lock").read_text():
        assert time.monotonic() < until, "the night did not take its lock"
        time.sleep(0.05)
