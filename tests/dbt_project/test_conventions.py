"""What STYLE asks of every model, so that a person can rely on it."""

import csv
import re
from collections import Counter
from typing import Any

from connectors import clarity, export_tables, ga4, notes, plan, plan_tables, search_console
from pipelines import company, intake, stage_events, warehouse
from pipelines.plan import tables as analysis_tables

SOURCES = {*ga4.TABLES, *search_console.TABLES, *clarity.TABLES, *export_tables.TABLES, *plan_tables.TABLES,
           *notes.TABLES, *company.TABLES, stage_events.STAGE_EVENTS, intake.QUARANTINE, warehouse.FETCHES,
           warehouse.LOADS, warehouse.QUOTAS, *analysis_tables.TABLES}  # fmt: skip


def test_every_model_says_what_a_row_is(built: Any) -> None:
    vague = [node["name"] for node in built.models() if not node["description"].startswith("One row per ")]
    assert vague == []


def test_every_model_has_its_key_tested(built: Any) -> None:
    tested = {
        node["attached_node"]
        for node in built.manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] == "unique_key"
    }
    assert {node["unique_id"] for node in built.models()} - tested == set()


def test_every_mart_is_a_contract_with_every_column_described(built: Any) -> None:
    for node in built.models():
        if node["schema"] == "marts":
            assert node["contract"]["enforced"], node["name"]
            assert all(column["description"] for column in node["columns"].values()), node["name"]


def test_every_computation_has_a_unit_test(built: Any) -> None:
    shown = {test["model"] for test in built.manifest["unit_tests"].values()}
    # A model that only picks rows and columns computes nothing.
    picks = {"awareness", "engagement", "conversion", "retention", "funnel", "funnel_cohorts", "drivers"}
    computing = {node["name"] for node in built.models() if not node["name"].startswith("stg_")} - picks
    assert computing - shown == set()


def test_models_hold_no_jinja_but_refs_and_sources(built: Any) -> None:
    for node in built.models():
        for block in re.findall(r"\{[{%].*?[}%]\}", node["raw_code"], re.DOTALL):
            assert re.fullmatch(r"\{\{ (ref|source)\('\w+'(, '\w+')?\) \}\}", block), f"{node['name']}: {block}"


def test_the_schemas_are_the_layers(built: Any) -> None:
    assert {node["schema"] for node in built.models()} == {"staging", "intermediate", "marts"}
    assert {node["original_file_path"].split("/")[1] for node in built.models()} == {"staging", "intermediate", "marts"}


def test_the_sources_are_the_tables_that_python_writes(built: Any) -> None:
    declared = [(source["schema"], source["name"]) for source in built.manifest["sources"].values()]
    assert sorted(declared) == sorted((table.layer, table.name) for table in SOURCES)
    assert {(source["source_name"], source["schema"]) for source in built.manifest["sources"].values()} == {
        ("raw", "raw"),
        ("analysis", "analysis"),
    }


def test_every_input_that_a_kpi_needs_is_reported_by_the_run(built: Any, pytestconfig: Any) -> None:
    with (pytestconfig.rootpath / "dbt_project/seeds/kpi_inputs.csv").open() as file:
        needed = {row["input"] for row in csv.DictReader(file)}
    assert needed - set(company.inputs(company.Sources())) == set()


def test_no_kpi_rests_on_more_tables_than_the_catalogue_can_name(pytestconfig: Any) -> None:
    with (pytestconfig.rootpath / "dbt_project/seeds/kpi_inputs.csv").open() as file:
        tables = {(row["kpi"], row["table_name"]) for row in csv.DictReader(file)}
    assert max(Counter(kpi for kpi, _ in tables).values()) <= 4


def test_a_target_may_name_every_kpi_of_the_catalogue_and_no_other(pytestconfig: Any) -> None:
    with (pytestconfig.rootpath / "dbt_project/seeds/kpi_catalogue.csv").open(encoding="utf-8") as file:
        assert tuple(row["kpi"] for row in csv.DictReader(file)) == plan.KPIS
