"""Everything Dagster loads for one company: the assets, the nightly job and its schedule."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.partitions.partitioned_schedule import UnresolvedPartitionedAssetScheduleDefinition
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines import lock, models, publish, raw, runs, warehouse
from pipelines.company import Company, company_folder, load_company
from pipelines.plan import tables
from pipelines.raw import FRESH, OWNERS, days_of_run

NIGHTLY_HOUR = 5


@dg.definitions
def defs() -> dg.Definitions:
    """What workspace.yaml loads: the company of ``GYAKUSAN_COMPANY``."""
    return definitions(load_company(company_folder()))


def definitions(company: Company) -> dg.Definitions:
    path = company.state / "warehouse.duckdb"
    sources = raw.assets(company)
    built, marts = models.assets(company, path)
    analysis = _analysis(company)
    published = _published(company, marts)
    pages = _pages(company)
    assets = [*sources, built, analysis, marts, published, pages]
    runnable = [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)]
    nightly = dg.define_asset_job(
        "nightly",
        selection=dg.AssetSelection.assets(*runnable),
        executor_def=dg.in_process_executor,
        description="Read every source, build and check the models, publish the marts.",
    )
    rebuild = dg.define_asset_job(
        "rebuild",
        selection=dg.AssetSelection.assets(built, analysis, marts, published, pages),
        executor_def=dg.in_process_executor,
        description="Build and check the models and publish the marts again, from what is loaded.",
    )
    return dg.Definitions(
        assets=assets,
        jobs=[nightly, rebuild],
        schedules=[_schedule(company, nightly)],
        resources={"warehouse": _warehouse(company, path)},
        executor=dg.in_process_executor,
        loggers={"console": runs.console},
    )


def _schedule(
    company: Company, nightly: UnresolvedAssetJobDefinition
) -> dg.ScheduleDefinition | UnresolvedPartitionedAssetScheduleDefinition:
    """The night of yesterday, every morning; a company without dated sources has no partitions to name it by."""
    running = dg.DefaultScheduleStatus.RUNNING
    if company.sources.ga4 or company.sources.search_console:
        return dg.build_schedule_from_partitioned_job(nightly, hour_of_day=NIGHTLY_HOUR, default_status=running)
    return dg.ScheduleDefinition(
        job=nightly,
        cron_schedule=f"0 {NIGHTLY_HOUR} * * *",
        execution_timezone=company.timezone,
        default_status=running,
    )


def _warehouse(company: Company, path: Path) -> dg.ResourceDefinition:
    @dg.resource(description="The private warehouse file, held by this run alone.")
    def held(context: dg.InitResourceContext) -> Iterator[Path]:
        lock.take(company.state)
        if context.instance and context.run:
            runs.end_dead_runs(context.instance, context.run.run_id)
        with warehouse.connect(path) as con:
            warehouse.prepare(con, raw.ALL_TABLES)
        yield path

    return held


def _analysis(company: Company) -> dg.AssetsDefinition:
    """The step between the models and the marts that SQL cannot do."""

    @dg.multi_asset(
        name="analysis",
        specs=[
            dg.AssetSpec(
                ["analysis", table.name],
                description=table.description,
                group_name="analysis",
                owners=OWNERS,
                kinds={"python", "duckdb"},
                deps=[name.split(".") for name in tables.READ],
            )
            for table in tables.TABLES
        ],
        required_resource_keys={"warehouse"},
    )
    def analysis(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        # scipy and pandas take seconds, which the Dagster UI need not wait for.
        from pipelines.plan import analysis as plan_analysis

        rows = dict.fromkeys((table.name for table in tables.TABLES), 0)
        with warehouse.connect(context.resources.warehouse) as con:
            warehouse.begin_audit(con, "analysis")
            for load in plan_analysis.loads(con, company):
                rows[load.table.name] += warehouse.replace(con, load)
            warehouse.pass_audit(con, "analysis", context.run.run_id)
        for name, count in rows.items():
            yield dg.MaterializeResult(asset_key=["analysis", name], metadata={"dagster/row_count": count})

    return analysis


def _published(company: Company, built: dg.AssetsDefinition) -> dg.AssetsDefinition:
    marts = list(built.keys)

    @dg.asset(
        key=["published", "marts"],
        deps=marts,
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb"},
        freshness_policy=FRESH,
        required_resource_keys={"warehouse"},
        description="marts.duckdb: the marts of the last night whose every check passed, for analysts to read.",
    )
    def marts_file(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with warehouse.connect(context.resources.warehouse) as con:
            if not warehouse.is_audited(con):
                raise dg.Failure("the marts did not pass their checks since they were last built: run the whole night")
            days = days_of_run(dict(context.run.tags), company)
            as_of = warehouse.as_of(con, days.last)
            night = publish.Publication(as_of, datetime.now(UTC), context.run.run_id)
            rows = publish.publish(con, company.state / "marts.duckdb", night)
            if days.begun_at:
                warehouse.end_backfill(con, days.first, days.last)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": sum(rows.values()), "as_of": str(night.as_of), "tables": rows}
        )

    return marts_file


def _pages(company: Company) -> dg.AssetsDefinition:
    @dg.asset(
        key=["published", "board"],
        deps=[["published", "marts"]],
        group_name="published",
        owners=OWNERS,
        kinds={"html"},
        freshness_policy=FRESH,
        description="The board as a folder: pages on which a team sees where it stands, made of the published marts.",
    )
    def board_folder() -> dg.MaterializeResult[None]:
        # The templates' libraries take a second, which the Dagster UI need not wait for.
        from pipelines import boards

        return dg.MaterializeResult(metadata={"pages": boards.write(company), "path": str(boards.folder(company))})

    return board_folder
