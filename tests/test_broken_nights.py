"""Nights on which something breaks: the published file stays, the message names the part, a rerun mends it."""

import random
import re
import shutil
import signal
import time
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from demo import Fault
from pipelines import lock, models, night, publish
from pipelines.company import load_company
from pipelines.definitions import definitions
from tests.conftest import AS_OF, NEXT, Town

START = date(2026, 8, 1)
pytestmark = pytest.mark.timeout(600)


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
    path.write_text(path.read_text(encoding="utf-8").replace("  end: 2027-03-31\n", "", 1), encoding="utf-8")
    return "plan.yml.*end"


def break_model(town: Town) -> str:
    (models.PROJECT / "models" / "marts" / "plan" / "scorecard.sql").write_text("select no_such_column from nowhere")
    return "marts: dbt model scorecard"


def break_analysis(town: Town) -> str:
    """A column that cannot hold what it is given."""
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        con.execute("alter table analysis.funnel alter method type integer using 1")
    return "analysis: .*aalen_johansen"


def break_check(town: Town) -> str:
    test = models.PROJECT / "tests" / "no_orders_were_won.sql"
    test.parent.mkdir(exist_ok=True)
    test.write_text("select * from {{ ref('conversion') }} where kpi = 'orders' and value > 0")
    return "marts: dbt test no_orders_were_won"


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
        break_analysis,
        break_publish,
    ],
    ids=lambda breakage: breakage.__name__.removeprefix("break_"),
)
def test_a_broken_part_is_named_and_the_published_file_stays_byte_for_byte(breakage, town, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    if breakage is break_model:
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
    assert night.staleness(load_company(town.folder), outcome.run_id).startswith(
        "the published marts stay those of 2026-10-31 (published "
    )


def test_pages_that_cannot_be_written_leave_the_old_ones_and_the_new_marts(town: Town) -> None:
    board = town.folder / ".gyakusan" / "board"
    before = {path: path.read_bytes() for path in board.rglob("*.html")}
    (town.folder / ".gyakusan" / "board.new").write_text("in the way")
    outcome = town.night(NEXT)
    (problem,) = outcome.problems
    assert re.search("published__board: .*board.new", problem, re.DOTALL), problem
    assert {path: path.read_bytes() for path in board.rglob("*.html")} == before
    said = night.staleness(load_company(town.folder), outcome.run_id)
    assert said == f"the marts of {NEXT} are published; the board's pages in {board} are older"


def test_marts_that_failed_a_check_are_not_published_by_the_night_nor_by_themselves(town, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    """The latter is what someone does in the Dagster UI who materialises the last asset after a night that failed."""
    monkeypatch.setattr(models, "PROJECT", shutil.copytree(models.PROJECT, tmp_path / "dbt_project"))
    before = town.sha256()
    named = break_check(town)
    (problem,) = town.night(NEXT).problems
    assert re.search(named, problem, re.DOTALL), problem
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
    assert "Dependencies for step" not in said  # Dagster says so of every later step
    assert "Traceback" not in said
    assert publish.published(town.marts) is not None


def wait_until_locked(state: Path, by: int) -> None:
    until = time.monotonic() + 60
    while f'"pid": {by},' not in (state / "night.lock").read_text():
        assert time.monotonic() < until, "the night did not take its lock"
        time.sleep(0.05)
