"""The raw assets: each connector's tables, read for the days of the run and written to the warehouse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb

from connectors import clarity, export_tables, exports, ga4, notes, plan_tables, search_console
from connectors.errors import SourceError
from connectors.table import Load, Table
from pipelines import company as company_folder
from pipelines import stage_events, warehouse
from pipelines.company import Company, yesterday
from pipelines.credentials import pseudonyms
from pipelines.plan import tables as plan_analysis_tables
from pipelines.sources import (
    clarity_token,
    ga4_credentials,
    ga4_property,
    plan_credentials,
    read_plan,
    search_console_credentials,
)

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
BACKFILL = "gyakusan/backfill_begun_at"

ALL_TABLES: tuple[Table, ...] = (
    *ga4.TABLES,
    ga4.DEFINITIONS,
    *search_console.TABLES,
    *clarity.TABLES,
    *export_tables.TABLES,
    *plan_tables.TABLES,
    *notes.TABLES,
    *company_folder.TABLES,
    stage_events.STAGE_EVENTS,
    *warehouse.TABLES,
    *plan_analysis_tables.TABLES,
)
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
OWNERS = ["team:marketing-data"]


@dataclass(frozen=True)
class Days:
    """The days that a run is about, both inclusive. It also reads every earlier day that is still missing.

    ``begun_at`` (UTC): of a backfill; what was read since then is not read again.
    """

    first: date
    last: date
    begun_at: datetime | None = None


def days_of_run(tags: dict[str, str], company: Company) -> Days:
    begun_at = datetime.fromisoformat(tags[BACKFILL]) if BACKFILL in tags else None
    if RANGE_END in tags:
        return Days(date.fromisoformat(tags[RANGE_START]), date.fromisoformat(tags[RANGE_END]), begun_at)
    last = date.fromisoformat(tags[PARTITION]) if PARTITION in tags else yesterday(company)
    return Days(last, last, begun_at)


def still_to_read(con: duckdb.DuckDBPyConnection, tables: Sequence[Table], run: Days) -> Days:
    """The days of a run, without those that an interrupted backfill has read; ``first`` is after ``last`` for none."""
    dated = [table for table in tables if table.date_column]
    if run.begun_at is None or not dated:
        return run
    return replace(run, first=warehouse.first_missing(con, dated, run.first, run.begun_at))


def filled(company: Company) -> dict[str, Sequence[Table]]:
    """The tables of each source that is connected, by its name."""
    sources = company.sources
    return {
        "ga4": ga4.measured_tables(ga4_property(company, sources.ga4)) if sources.ga4 else (),
        "search_console": search_console.TABLES if sources.search_console else (),
        "clarity": clarity.TABLES if sources.clarity else (),
        "exports": [table for kind, table in export_tables.KINDS.items() if kind in sources.exports],
        "plan": plan_tables.TABLES,
        "notes": notes.TABLES if notes.is_there(company.folder) else (),
    }


Loads = Callable[[duckdb.DuckDBPyConnection, Days], Iterator[Load]]


def assets(company: Company) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """One step per connector; what is not connected stands in the lineage without a step of its own."""
    days = dg.DailyPartitionsDefinition(str(company.start), timezone=company.timezone)
    sources = company.sources
    found: list[dg.AssetsDefinition | dg.AssetSpec] = [_spec(table, fresh=False) for table in warehouse.TABLES]

    def connect(
        name: str,
        tables: Sequence[Table],
        loads: Loads,
        is_on: bool = True,
        dated: bool = False,
        after: Sequence[Table] = (),
        independent: bool = False,
    ) -> None:
        if is_on and tables:
            found.append(_step(company, name, tables, loads, days if dated else None, after, independent))
        else:
            found.extend(_spec(table, fresh=False) for table in tables)

    exported = filled(company)["exports"]
    missing = [table for table in export_tables.TABLES if table not in exported]
    connect("ga4", (*ga4.TABLES, ga4.DEFINITIONS), partial(ga4_loads, company),
            is_on=sources.ga4 is not None, dated=True)  # fmt: skip
    connect("search_console", search_console.TABLES, partial(_search_console, company),
            is_on=sources.search_console is not None, dated=True)  # fmt: skip
    connect("clarity", clarity.TABLES, partial(_clarity, company), is_on=sources.clarity is not None)
    connect("exports", exported, partial(_exports, company), independent=True)
    found.extend(_spec(table, fresh=False) for table in missing)
    objects = stage_events.watched(sources)
    connect("stage_events", [stage_events.STAGE_EVENTS],
            lambda con, run: stage_events.load(con, objects, run.last), is_on=bool(objects),
            after=[table for table in (export_tables.CONTACTS, export_tables.DEALS) if table in exported])  # fmt: skip
    connect("plan", plan_tables.TABLES, partial(_plan, company))
    connect("notes", notes.TABLES, lambda con, run: iter([notes.load(company.folder, ZoneInfo(company.timezone))]))
    connect("company", company_folder.TABLES, partial(_company, company))
    return found


def problems(company: Company) -> list[str]:
    """What a person must mend in plan.yml or the environment before it is worth asking any source."""
    # A sheet is asked in its own step: while Google does not answer, everything else is loaded.
    sheet = company.plan
    checks: list[Callable[[], object]] = [(lambda: plan_credentials(sheet)) if sheet else partial(read_plan, company)]
    if company.sources.ga4:
        checks.append(partial(ga4_credentials, company.sources.ga4))
    if company.sources.search_console:
        checks.append(partial(search_console_credentials, company.sources.search_console))
    if company.sources.clarity:
        checks.append(partial(clarity_token, company.sources.clarity))
    checks.append(partial(pseudonyms, company.state))
    found = []
    for check in checks:
        try:
            check()
        except SourceError as error:
            found.append(str(error))
    return found


def ga4_loads(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    settings = company.sources.ga4
    assert settings is not None
    site, first = ga4_property(company, settings), _ga4_first(company, con, run)
    known = [ga4.Definition.of_row(row) for row in warehouse.rows(con, ga4.DEFINITIONS)]
    with ga4.client(settings.endpoint, settings.transport, ga4_credentials(settings)) as client:
        site, definitions = ga4.checked(client, site, known)
        if definitions:
            yield definitions
        yield from ga4.load(
            client,
            site,
            first,
            run.last,
            company.start,
            through=warehouse.as_of(con, run.last),
            pseudonyms=pseudonyms(company.state) if site.client_id else None,
            costs=_ga4_costs(con),
            quota=warehouse.quota_left(con, ga4.TABLES, datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)),
        )


def ga4_plan(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> ga4.Plan | None:
    """What GA4 will be asked for in a run; None where it is not connected."""
    settings = company.sources.ga4
    if settings is None:
        return None
    first = _ga4_first(company, con, still_to_read(con, ga4.TABLES, run))
    site, through = ga4_property(company, settings), warehouse.as_of(con, run.last)
    return ga4.plan(site, first, run.last, company.start, through, _ga4_costs(con))


def _ga4_first(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> date:
    return min(run.first, warehouse.first_missing(con, ga4.TABLES, company.start))


def _ga4_costs(con: duckdb.DuckDBPyConnection) -> ga4.Costs:
    return ga4.Costs(ga4.Observed(*row) for row in warehouse.observed(con, ga4.TABLES))


def _search_console(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    settings = company.sources.search_console
    assert settings is not None
    missing = warehouse.first_missing(con, search_console.TABLES, company.start)
    first = min(run.first, missing, warehouse.first_unfinal(con, search_console.DAYS, company.start))
    forgotten = warehouse.as_of(con, run.last) - timedelta(days=search_console.KEPT_DAYS)
    # A forgotten day that was loaded stays: an answer without it would take it away.
    first = max(first, min(missing, forgotten))
    partly, never = search_console.uncovered(settings.site_url, company.site.hosts, company.site.article_paths)
    said = [f"Search Console: {settings.site_url} holds only some pages of {place}" for place in partly]
    said += [f"Search Console: {settings.site_url} holds no page of {place}" for place in never]
    with search_console.service(settings.endpoint, search_console_credentials(settings)) as service:
        for load in search_console.load(
            service, settings.site_url, first, run.last, search_types=settings.search_types
        ):
            load.warnings, said = [*said, *load.warnings], []
            yield load


def _clarity(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    """The days of the run do not matter: Clarity gives the hours before it is asked, whichever they are."""
    settings = company.sources.clarity
    assert settings is not None
    client = clarity.Client(settings.endpoint, clarity_token(settings))
    return clarity.load(client, partial(warehouse.last_answer, con, clarity.PAGE_DAYS))


def _plan(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    plan, source = read_plan(company)
    return plan_tables.load(plan, source, warehouse.as_of(con, run.last), warehouse.last_plan(con))


def _company(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    return company_folder.company_loads(company, warehouse.as_of(con, run.last), filled(company))


def _exports(company: Company, con: duckdb.DuckDBPyConnection, run: Days) -> Iterator[Load]:
    return exports.load(
        company.sources.exports, company.folder, company.timezone, company.currency, pseudonyms(company.state)
    )


def _spec(table: Table, fresh: bool, after: Sequence[Table] = ()) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["raw", table.name], description=table.description, group_name="raw", owners=OWNERS, kinds={"python", "duckdb"},
        freshness_policy=FRESH if fresh else None, deps=[["raw", table.name] for table in after],
    )  # fmt: skip


def _step(
    company: Company,
    name: str,
    tables: Sequence[Table],
    loads: Loads,
    days: dg.DailyPartitionsDefinition | None,
    after: Sequence[Table],
    independent: bool,
) -> dg.AssetsDefinition:
    """The step that loads the tables; where they are ``independent``, one that fails does not keep the others back."""

    @dg.multi_asset(
        name=name,
        specs=[_spec(table, fresh=True, after=after) for table in tables],
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
            context.log.info(f"{load.table.path}{span}: {written:,} rows")
            if load.intake and load.intake.rejected:
                load.warnings.append(
                    f"{load.table.path}: {load.intake.rejected:,} of {load.intake.read:,} rows cannot be read; "
                    "marts.quarantine says which and why"
                )
            for warning in load.warnings:
                context.log.warning(warning)
            for note in load.notes:
                context.log.info(note)

        with warehouse.connect(context.resources.warehouse) as con:
            try:
                to_read = still_to_read(con, tables, run) if days else run
                for load in loads(con, to_read) if to_read.first <= run.last else ():
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
