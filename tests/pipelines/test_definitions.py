"""What Dagster sees: keys, groups, partitions, checks, freshness and lineage from sources to published marts."""

import inspect
import re
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from connectors import export_tables, ga4, search_console
from pipelines.company import load_company
from pipelines.definitions import definitions
from pipelines.plan import inputs
from pipelines.raw import Days, days_of_run

DEMO = Path(__file__).parents[2] / "demo"

LEDGERS = ("fetches", "loads", "quotas", "backfills", "audits")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> AssetGraph:
    folder = tmp_path_factory.mktemp("company")
    for name in ("company.yml", "plan.yml"):
        (folder / name).write_text((DEMO / name).read_text())
    return definitions(load_company(folder)).resolve_asset_graph()


def test_a_key_is_schema_and_table_and_the_group_is_the_schema(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        assert len(key.path) == 2
        assert graph.get(key).group_name == key.path[0]
        assert graph.get(key).description, key
        assert graph.get(key).owners, key


def test_dated_raw_assets_are_daily_and_backfill_in_one_run(graph: AssetGraph) -> None:
    for table in (*ga4.TABLES, *search_console.TABLES):
        node = graph.get(dg.AssetKey(["raw", table.name]))
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
        assert node.partitions_def.timezone == "Asia/Tokyo"
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
    for table in export_tables.TABLES:
        assert graph.get(dg.AssetKey(["raw", table.name])).partitions_def is None


# Kinds of export that the demo company has none of, and what the run itself writes.
NOT_CONNECTED = {"exports_deal_stage_changes", "exports_merges", "exports_newsletter_subscribers",
                 "exports_page_scrolls", "quarantine"}  # fmt: skip


def test_raw_assets_and_marts_must_be_fresh(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        is_ours = key.path[0] == "raw" and key.path[1] in {*NOT_CONNECTED, *LEDGERS}
        expected = key.path[0] in ("raw", "marts", "published") and not is_ours
        assert (graph.get(key).freshness_policy is not None) == expected, key


def test_every_source_reaches_the_published_marts(graph: AssetGraph) -> None:
    published = dg.AssetKey(["published", "marts"])
    upstream: set[dg.AssetKey] = set()
    todo = [published]
    while todo:
        for parent in graph.get(todo.pop()).parent_keys - upstream:
            upstream.add(parent)
            todo.append(parent)
    raw = {key for key in graph.get_all_asset_keys() if key.path[0] == "raw"}
    unread = {"ga4_channel_key_events", "ga4_new_returning_months", "ga4_client_days", "ga4_definitions",
              "backfills", "audits", "search_console_page_query_days"}  # fmt: skip
    assert {key.path[1] for key in raw - upstream} <= unread
    assert {key for key in graph.get_all_asset_keys() if key.path[0] == "marts"} <= upstream


def test_the_log_of_stages_comes_after_the_exports_that_it_compares(graph: AssetGraph) -> None:
    parents = graph.get(dg.AssetKey(["raw", "stage_events"])).parent_keys
    assert parents == {dg.AssetKey(["raw", "exports_contacts"]), dg.AssetKey(["raw", "exports_deals"])}


def test_the_analysis_comes_from_the_tables_that_it_reads(graph: AssetGraph) -> None:
    read = set(re.findall(r"\b(?:raw|staging|intermediate)\.\w+", inspect.getsource(inputs)))
    tables = [key for key in graph.get_all_asset_keys() if key.path[0] == "analysis"]
    assert tables
    for key in tables:
        assert {".".join(parent.path) for parent in graph.get(key).parent_keys} == read, key


def test_every_model_has_its_dbt_tests_as_blocking_checks(graph: AssetGraph) -> None:
    checked = {key.asset_key for key in graph.asset_check_keys}
    for key in graph.get_all_asset_keys():
        if key.path[0] in ("staging", "intermediate", "marts"):
            assert key in checked, key


def test_the_schedule_runs_the_night_at_five_in_the_company_s_time_zone(tmp_path: Path) -> None:
    for name in ("company.yml", "plan.yml"):
        (tmp_path / name).write_text((DEMO / name).read_text())
    schedule = definitions(load_company(tmp_path)).resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "Asia/Tokyo")
    assert schedule.job_name == "nightly"


def test_the_days_of_a_run_are_its_partition_or_its_range() -> None:
    company = load_company(DEMO)
    day = date(2026, 10, 31)
    assert days_of_run({"dagster/partition": "2026-10-31"}, company) == Days(day, day)
    span = {
        "dagster/asset_partition_range_start": "2026-10-01",
        "dagster/asset_partition_range_end": "2026-10-31",
    }
    assert days_of_run(span, company) == Days(date(2026, 10, 1), day)
