"""A real SFA export that nobody here wrote, loaded through an ordinary company folder without code of its own."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors import exports, plan_tables
from connectors.personal import Pseudonyms
from pipelines import night
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
    (load,) = exports.load(
        company.sources.exports, company.folder, company.timezone, company.currency, Pseudonyms(b"key")
    )
    found: list[dict[str, Any]] = [row for batch in load.batches for row in batch.to_pylist()]
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
    plan = plan_tables.read(company_folder)
    assert [target.kpi for target in (plan.kgi, *plan.targets)] == ["order_value", "orders", "win_rate"]
    assert plan.personas == ()


@pytest.fixture(scope="module")
def marts(company_folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    company = load_company(company_folder)
    assert night.run(company, date(2017, 12, 31), date(2017, 12, 31)).problems == []
    with duckdb.connect(str(company.state / "marts.duckdb"), read_only=True) as con:
        yield con


def test_the_marts_give_the_published_quarters(marts: duckdb.DuckDBPyConnection) -> None:
    """Quarter: won, lost, won value; the first quarter is what the published totals leave for it."""
    rows = marts.execute(
        "select rate.period_start, rate.numerator, rate.denominator - rate.numerator, value.value"
        " from marts.conversion as rate join marts.conversion as value using (grain, period_start)"
        " where grain = 'quarter' and rate.kpi = 'win_rate' and value.kpi = 'order_value' and rate.denominator > 0"
        " order by 1"
    ).fetchall()
    left = (4238 - 1254 - 1257 - 1196, 2473 - 778 - 790 - 789, 10_005_534 - 3_086_111 - 2_982_255 - 2_802_496)
    assert rows == [
        (date(2017, 1, 1), *left),
        (date(2017, 4, 1), 1254, 778, 3_086_111),
        (date(2017, 7, 1), 1257, 790, 2_982_255),
        (date(2017, 10, 1), 1196, 789, 2_802_496),
    ]  # fmt: skip


def test_the_marts_give_the_published_totals(marts: duckdb.DuckDBPyConnection) -> None:
    row = marts.execute(
        "select sum(numerator), sum(denominator - numerator), round(100 * sum(numerator) / sum(denominator), 3)"
        " from marts.conversion where grain = 'month' and kpi = 'win_rate'"
    ).fetchone()
    assert row == (4238, 2473, 63.150)
    orders = marts.execute(
        "select kpi, sum(value) from marts.conversion where grain = 'week' and kpi like 'order%' group by 1 order by 1"
    ).fetchall()
    assert orders == [("order_value", 10_005_534), ("orders", 4238)]


def test_what_it_cannot_give_is_not_measurable_with_the_reason(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        "select distinct kpi, value, reason from marts.awareness where status = 'not_measurable'"
        " union select distinct kpi, value, reason from marts.conversion where kpi = 'deal_rate'"
    ).fetchall()
    reasons = {kpi: (value, reason) for kpi, value, reason in rows}
    assert reasons["page_views"] == (None, "GA4 is not connected: add sources.ga4 to company.yml")
    assert reasons["search_clicks"][0] is None
    assert reasons["deal_rate"][0] is None
    assert reasons["deal_rate"][1] is not None


def test_the_scorecard_sets_the_quarters_against_the_plan(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        "select kpi, actual, target, status, previous from marts.scorecard"
        " where grain = 'quarter' and period_start = '2017-10-01' and target is not null order by kpi"
    ).fetchall()
    assert rows == [
        ("order_value", 2_802_496, 3_000_000, "missed", 2_982_255),
        ("orders", 1196, 1200, "missed", 1257),
        ("win_rate", 1196 / 1985, 0.6, "achieved", 1257 / 2047),
    ]


def test_the_rate_to_plan_with_stands_beside_the_published_ones(marts: duckdb.DuckDBPyConnection) -> None:
    """Of the closed deals 63.150 % were won; of those that began, by time and with the open ones as open, less."""
    row = marts.execute(
        "select n, moved, rate, ci_low, ci_high, naive_rate_of_closed, naive_rate_of_all, verdict from marts.funnel"
        " where stage = 'deal' and segment = 'all'"
    ).fetchone()
    assert row is not None
    n, moved, rate, low, high, of_closed, of_all, verdict = row
    assert (n, moved, round(of_closed, 5), verdict) == (8800 - 500, 4238, 0.63150, "ok")
    assert of_all == 4238 / 8300
    assert 0.47 < low < rate < high < 0.51


def test_forecasts_from_within_its_quarters_hold_what_came_or_say_that_history_is_too_short(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    rows = marts.execute(
        "select as_of, verdict, reason, chance, p10, p90, outcome from marts.forecasts where is_hindcast order by as_of"
    ).fetchall()
    assert len(rows) == 2 * 3
    early = [row for row in rows if row[0] < date(2017, 5, 15)]
    assert {(verdict, chance) for _, verdict, _, chance, *_ in early} == {("insufficient_data", None)}
    assert {reason for _, _, reason, *_ in early} <= {"few_won", "few_outcomes", "no_amounts", "short_history"}
    judged = [row for row in rows if row[1] != "insufficient_data"]
    assert len(judged) >= 2
    assert all(p10 <= outcome <= p90 for *_, p10, p90, outcome in judged)
