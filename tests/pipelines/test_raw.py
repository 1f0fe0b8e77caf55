"""The step of a connector, run by Dagster."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

import demo
from connectors import clarity, search_console
from pipelines import raw, warehouse
from pipelines.company import Clarity, Company, SearchConsole, load_company

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def world() -> demo.World:
    return demo.simulate(date(2026, 10, 18))


def night(company: Company, path: Path) -> list[str]:
    """What the step of Clarity warned of."""
    (step,) = [
        asset for asset in raw.assets(company) if isinstance(asset, dg.AssetsDefinition) and asset.op.name == "clarity"
    ]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([step], resources={"warehouse": path}, instance=instance)
        return [log.user_message for log in instance.all_logs(result.run_id) if log.level == 30]


def days(path: Path) -> list[tuple[date, int, int]]:
    with duckdb.connect(str(path)) as con:
        return con.execute(
            "select date_on, window_days, count(*) from raw.clarity_page_days group by all order by all"
        ).fetchall()


def test_clarity_s_days_add_up_a_gap_is_warned_of_and_a_second_read_changes_nothing(
    world: demo.World, tmp_path: Path
) -> None:
    path = tmp_path / "warehouse.duckdb"
    with warehouse.connect(path) as con:
        warehouse.prepare(con, raw.ALL_TABLES)
    company = load_company(DEMO)
    with demo.serve(world=world) as servers:
        sources = company.sources.model_copy(update={"clarity": Clarity(endpoint=servers.http, credentials="none")})
        company = company.model_copy(update={"sources": sources})
        assert night(company, path) == []
        once = days(path)
        assert night(company, path) == []
        assert days(path) == once
        assert [(day, window) for day, window, _ in once] == [(date(2026, 10, 18), 1)]
        servers.show(demo.simulate(date(2026, 10, 24)))
        (warning,) = night(company, path)
        assert "was not read for 5 days before 2026-10-24" in warning
        assert warning.endswith("3 are lost")
        assert night(company, path) == [warning]  # and the same 72 hours again
        assert [(day, window) for day, window, _ in days(path)] == [(date(2026, 10, 18), 1), (date(2026, 10, 24), 3)]


def test_clarity_s_tables_are_known_to_the_warehouse() -> None:
    assert set(clarity.TABLES) <= set(raw.ALL_TABLES)


# Search Console, the step without Dagster -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def servers(world: demo.World) -> Iterator[demo.Demo]:
    with demo.serve(world=world) as running:
        yield running


def company_of(servers: demo.Demo, site_url: str = "sc-domain:example.co.jp", start: str = "2026-09-20") -> Company:
    company = load_company(DEMO)
    settings = SearchConsole(site_url=site_url, endpoint=servers.http, credentials="none")
    sources = company.sources.model_copy(update={"search_console": settings})
    return company.model_copy(update={"sources": sources, "start": date.fromisoformat(start)})


def read(company: Company, con: duckdb.DuckDBPyConnection, first: str, last: str) -> list[str]:
    """What a run of these days warned of."""
    warnings = []
    days = raw.Days(date.fromisoformat(first), date.fromisoformat(last))
    for load in raw._search_console(company, con, days):
        warehouse.replace(con, load)
        warnings += load.warnings
    return warnings


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(tmp_path / "warehouse.duckdb") as connection:
        warehouse.prepare(connection, raw.ALL_TABLES)
        yield connection


def content(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: con.execute(f"select {', '.join(table.schema.names)} from raw.{table.name} order by all").fetchall()
        for table in search_console.TABLES
    }


def test_rows_of_an_earlier_version_are_replaced_day_by_day(servers: demo.Demo, con: duckdb.DuckDBPyConnection) -> None:
    """They have no search type; a day that is read again has one on every row, and no row twice."""
    company = company_of(servers)
    read(company, con, "2026-10-18", "2026-10-18")
    today = content(con)
    con.execute("delete from raw.search_console_days where search_type <> 'web'")
    con.execute("delete from raw.search_console_page_days where search_type <> 'web'")
    con.execute("alter table raw.search_console_days drop column search_type")
    con.execute("alter table raw.search_console_page_days drop column search_type")
    warehouse.prepare(con, raw.ALL_TABLES)
    read(company, con, "2026-10-18", "2026-10-18")  # reads again from 16 October, the first day that is not final
    untyped = "select min(date_on), max(date_on), count(*) > 0 from raw.{} where search_type is null"
    for table in ("search_console_days", "search_console_page_days"):
        found = con.execute(untyped.format(table)).fetchone()
        assert found == (date(2026, 9, 20), date(2026, 10, 15), True)
    read(company, con, "2026-09-20", "2026-10-18")
    assert content(con) == today


def test_a_day_that_search_console_has_forgotten_stays(
    servers: demo.Demo, world: demo.World, con: duckdb.DuckDBPyConnection
) -> None:
    """Months later nobody can ask for these days again, not even by a backfill over them."""
    company = company_of(servers, start="2025-05-20")
    read(company, con, "2025-06-14", "2025-06-14")
    before = content(con)
    assert before["search_console_days"][0][0] == date(2025, 6, 1)  # the demo keeps 16 months and begins with one
    later = world.as_of + timedelta(days=120)
    con.execute("insert into raw.company_settings (name, as_of) values ('Demo', ?)", [later])
    servers.show(demo.simulate(later))
    try:
        read(company, con, "2025-05-20", "2025-06-30")
    finally:
        servers.show(world)
    assert content(con) == before


@pytest.mark.parametrize(
    ("site_url", "said"),
    [
        ("sc-domain:example.co.jp", []),
        ("https://www.example.co.jp/", []),
        ("https://www.example.co.jp/articles/x/", ["holds only some pages of www.example.co.jp/articles/", "no row"]),
        ("http://www.example.co.jp/", ["no row of http://www.example.co.jp/"]),
        ("https://example.co.jp/", ["holds no page of www.example.co.jp/articles/", "no row of"]),
    ],
)
def test_a_property_that_does_not_hold_the_site_is_warned_of(
    servers: demo.Demo, con: duckdb.DuckDBPyConnection, site_url: str, said: list[str]
) -> None:
    servers.search_console.site_url = site_url
    try:
        warnings = read(company_of(servers, site_url), con, "2026-10-18", "2026-10-18")
    finally:
        servers.search_console.site_url = "sc-domain:example.co.jp"
    assert len(warnings) == len(said)
    assert all(expected in warning for expected, warning in zip(said, warnings, strict=True))


def test_a_kind_of_export_that_fails_does_not_keep_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "company.yml").write_text(
        """name: Acme
