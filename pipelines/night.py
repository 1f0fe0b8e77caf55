"""One run of a job in this process, and what it says when it ends."""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from connectors import plan_schema
from pipelines import lock, publish, raw, runs, warehouse
from pipelines.company import Company
from pipelines.definitions import definitions
from pipelines.raw import BACKFILL, PARTITION, RANGE_END, RANGE_START, Days

# One run at a time: DuckDB has one writer, and what the schedule or the Dagster UI starts meanwhile waits its turn.
# What a step prints is not captured: that costs four processes a run, and the messages are in the event log.
# Nor does the UI open with a form that asks for an e-mail address.
INSTANCE = """telemetry:
  enabled: false
nux:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
concurrency:
  runs:
    max_concurrent_runs: 1
"""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``seconds`` is the time of each step; ``problems`` is empty when it published.

    No run was begun (``run_id`` is None) where plan.yml or the credentials must be mended first.
    """

    run_id: str | None
    problems: list[str]
    seconds: dict[str, float]


def dagster_home(company: Company) -> Path:
    """The company's Dagster instance, made on first use; also told to Dagster itself by its variable."""
    home = company.state / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        draft = settings.with_suffix(".new")
        draft.write_text(INSTANCE)
        draft.replace(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def run(company: Company, first: date, last: date, begun_at: datetime | None = None) -> Outcome:
    """Run the nightly job for ``first..last``; ``begun_at`` (UTC) as :func:`begin_backfill` gave it, of a backfill.

    Raises :class:`pipelines.lock.Busy` when another night runs here.
    """
    lock.take(company.state)
    with suppress(OSError):  # what helps an editor stops no night
        plan_schema.write(company.state)
    if wrong := raw.problems(company):
        lock.release(company.state)
        return Outcome(None, wrong, {})
    tags = {PARTITION: str(last)} if first == last else {RANGE_START: str(first), RANGE_END: str(last)}
    if begun_at:
        tags[BACKFILL] = begun_at.isoformat()
    return _run_job(company, "nightly", tags)


def rebuild(company: Company, last: date) -> Outcome:
    """Build and check the models and publish them again from what is loaded, as of ``last``. Raises Busy."""
    return _run_job(company, "rebuild", {PARTITION: str(last)})


def _run_job(company: Company, name: str, tags: dict[str, str]) -> Outcome:
    lock.take(company.state)
    runs.keep_engines()
    try:
        with dg.DagsterInstance.from_config(str(dagster_home(company))) as instance:
            job = definitions(company).resolve_job_def(name)
            result = job.execute_in_process(
                run_config={"loggers": {"console": {}}}, instance=instance, tags=tags, raise_on_error=False
            )
            steps = instance.get_run_step_stats(result.run_id)
        seconds = {
            step.step_key: step.end_time - step.start_time for step in steps if step.start_time and step.end_time
        }
        return Outcome(result.run_id, _problems(result), seconds)
    finally:
        lock.release(company.state)


def begin_backfill(company: Company, first: date, last: date, anew: bool) -> tuple[datetime, list[str]]:
    """When (UTC) the backfill of ``first..last`` was begun, this time or by a run that did not end, and what it takes.

    The caller holds the lock. ``anew`` begins again whatever was read.
    """
    with warehouse.connect(company.state / "warehouse.duckdb") as con:
        warehouse.prepare(con, raw.ALL_TABLES)
        begun_at, goes_on = warehouse.begin_backfill(con, first, last, anew)
        plan = raw.ga4_plan(company, con, Days(first, last, begun_at))
    said = []
    if goes_on:
        said.append(f"going on with the backfill begun at {begun_at:%Y-%m-%d %H:%M} UTC (--anew begins it again)")
    if plan and company.sources.ga4:
        said += plan.lines(company.sources.ga4.reserve)
    return begun_at, said


def _problems(result: dg.ExecuteInProcessResult) -> list[str]:
    if result.success:
        return []
    problems = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else None
            if data.error and "Interrupt" in (data.error.cls_name or ""):
                told = "interrupted; run it again, and it goes on from what was loaded"
            error = data.error_display_string.strip() if data.error else "failed"
            problems.append(f"{event.step_key}: {told or error}")
    return problems or [event.message or "failed" for event in result.all_events if event.is_failure]


def staleness(company: Company, run_id: str | None) -> str:
    """What analysts see now that a run did not end well."""
    last = publish.published(company.state / "marts.duckdb")
    if last is None:
        return "no marts have been published yet"
    if last.run_id == run_id:
        return f"the marts of {last.as_of} are published; the board's pages in {company.state / 'board'} are older"
    when = last.published_at.astimezone(ZoneInfo(company.timezone)).strftime("%Y-%m-%d %H:%M")
    return (
        f"the published marts stay those of {last.as_of} (published {when}): "
        f"stale since {last.as_of + timedelta(days=1)}, the first day that is not in them"
    )
