"""Runs of the nightly job: what they print, and the end of those whose process died."""

import logging
import sys

import dagster as dg


def end_dead_runs(instance: dg.DagsterInstance, this_run: str) -> list[str]:
    """Mark as failed every unfinished run but this one. Returns their ids.

    Only the holder of the company's lock may call this: whoever holds it knows that no other run is alive, so what
    the instance still shows as running was killed. Queued runs are left: they have not begun.
    """
    unfinished = [
        dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)) if run.run_id != this_run]
    for run in dead:
        instance.report_run_failed(run, message="the process that ran this ended without finishing it")
    return [run.run_id for run in dead]


@dg.logger(description="What a person wants to see of a run: the messages of the assets, without Dagster's own events.")
def console(context: dg.InitLoggerContext) -> logging.Logger:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: getattr(record, "dagster_event", None) is None and record.levelno >= logging.INFO)
    handler.setFormatter(logging.Formatter("%(orig_message)s"))
    logger = logging.Logger("gyakusan", logging.INFO)
    logger.addHandler(handler)
    return logger
