"""The dbt project as Dagster assets: its tests are asset checks, and it runs inside this process.

A dbt of its own process costs three times as much, most of it imports. dbt's own log events are kept from its
callbacks and turned into Dagster's by dagster-dbt, so a failing test shows as a failed check.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg
from dbt_common.events.functions import msg_to_dict

from pipelines.company import Company
from pipelines.raw import FRESH, OWNERS
from pipelines.warehouse import Step, begin_audit, connect, pass_audit

PROJECT = Path(__file__).parent.parent / "dbt_project"
BUILD = ["build", "--exclude-resource-type", "unit_test", "--no-write-json"]
"""Unit tests are for the tests; what dbt would write of a build, Dagster keeps."""
RESULTS = {"LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult"}


@dataclass(frozen=True)
class Parsed:
    """A parsed dbt project: as dbt wants it handed in, and as dagster-dbt reads it."""

    manifest: Manifest
    document: Mapping[str, Any]


def parse(company: Company, warehouse: Path) -> Parsed:
    result = dbtRunner().invoke(["parse", *_options(company, warehouse)])
    if not result.success:
        raise RuntimeError(f"dbt_project does not parse: {result.exception}")
    document = json.loads((company.state / "dbt" / "manifest.json").read_text())
    assert isinstance(result.result, Manifest)
    return Parsed(result.result, document)


def _options(company: Company, warehouse: Path) -> list[str]:
    os.environ["GYAKUSAN_WAREHOUSE"] = str(warehouse)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "0"
    return [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target-path",
        str(company.state / "dbt"),
        "--log-path",
        str(company.state / "dbt"),
        "--log-level",
        "none",
        "--no-version-check",
    ]


class _Translator(DagsterDbtTranslator):
    """The group of a model is its layer's folder; every model has an owner, and marts must be fresh."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        layer = spec.key.path[0]
        return spec.replace_attributes(
            group_name=layer, owners=OWNERS, freshness_policy=FRESH if layer == "marts" else None
        )


def assets(company: Company, warehouse: Path) -> tuple[dg.AssetsDefinition, dg.AssetsDefinition]:
    """The models that the analysis is made of, and the marts that show it."""
    parsed = parse(company, warehouse)
    return _step("models", company, warehouse, parsed), _step("marts", company, warehouse, parsed)


SELECTED = {"models": ("--exclude", "marts"), "marts": ("--select", "marts")}
"""What of the project a step builds, by its folders."""


def _step(step: Step, company: Company, warehouse: Path, parsed: Parsed) -> dg.AssetsDefinition:
    translator, (option, folder) = _Translator(), SELECTED[step]

    @dbt_assets(
        manifest=parsed.document,
        dagster_dbt_translator=translator,
        name=step,
        select=folder if option == "--select" else "fqn:*",
        exclude=folder if option == "--exclude" else None,
        required_resource_keys={"warehouse"},
    )
    def built(context: dg.AssetExecutionContext) -> Iterator[Any]:
        events: list[dict[str, Any]] = []

        def keep(event: EventMsg) -> None:
            if event.info.name in RESULTS:
                events.append(msg_to_dict(event))

        selection: Sequence[str] = SELECTED[step]
        if context.is_subset:
            selection = get_updated_cli_invocation_params_for_context(
                context=context, manifest=parsed.document, dagster_dbt_translator=translator
            ).selection_args
        with connect(warehouse) as con:
            begin_audit(con, step)
        try:
            result = dbtRunner(manifest=parsed.manifest, callbacks=[keep]).invoke(
                [*BUILD, *selection, *_options(company, warehouse)]
            )
        finally:
            # Or this process would hold the file to its end.
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        for event in events:
            yield from DbtCoreCliEventMessage(raw_event=event, event_history_metadata={}).to_default_asset_events(
                manifest=parsed.document, dagster_dbt_translator=translator, context=context
            )
        if not result.success:
            raise dg.Failure(_failures(result), allow_retries=False)
        if not context.is_subset:
            with connect(warehouse) as con:
                pass_audit(con, step, context.run.run_id)

    return built


def _failures(result: Any) -> str:
    if result.exception is not None:
        return f"dbt: {result.exception}"
    failed = [run for run in result.result.results if run.status in ("error", "fail", "runtime error")]
    return "\n".join(
        f"dbt {run.node.resource_type} {run.node.name}: {(run.message or str(run.status)).strip()}" for run in failed
    )
