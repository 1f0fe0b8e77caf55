"""`gyakusan plan --set deal_rate=0.3`: what the goal would require, and how likely it would be, if something changed.

The marts hold no open deals one by one, so the models' rows of the warehouse are read, as the last night built them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import inf

import duckdb
import numpy as np

from analysis import attainment, requirements, tree
from analysis.attainment import Outlook
from analysis.chain import Step
from analysis.requirements import Link
from connectors.errors import SourceError
from connectors.yaml_file import nearest
from pipelines import lock, warehouse
from pipelines.company import Company
from pipelines.plan.forecasts import Forecast, look, stated_chance
from pipelines.plan.inputs import Inputs, PlannedGoal, read
from pipelines.plan.required import WalkedBack, walked_back

LEAD_RATE, TARGET = "lead_rate", "target"


@dataclass(frozen=True)
class Side:
    """Where the period of the goal ends, and what it requires of each KPI."""

    target: float
    chance: float | None
    """None on too little data, as in the marts."""
    p10: float
    p50: float
    p90: float
    required: Mapping[str, float | None]


@dataclass(frozen=True)
class WhatIf:
    """The plan as it is and as it would be; ``changes`` with the value of each before and after."""

    period_start: date
    changes: Mapping[str, tuple[float, float]]
    before: Side
    after: Side


def parse(settings: Sequence[str]) -> dict[str, float]:
    """``deal_rate=0.3`` or ``deal_rate=30%``, each once. Raises SourceError for anything else."""
    found = {}
    for text in settings:
        name, sign, number = (part.strip() for part in text.partition("="))
        try:
            value = float(number.removesuffix("%").replace(",", "")) / (100 if number.endswith("%") else 1)
        except ValueError:
            value = -1.0
        if not sign or not 0 <= value < inf:
            raise SourceError("--set", f"{text} is not a change", "write NAME=NUMBER, such as deal_rate=0.3")
        found[name] = value
    return found


def what_if(company: Company, start: date, changes: Mapping[str, float]) -> WhatIf:
    """What changes would do to the goal's period that begins on ``start``, from what the last night knew.

    Raises SourceError where a change is unknown or impossible, the period is over, or a night is running.
    """
    path = company.state / "warehouse.duckdb"
    busy = SourceError("--set", "a night is running and holds the warehouse", "ask again when it has ended")
    if lock.holder(company.state):
        raise busy
    if not path.exists():
        raise SourceError(str(path), "there is no warehouse", "run: gyakusan nightly")
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            if not warehouse.is_built(con):
                raise SourceError("--set", "the models are not built, or failed a check", "run: gyakusan nightly")
            given = read(con, company.calendar)
    except duckdb.IOException:
        raise busy from None
    except (duckdb.CatalogException, duckdb.BinderException):
        raise SourceError(str(path), "was made by an earlier version", "run: gyakusan nightly") from None
    planned = next((one for one in given.live if one.goal.start == start), None)
    if planned is None:
        raise SourceError("--set", f"the period from {start} is over", "ask of the running period or the next one")
    return compare(given, planned, changes)


def compare(given: Inputs, planned: PlannedGoal, changes: Mapping[str, float]) -> WhatIf:
    """The same forecast and requirement twice, on the same draws, with and without the changes."""
    forecast, back = Forecast.of(given, planned), walked_back(given, planned.goal)
    known, stages = _known(forecast, back), forecast.stages
    for name, value in changes.items():
        if name not in known:
            raise SourceError("--set", f"{name} is nothing that can be set", nearest(name, sorted(known)))
        if name.endswith("_rate") and not 0 < value <= 1:
            raise SourceError("--set", f"{name} cannot be {value:g}", "a rate lies above 0 and at most at 1 (100%)")
    rates = {
        stage: changes[name]
        for stage, name in enumerate(tree.RATES[following] for following in stages[1:])
        if name in changes
    }
    pipeline = attainment.changed(forecast.pipeline, rates)
    starts = pipeline.starts.copy()
    for stage, name in enumerate(stages):
        if tree.STEPS[name] in changes:
            starts[stage] = changes[tree.STEPS[name]] / 7 * pipeline.intake_days
    pipeline = replace(pipeline, starts=np.asarray(starts))
    goal = replace(planned.goal, target=changes.get(TARGET, planned.goal.target))
    outlook = look(goal)(pipeline, forecast.window, forecast.spread)
    first = len(back.steps) - len(pipeline.steps)  # of the stages that the requirement has and the forecast has not
    steps = [_set(link, rates.get(number - first)) for number, link in enumerate(back.steps)]
    ratios = [_set(link, changes.get(LEAD_RATE) if link.kpi == "users" else None) for link in back.ratios[goal.grain]]
    needed = requirements.walk_back(goal, steps, back.amount, ratios)
    return WhatIf(
        goal.start,
        {name: (known[name], value) for name, value in changes.items()},
        _side(forecast.outlook, planned.goal.target, back.required),
        _side(outlook, goal.target, needed),
    )


def _known(forecast: Forecast, back: WalkedBack) -> dict[str, float]:
    """What can be set, and where it stands."""
    pipeline = forecast.pipeline
    found = {TARGET: forecast.goal.target}
    for stage, following in enumerate(forecast.stages[1:]):
        found[tree.RATES[following]] = pipeline.steps[stage].rate
    for stage, name in enumerate(forecast.stages[:-1]):
        found[tree.STEPS[name]] = float(pipeline.starts[stage]) / pipeline.intake_days * 7
    for link in back.ratios[forecast.goal.grain]:
        if link.kpi == "users" and link.rate:
            found[LEAD_RATE] = link.rate
    return found


def _set(link: Link, rate: float | None) -> Link:
    """The link with a rate that is taken for granted."""
    if rate is None:
        return link
    sure = Step.sure(rate).posterior
    return replace(link, rate=rate, low=rate, high=rate, deviation=0.0, posterior=link.posterior and sure)


def _side(outlook: Outlook, target: float, needed: Sequence[requirements.Requirement]) -> Side:
    p10, p50, p90 = (outlook.quantile(share) for share in (0.1, 0.5, 0.9))
    return Side(target, stated_chance(outlook, target), p10, p50, p90, {one.kpi: one.required for one in needed})
