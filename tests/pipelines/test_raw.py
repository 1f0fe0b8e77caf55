"""The step of a connector, run by Dagster."""

from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

import demo
from connectors import clarity
from pipelines import raw, warehouse
from pipelines.company import Clarity, Company, load_company

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