locale: en
timezone: Asia/Tokyo
currency: JPY
fiscal_year_start: 4
start: 2026-04-01
site: {hosts: [www.example.com], article_paths: [/articles/]}
sources:
  exports:
    deals: {file: deals.csv, columns: {deal_id: id, status: status}}
    merges: {file: none.csv, columns: {kept_id: kept, merged_id: merged}}
    orders: {file: orders.csv, columns: {order_id: id, account_id: account, ordered_on: day, amount: amount}}
"""
    )
    (tmp_path / "deals.csv").write_text("id,status\nD1,won\nD2,maybe\n")
    (tmp_path / "orders.csv").write_text("id,account,day,amount\nO1,A1,2026-04-01,5\n")
    company, path = load_company(tmp_path), tmp_path / "warehouse.duckdb"
    with warehouse.connect(path) as con:
        warehouse.prepare(con, raw.ALL_TABLES)
    (step,) = [
        asset for asset in raw.assets(company) if isinstance(asset, dg.AssetsDefinition) and asset.op.name == "exports"
    ]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([step], resources={"warehouse": path}, instance=instance, raise_on_error=False)
        loaded = {event.asset_key.path[1] for event in result.get_asset_materialization_events() if event.asset_key}
        (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert not result.success
    assert loaded == {"exports_orders"}
    said = str(failure.step_failure_data.user_failure_data or failure.step_failure_data)
    assert "1 of 2 rows of deals cannot be read" in said and "none.csv: there is no such file" in said
    with duckdb.connect(str(path)) as con:
        assert con.execute("select order_id from raw.exports_orders").fetchall() == [("O1",)]
        assert con.execute("select table_name, line from raw.quarantine").fetchall() == [("exports_deals", 3)]
