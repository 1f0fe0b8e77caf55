"""The raw assets: each connector's tables, read for the days of the run and written to the warehouse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import dagster as dg
import duckdb
from google.auth.credentials import Credentials

from connectors import clarity, export_tables, exports, ga4, plan, search_console
from connectors.errors import SourceError
from connectors.personal import Pseudonyms
from connectors.table import Load, Table
from pipelines import company as company_folder
from pipelines import warehouse
from pipelines.company import Clarity, Company, Ga4, SearchConsole, yesterday
from pipelines.credentials import api_token, company_key, google_credentials

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"

ALL_TABLES: tuple[Table, ...] = (
    *ga4.TABLES,
    *search_console.TABLES,
    *clarity.TABLES,
    *export_tables.TABLES,
    *plan.TABLES,
    *company_folder.TABLES,
    *warehouse.TABLES,
)
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
OWNERS = ["team:marketing-data"]


@dataclass(frozen=True)
class Days:
    """The days that a run is about, both inclusive. It also reads every earlier day that is still missing."""

    first: date
    last: date


def days_of_run(tags: dict[str, str], company: Company) -> Days:
    if RANGE_END in tags:
        return Days(date.fromisoformat(tags[RANGE_START]), date.fromisoformat(tags[RANGE_END]))
    last = date.fromisoformat(tags[PARTITION]) if PARTITION in tags else yesterday(company)
    return Days(last, last)


Loads = Callable[[duckdb.DuckDBPyConnection, Days], Iterator[Load]]


def assets(company: Company) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """One step per connector; what is not connected stands in the lineage without a step of its own."""
    days = dg.DailyPartitionsDefinition(str(company.start), timezone=company.timezone)
    sources = company.sources
    found: list[dg.AssetsDefinition | dg.AssetSpec] = [_spec(table, fresh=False) for table in warehouse.TABLES]

    def connect(
        name: str, tables: Sequence[Table], loads: Loads, is_on: bool = True, dated: bool = False,
        independent: bool = False,
    ) -> None:  # fmt: skip
        if is_on and tables:
            found.append(_step(company, name, tables, loads, days if dated else None, independent))
        else:
            found.extend(_spec(table, fresh=False) for table in tables)

    exported = [table for table in export_tables.TABLES if table.name.removeprefix("exports_") in sources.exports]
    missing = [table for table in export_tables.TABLES if table not in exported]
    connect("ga4", ga4.TABLES, partial(_ga4, company), is_on=sources.ga4 is not None, dated=True)
    connect("search_console", search_console.TABLES, partial(_search_console, company),
            is_on=sources.search_console is not None, dated=True)  # fmt: skip
    connect("clarity", clarity.TABLES, partial(_clarity, company), is_on=sources.clarity is not None)
    connect("exports", exported, partial(_exports, company), independent=True)
    found.extend(_spec(table, fresh=False) for table in missing)
    connect("plan", plan.TABLES, lambda con, run: plan.load(company.folder))
    connect("company", company_folder.TABLES,
            lambda con, run: company_folder.company_loads(company, warehouse.as_of(con, run.last)))  # fmt: skip
    return found


def problems(company: Company) -> list[str]:
    """What a person must mend in plan.yml or the environment before it is worth asking any source."""
    checks: list[Callable[[], object]] = [lambda: [list(load.batches) for load in plan.load(company.folder)]]
    if company.sources.ga4:
        checks.append(partial(_ga4_credentials, company.sources.ga4))
    if company.sources.search_console:
        checks.append(partial(_search_console_credentials, company.sources.search_console))
    if company.sources.clarity:
        checks.append(partial(_clarity_token, company.sources.clarity))
    found = []
    for check in checks:
        try:
            check()
        except SourceError as error:
            found.append(str(error))
    return found


def _ga4_credentials(settings: Ga4) -> Credentials:
    return google_credentials(settings.credentials, ga4.SCOPES, "company.yml: sources.ga4.credentials")


def _search_console_credentials(settings: SearchConsole) -> Credentials:
    where = "company.yml: sources.search_console.credentials"
    return google_credentials(settings.credentials, search_console.SCOPES, where)


def _clarity_token(settings: Clarity) -> str | None:
    found = "a project admin makes one under Settings > Data Export > Generate new API token"
    return api_token(settings.credentials, f"{clarity.WHERE}.credentials", found)


def _ga4(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    settings = company.sources.ga4
    assert settings is not None
    site = ga4.Property(
        settings.property_id,
        company.site.hosts,
        company.site.article_paths,
        {str(meaning): event for meaning, event in settings.events.items()},
        company.fiscal_year_start,
        settings.reserve,
    )
    first = min(run.first, warehouse.first_missing(con, ga4.TABLES, company.start))
    with ga4.client(settings.endpoint, settings.transport, _ga4_credentials(settings)) as client:
        yield from ga4.load(client, site, first, run.last, company.start, through=warehouse.as_of(con, run.last))


def _search_console(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    settings = company.sources.search_console
    assert settings is not None
    missing = warehouse.first_missing(con, search_console.TABLES, company.start)
    first = min(run.first, missing, warehouse.first_unfinal(con, search_console.DAYS, company.start))
    with search_console.service(settings.endpoint, _search_console_credentials(settings)) as service:
        yield from search_console.load(service, settings.site_url, first, run.last)


def _clarity(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    """The days of the run do not matter: Clarity gives the hours before it is asked, whichever they are."""
    settings = company.sources.clarity
    assert settings is not None
    client = clarity.Client(settings.endpoint, _clarity_token(settings))
    return clarity.load(client, partial(warehouse.last_answer, con, clarity.PAGE_DAYS))


def _exports(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    pseudonyms = Pseudonyms(company_key(company.state))
    return exports.load(company.sources.exports, company.folder, company.timezone, company.currency, pseudonyms)


def _spec(table: Table, fresh: bool) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["raw", table.name], description=table.description, group_name="raw", owners=OWNERS, kinds={"python", "duckdb"},
        freshness_policy=FRESH if fresh else None,
    )  # fmt: skip


def _step(
    company: Company,
    name: str,
    tables: Sequence[Table],
    loads: Loads,
    days: dg.DailyPartitionsDefinition | None,
    independent: bool,
) -> dg.AssetsDefinition:
    """The step that loads the tables; where they are ``independent``, one that fails does not keep the others back."""

    @dg.multi_asset(
        name=name,
        specs=[_spec(table, fresh=True) for table in tables],
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run() if days else None,
        required_resource_keys={"warehouse"},
    )
    def materialise(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        run = days_of_run(dict(context.run.tags), company)
        rows = dict.fromkeys((table.name for table in tables), 0)
        flags: dict[str, set[str]] = {table.name: set() for table in tables}
        failed: dict[str, SourceError] = {}

        def write(load: Load) -> None:
            written = warehouse.replace(con, load)
            rows[load.table.name] += written
            flags[load.table.name].update(flag for fetch in load.fetches for flag in fetch.flags)
            span = f" {load.start}..{load.end}" if load.start else ""
            context.log.info(f"raw.{load.table.name}{span}: {written:,} rows")
            if load.intake and load.intake.rejected:
                load.warnings.append(
                    f"raw.{load.table.name}: {load.intake.rejected:,} of {load.intake.read:,} rows cannot be read; "
                    "marts.quarantine says which and why"
                )
            for warning in load.warnings:
                context.log.warning(warning)

        with warehouse.connect(context.resources.warehouse) as con:
            try:
                for load in loads(con, run):
                    try:
                        write(load)
                    except SourceError as error:
                        if not independent:
                            raise
                        failed[load.table.name] = error
            except SourceError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
        for table in tables:
            if table.name in failed:
                continue
            said = ", ".join(sorted(flags[table.name])) or "none"
            yield dg.MaterializeResult(
                asset_key=["raw", table.name],
                metadata={"dagster/row_count": rows[table.name], "as_of": str(run.last), "flags": said},
            )
        if failed:
            raise dg.Failure("\n".join(map(str, failed.values())), allow_retries=False)

    return materialise
