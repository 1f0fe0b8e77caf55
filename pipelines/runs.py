"""Runs of the nightly job: what they print, and the end of those whose process died."""

import logging
import sys
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy.engine import Engine

_engines: dict[str, Engine] = {}
_create_engine = sqlite_event_log.create_engine  # type: ignore[attr-defined]


def keep_engines() -> None:
    """Let Dagster's event log take one SQLAlchemy engine per file instead of a new one for each of its thousands of
    statements, which are all compiled anew then: a fifth of a night."""

    def kept(address: str, **settings: Any) -> Engine:
        if address not in _engines:
            _engines[address] = _create_engine(address, **settings)
        return _engines[address]

    sqlite_event_log.create_engine = kept  # type: ignore[attr-defined, assignment]


def end_dead_runs(instance: dg.DagsterInstance, this_run: str) -> list[str]:
    """Mark as failed every unfinished run but this one. Returns their ids.

    Only the holder of the company's lock may call this: whoever holds it knows that no other run is alive, so what
    the instance still shows as running was killed. Queued runs are left: they have not begun.
    """
    unfinished = [
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)) if run.run_id != this_run]
    for run in dead:
        instance.report_run_failed(run, message="the process that ran this ended without finishing it")
    return [run.run_id for run in dead]


def _console(context: dg.InitLoggerContext) -> logging.Logger:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_message)
    handler.setFormatter(_Message())
    logger = logging.Logger("gyakusan", logging.INFO)
    logger.addHandler(handler)
    return logger


def _is_message(record: logging.LogRecord) -> bool:
    """Whether a step of ours wrote it, rather than Dagster (which says of each later step that it is left out)."""
    said = getattr(record, "dagster_meta", {})
    is_dagsters = str(said.get("orig_message")).startswith("Dependencies for step ")
    return said.get("dagster_event") is None and said.get("step_key") is not None and not is_dagsters


class _Message(logging.Formatter):
    """The message as the asset wrote it, without the run id that Dagster puts before it."""

    def format(self, record: logging.LogRecord) -> str:
        return str(getattr(record, "dagster_meta", {}).get("orig_message", record.getMessage()))


console = dg.LoggerDefinition(
    _console, description="What a person wants to see of a run: the messages of the assets, not Dagster's own events."
)
