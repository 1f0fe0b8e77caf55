"""The plan that a company folder names: its plan.yml, or a Google Sheet."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import demo
from connectors import plan_tables
from connectors.errors import SourceError
from demo.sheets import SHEET_ID
from pipelines.company import load_company
from pipelines.sources import read_plan

DEMO = Path(__file__).parents[2] / "demo"
COMPANY = """name: Acme
locale: en
timezone: Asia/Tokyo
currency: JPY
fiscal_year_start: 4
start: 2025-04-01
site: {hosts: [www.example.com], article_paths: [/blog/]}
"""
PLAN = """version: 1
kgi: {kpi: deals, grain: month, start: 2025-04-01, end: 2026-03-31, target: 5}
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[demo.Demo]:
    with demo.serve(date(2026, 10, 18)) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.yml").write_text(PLAN)
    return tmp_path


def write(folder: Path, sheet: str, more: str) -> None:
    (folder / "company.yml").write_text(f"{COMPANY}plan:\n  sheet: {sheet}\n  {more}\n")


def test_without_a_sheet_it_is_the_file(folder: Path) -> None:
    (folder / "company.yml").write_text(COMPANY)
    plan, source = read_plan(load_company(folder))
    assert (plan.kgi.kpi, plan.kgi.target, source) == ("deals", 5.0, "plan.yml")


@pytest.mark.parametrize(
    "sheet",
    [
        SHEET_ID,
        f"https://docs.google.com/spreadsheets/d/{SHEET_ID}",
        f"https://docs.google.com/spreadsheets/d/{SHEET_ID}/edit?gid=0#gid=0",
        f'"https://docs.google.com/spreadsheets/u/1/d/{SHEET_ID}/edit#gid=0"',
        f"https://docs.google.com/a/example.com/spreadsheets/d/{SHEET_ID}/view",
    ],
)
def test_a_sheet_stands_in_for_the_file(servers: demo.Demo, folder: Path, sheet: str) -> None:
    write(folder, sheet, f"endpoint: {servers.http}\n  credentials: none")
    assert read_plan(load_company(folder)) == (plan_tables.read(DEMO), f"sheet {SHEET_ID}")


@pytest.mark.parametrize(
    "sheet",
    [
        "plan.yml",
        "Canary Plan 2025",
        "https://docs.google.com/spreadsheets/d/e/2PACX-1vCanaryCanaryCanaryCanary/pubhtml",
        "https://drive.google.com/file/d/1CanaryCanaryCanaryCanaryCanary/view",
        f"https://docs.google.com.example.com/spreadsheets/d/{SHEET_ID}",
    ],
)
def test_what_is_no_sheet_is_refused_and_not_repeated(folder: Path, sheet: str) -> None:
    write(folder, sheet, "credentials: env:ACME_KEY")
    with pytest.raises(SourceError) as refusal:
        load_company(folder)
    assert str(refusal.value) == (
        "company.yml: plan.sheet (line 9): is neither the id nor the address of a Google Sheet\n  -> write its "
        "address as the browser shows it, https://docs.google.com/spreadsheets/d/ID/edit"
    )


def test_the_keys_of_a_plan_are_checked_as_those_of_a_source(folder: Path) -> None:
    write(folder, SHEET_ID, "credentials: none\n  tab: kgi")
    with pytest.raises(SourceError) as refusal:
        load_company(folder)
    assert str(refusal.value) == (
        "company.yml: 2 entries are wrong\n"
        "  plan.credentials (line 10): none is only for an endpoint on this machine\n"
        "    -> write env:NAME, the environment variable that holds the path of the service account's key file\n"
        "  plan.tab (line 11): is not a key that can stand here\n"
        "    -> Known: sheet, endpoint, credentials\n"
        "  -> mend them and run again"
    )


def test_a_sheet_needs_its_key_in_the_environment(folder: Path) -> None:
    write(folder, SHEET_ID, "credentials: env:GYAKUSAN_NOT_SET")
    with pytest.raises(SourceError) as refusal:
        read_plan(load_company(folder))
    assert str(refusal.value).startswith(
        "company.yml: plan.credentials: the environment variable GYAKUSAN_NOT_SET is not set\n  -> set GYAKUSAN_NOT_SET"
    )
