"""The command line: one clear message and an exit status for what a person can mend, nothing changed."""

import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines import publish

COMPANY = """
name: Small
locale: en
timezone: Asia/Tokyo
currency: JPY
fiscal_year_start: 4
start: 2026-01-01
site: {hosts: [www.example.com], article_paths: [/articles/]}
"""
PLAN = """
version: 1
kgi: {kpi: orders, grain: quarter, start: 2026-01-01, end: 2026-12-31, target: 5, owner: Sales}
"""
GA4 = 'sources: {ga4: {property_id: "1", credentials: env:GYAKUSAN_TEST_KEY}}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A company folder whose marts were published once."""
    (tmp_path / "company.yml").write_text(COMPANY)
    (tmp_path / "plan.yml").write_text(PLAN)
    state = tmp_path / ".gyakusan"
    state.mkdir()
    with duckdb.connect(str(state / "warehouse.duckdb")) as con:
        con.execute("create schema marts")
        con.execute("create table marts.kpis as select 'orders' as kpi, 3 as sort_order")
        night = publish.Publication(date(2026, 2, 1), datetime(2026, 2, 2, tzinfo=UTC), "run-1")
        publish.publish(con, state / "marts.duckdb", night)
    return tmp_path


def gyakusan(*arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    company = ["--company", str(folder)] if folder else []
    command = [sys.executable, "-m", "pipelines.cli", *arguments, *company]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def sums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / ".gyakusan").glob("*.duckdb")
    }


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "company.yml").unlink(), r"company\.yml.*\n.*-> "),
        (lambda folder: (folder / "company.yml").write_text("name: [oops"), r"company\.yml.*line \d"),
        (lambda folder: (folder / "company.yml").write_text(COMPANY + "sitez: 1\n"), r"sitez.*(\n.*)*site"),
        (
            lambda folder: (folder / "company.yml").write_text(COMPANY + GA4.replace('"1"', "G-AB12")),
            r"sources\.ga4\.property_id.*measurement id(.*\n)*.*Property details",
        ),
    ],
    ids=["missing company.yml", "malformed company.yml", "unknown key", "measurement id"],
)
def test_a_bad_company_file_is_refused_before_anything_runs(folder, spoil, said) -> None:  # type: ignore[no-untyped-def]
    before = sums(folder)
    spoil(folder)
    done = gyakusan("nightly", folder=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert sums(folder) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nightly", "--as-of", "2999-01-01"], "2999-01-01 is not over yet in Asia/Tokyo"),
        (["nightly", "--as-of", "2020-01-01"], "before the company's first day"),
        (["backfill", "--from", "2026-02-03", "--to", "2026-02-01"], "after --to"),
        (["backfill", "--from", "2025-02-03", "--to", "2026-02-01"], "before the company's first day"),
        (["nightly", "--as-of", "yesterday"], "yesterday"),
        (["sql", "select * from nowhere"], "nowhere"),
    ],
)
def test_a_wrong_argument_says_what_to_give(arguments: list[str], said: str, folder: Path) -> None:
    done = gyakusan(*arguments, folder=folder)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_plan_and_missing_credentials_fail_the_night_and_say_what_stays(folder: Path) -> None:
    (folder / "company.yml").write_text(COMPANY + GA4)
    (folder / "plan.yml").write_text(PLAN.replace("end: 2026-12-31, ", ""))
    before = sums(folder)
    done = gyakusan("nightly", folder=folder)
    assert done.returncode == 1
    assert "company.yml: sources.ga4.credentials" in done.stderr
    assert "GYAKUSAN_TEST_KEY" in done.stderr
    assert re.search(r"plan\.yml: kgi\.end", done.stderr)
    assert "the published marts stay those of 2026-02-01" in done.stderr
    assert sums(folder) == before


def test_sql_reads_the_published_marts_as_a_table_or_json(folder: Path) -> None:
    table = gyakusan("sql", "select * from marts.kpis", folder=folder)
    assert "orders" in table.stdout
    assert "1 rows" in table.stdout
    lines = gyakusan("sql", "select * from kpis", "--json", folder=folder).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"kpi": "orders", "sort_order": 3}]
    refused = gyakusan("sql", "drop table kpis", folder=folder)
    assert (refused.returncode, "read-only" in refused.stderr) == (1, True)


def test_sql_before_the_first_night_says_what_to_run(folder: Path) -> None:
    (folder / ".gyakusan" / "marts.duckdb").unlink()
    done = gyakusan("sql", "select 1", folder=folder)
    assert (done.returncode, "gyakusan nightly" in done.stderr) == (1, True)
