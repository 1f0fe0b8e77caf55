"""Nights of a company without a history of stages: what changes between its exports becomes its MQLs and its log."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipelines import night, raw, warehouse
from pipelines.company import load_company

pytestmark = pytest.mark.timeout(300)

COMPANY = """name: Acme
locale: en
timezone: Asia/Tokyo
currency: JPY
fiscal_year_start: 4
start: 2026-05-01
site:
  hosts: [www.example.com]
  article_paths: [/articles/]
sources:
  exports:
    contacts:
      file: contacts.csv
      columns: {contact_id: id, created_on: created, stage: stage, merged_ids: merged}
    deals:
      file: deals.csv
      columns: {deal_id: id, status: status, stage: stage, created_on: created, closed_on: closed, contact_id: contact}
"""
PLAN = """version: 1
kgi: {kpi: orders, grain: quarter, start: 2026-04-01, end: 2027-03-31, target: 10}
"""
CONTACTS = {
    # anna was an MQL before anybody looked, ben and cleo become one, dora and her double are one person.
    "2026-05-11": "anna,2026-04-01,mql,\nben,2026-04-02,lead,\ncleo,2026-04-03,lead,\ndora,2026-04-04,lead,\n"
    "double,2026-04-05,lead,\n",
    "2026-05-12": "anna,2026-04-01,lead,\nben,2026-04-02,mql,\ncleo,2026-04-03,lead,\ndora,2026-04-04,mql,\n"
    "double,2026-04-05,lead,\nella,2026-05-12,lead,\n",
    # anna comes back, ben is deleted, double is merged into dora, ella skips to a deal.
    "2026-05-13": "anna,2026-04-01,mql,\ncleo,2026-04-03,mql,\ndora,2026-04-04,mql,double\nella,2026-05-12,deal,\n",
}
DEALS = {
    # d2 is won and opened again; d3 is won without a date of its own.
    "2026-05-11": "d1,won,Won,2026-04-05,2026-05-01,anna\nd2,won,Won,2026-04-05,2026-05-02,\n"
    "d3,open,Talks,2026-04-05,,\n",
    "2026-05-12": "d1,won,Won,2026-04-05,2026-05-01,anna\nd2,open,Talks,2026-04-05,,\nd3,won,Won,2026-04-05,,\n",
    "2026-05-13": "d1,won,Won,2026-04-05,2026-05-01,anna\nd2,open,Talks,2026-04-05,,\nd3,won,Won,2026-04-05,,\n"
    "d4,open,Talks,2026-05-13,,double\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company after three nights, the last of which was run twice: once its raw steps alone, once the whole."""
    path = tmp_path_factory.mktemp("company")
    (path / "company.yml").write_text(COMPANY)
    (path / "plan.yml").write_text(PLAN)
    for day in CONTACTS:
        (path / "contacts.csv").write_text(f"id,created,stage,merged\n{CONTACTS[day]}")
        (path / "deals.csv").write_text(f"id,status,stage,created,closed,contact\n{DEALS[day]}")
        raw_steps(path, day)
    last = date.fromisoformat(max(CONTACTS))
    assert night.run(load_company(path), last, last).problems == []
    return path


def raw_steps(path: Path, day: str) -> None:
    company = load_company(path)
    steps = [asset for asset in raw.assets(company) if isinstance(asset, dg.AssetsDefinition)]
    with warehouse.connect(company.state / "warehouse.duckdb") as con:
        warehouse.prepare(con, raw.ALL_TABLES)
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {raw.PARTITION: day}
        held = {"warehouse": company.state / "warehouse.duckdb"}
        assert dg.materialize(steps, resources=held, instance=instance, tags=tags).success


@pytest.fixture
def con(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(folder / ".gyakusan/warehouse.duckdb"), read_only=True) as found:
        yield found


def test_the_log_holds_what_each_night_saw(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "select day(observed_on), object_id, event, stage, reason from raw.stage_events"
        " where reason <> 'first_sight' order by all"
    ).fetchall()
    assert found == [
        (12, "anna", "entered", "lead", "moved"),
        (12, "anna", "exited", "mql", "moved"),
        (12, "ben", "entered", "mql", "moved"),
        (12, "ben", "exited", "lead", "moved"),
        (12, "d2", "entered", "Talks", "moved"),
        (12, "d2", "exited", "Won", "moved"),
        (12, "d3", "entered", "Won", "moved"),
        (12, "d3", "exited", "Talks", "moved"),
        (12, "dora", "entered", "mql", "moved"),
        (12, "dora", "exited", "lead", "moved"),
        (12, "ella", "entered", "lead", "new"),
        (13, "anna", "entered", "mql", "moved"),
        (13, "anna", "exited", "lead", "moved"),
        (13, "ben", "exited", "mql", "vanished"),
        (13, "cleo", "entered", "mql", "moved"),
        (13, "cleo", "exited", "lead", "moved"),
        (13, "d4", "entered", "Talks", "new"),
        (13, "double", "exited", "lead", "vanished"),
        (13, "ella", "entered", "deal", "moved"),
        (13, "ella", "exited", "lead", "moved"),
    ]


def test_first_entries_are_told_from_re_entries_and_imputed_ones(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "select object_id, stage, first_entered_on::varchar, re_entries, exited_on::varchar, exit_reason, is_imputed"
        " from intermediate.int_stage_entries where object = 'contact' and stage not in ('lead') order by all"
    ).fetchall()
    assert found == [
        ("anna", "mql", None, 1, "2026-05-12", "moved", False),
        ("ben", "mql", "2026-05-12", 0, "2026-05-13", "vanished", False),
        ("cleo", "mql", "2026-05-13", 0, None, None, False),
        ("dora", "mql", "2026-05-12", 0, None, None, False),
        ("ella", "deal", "2026-05-13", 0, None, None, False),
        ("ella", "mql", "2026-05-13", 0, None, None, True),
        ("ella", "sql", "2026-05-13", 0, None, None, True),
    ]


def kpis(folder: Path, kpi: str, grain: str) -> list[tuple[str, float | None, bool, str]]:
    with duckdb.connect(str(folder / ".gyakusan/marts.duckdb"), read_only=True) as con:
        return con.execute(
            "select period_start::varchar, value, is_complete, flags from conversion where kpi = ? and grain = ?"
            " order by 1",
            [kpi, grain],
        ).fetchall()


def test_mqls_are_first_entries_from_the_day_after_the_first_night_on(folder: Path) -> None:
    # ben (deleted since, and still one), dora and cleo; not anna, whose first entry nobody saw, nor ella's imputed one.
    assert kpis(folder, "mqls", "month") == [("2026-04-01", None, False, "no_data"), ("2026-05-01", 3, False, "")]


def test_a_merged_contact_is_one_lead(folder: Path) -> None:
    # anna, ben, cleo and dora as they were created, not her double; ella on the night that saw her.
    assert kpis(folder, "leads", "month") == [("2026-04-01", 4, True, ""), ("2026-05-01", 1, False, "")]


def test_deals_count_by_where_they_stand_and_a_missing_date_is_that_of_the_log(
    folder: Path, con: duckdb.DuckDBPyConnection
) -> None:
    assert kpis(folder, "orders", "month") == [("2026-04-01", 0, True, ""), ("2026-05-01", 2, False, "")]
    found = con.execute("select deal_id, closed_on::varchar, contact_id from intermediate.int_deals order by 1")
    assert found.fetchall() == [
        ("d1", "2026-05-01", "anna"),
        ("d2", None, None),
        ("d3", "2026-05-12", None),
        ("d4", None, "dora"),
    ]
