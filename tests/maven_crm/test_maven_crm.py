"""A real SFA export that nobody here wrote, loaded through an ordinary company folder without code of its own."""

import shutil
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import exports, plan
from pipelines.company import load_company

PIPELINE = Path(__file__).parents[2] / "../shared/data/maven_crm/sales_pipeline.csv"


@pytest.fixture(scope="module")
def company_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PIPELINE.exists():
        pytest.skip("the shared data is not here")
    folder = tmp_path_factory.mktemp("maven_crm")
    for name in ("company.yml", "plan.yml"):
        shutil.copy(Path(__file__).parent / name, folder)
    (folder / "exports").mkdir()
    (folder / "exports/sales_pipeline.csv").symlink_to(PIPELINE.resolve())
    return folder


@pytest.fixture(scope="module")
def deals(company_folder: Path) -> list[dict[str, Any]]:
    company = load_company(company_folder)
    (load,) = exports.load(company.sources.exports, company.folder, company.timezone)
    found: list[dict[str, Any]] = pa.Table.from_batches(load.batches, load.table.schema).to_pylist()
    return found


def test_every_deal_by_its_published_status(deals: list[dict[str, Any]]) -> None:
    assert len({deal["deal_id"] for deal in deals}) == 8800
    assert Counter(deal["status"] for deal in deals) == {"won": 4238, "lost": 2473, "open": 8800 - 4238 - 2473}
    assert {deal["kind"] for deal in deals} == {"new"}


def test_the_published_value(deals: list[dict[str, Any]]) -> None:
    assert sum(deal["amount"] for deal in deals if deal["status"] == "won") == 10_005_534
    assert {deal["amount"] for deal in deals if deal["status"] == "lost"} == {Decimal(0)}
    assert {deal["amount"] for deal in deals if deal["status"] == "open"} == {None}


@pytest.mark.parametrize(
    ("first", "last", "won", "lost", "value"),
    [
        (date(2017, 4, 1), date(2017, 6, 30), 1254, 778, 3_086_111),
        (date(2017, 7, 1), date(2017, 9, 30), 1257, 790, 2_982_255),
        (date(2017, 10, 1), date(2017, 12, 31), 1196, 789, 2_802_496),
    ],
)
def test_the_published_quarters(
    deals: list[dict[str, Any]], first: date, last: date, won: int, lost: int, value: int
) -> None:
    closed = [deal for deal in deals if deal["closed_on"] is not None and first <= deal["closed_on"] <= last]
    assert Counter(deal["status"] for deal in closed) == {"won": won, "lost": lost}
    assert sum(deal["amount"] for deal in closed if deal["status"] == "won") == value


def test_what_the_source_leaves_empty_stays_empty(deals: list[dict[str, Any]]) -> None:
    assert sum(deal["account_id"] is None for deal in deals) == 1425
    assert Counter(deal["stage"] for deal in deals if deal["created_on"] is None) == {"Prospecting": 500}
    created = [deal["created_on"] for deal in deals if deal["created_on"] is not None]
    closed = [deal["closed_on"] for deal in deals if deal["closed_on"] is not None]
    assert (min(created), max(created)) == (date(2016, 10, 20), date(2017, 12, 27))
    assert (min(closed), max(closed)) == (date(2017, 3, 1), date(2017, 12, 31))


def test_its_plan(company_folder: Path) -> None:
    targets, personas = (pa.Table.from_batches(load.batches, load.table.schema) for load in plan.load(company_folder))
    assert targets["kpi"].to_pylist() == ["order_value", "orders", "win_rate"]
    assert personas.num_rows == 0
