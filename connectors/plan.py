"""plan.yml: the KGI, the KPI targets and the personas."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connectors import yaml_file
from connectors.table import Fetch, Load, Table, columns
from connectors.yaml_file import Day, Problem, nearest, wrong

DAY, TEXT, NUMBER = pa.date32(), pa.string(), pa.float64()

TARGETS = Table(
    "plan_targets",
    "One row per KPI, grain and span of target: the target holds for each period of the grain within start_on..end_on.",
    columns(
        {"kpi": TEXT, "grain": TEXT, "start_on": DAY, "end_on": DAY, "target": NUMBER, "is_kgi": pa.bool_()},
        {"owner": TEXT},
    ),
    key=("kpi", "grain", "start_on"),
)
PERSONAS = Table(
    "plan_personas",
    "One row per persona, attribute (industry, role, problem) and value.",
    columns({"persona": TEXT, "attribute": TEXT, "value": TEXT}),
    key=("persona", "attribute", "value"),
)
TABLES = (TARGETS, PERSONAS)

KPIS = (
    "page_views",
    "users",
    "sessions",
    "search_impressions",
    "search_clicks",
    "search_position",
    "hidden_click_share",
    "engagement_seconds",
    "read_through_rate",
    "onward_rate",
    "users_over_one_minute",
    "newsletter_signups",
    "social_followers",
    "downloads",
    "inquiries",
    "leads",
    "mqls",
    "deal_rate",
    "deals",
    "win_rate",
    "orders",
    "order_value",
    "customers",
    "ltv",
    "repeat_rate",
    "churn_rate",
)
"""Every KPI that a target can be set for, in the order of the four stages."""
KGIS = ("deals", "orders", "order_value")
"""The KPIs that can be the goal itself."""

MINIMAL = """write a plan.yml there, such as
     version: 1
     kgi: {kpi: orders, grain: quarter, start: 2025-04-01, end: 2026-03-31, target: 30}
     targets:
       - {kpi: inquiries, grain: month, start: 2025-04-01, end: 2026-03-31, target: 60}"""

_STRICT = ConfigDict(frozen=True, extra="forbid")


def _kpi(name: str) -> str:
    if name not in KPIS:
        raise wrong(Problem((), f"{name} is not a KPI", nearest(name, KPIS)))
    return name


class Target(BaseModel):
    """What a KPI shall reach in each period of its grain between ``start`` and ``end`` (both included)."""

    model_config = _STRICT
    kpi: Annotated[str, AfterValidator(_kpi)] = Field(description="one of the KPIs, such as inquiries")
    grain: Literal["week", "month", "quarter"] = Field(description="week, month or quarter")
    start: Day = Field(description="the first day that the target holds for, such as 2025-04-01")
    end: Day = Field(description="the last day that the target holds for, such as 2026-03-31")
    target: float = Field(ge=0, allow_inf_nan=False, description="and the number to reach in each period")
    owner: str | None = None

    @field_validator("end")
    @classmethod
    def _end_after_start(cls, end: Day, info: ValidationInfo) -> Day:
        start = info.data.get("start")
        if start is not None and end < start:
            raise wrong(Problem((), f"{end} is before the start, {start}", "write the last day of the target"))
        return end

    @field_validator("target")
    @classmethod
    def _rate_below_one(cls, target: float, info: ValidationInfo) -> float:
        kpi = info.data.get("kpi", "")
        if kpi.endswith(("_rate", "_share")) and target > 1:
            raise wrong(Problem((), f"{target:g} is above 1, and {kpi} is a rate", "write 35 % as 0.35"))
        return target


class Persona(BaseModel):
    """Whom the articles are for; attributes are compared with those of the contacts."""

    model_config = _STRICT
    name: str = Field(min_length=1, description="and what the team calls this persona")
    industries: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Plan(BaseModel):
    """The whole of plan.yml."""

    model_config = _STRICT
    version: int = Field(ge=1, le=1, description="1")
    kgi: Target = Field(description="with kpi, grain, start, end and target below it")
    targets: tuple[Target, ...] = ()
    personas: tuple[Persona, ...] = ()

    @field_validator("kgi")
    @classmethod
    def _kgi_is_a_goal(cls, kgi: Target) -> Target:
        if kgi.kpi not in KGIS:
            remedy = f"write one of {', '.join(KGIS)} here, and {kgi.kpi} under targets"
            raise wrong(Problem(("kpi",), f"{kgi.kpi} leads to the goal and is not the goal", remedy))
        return kgi

    @model_validator(mode="after")
    def _one_target_at_a_time(self) -> "Plan":
        problems: list[Problem] = []
        for n, target in enumerate(self.targets):
            for other in (self.kgi, *self.targets[:n]):
                same = (target.kpi, target.grain) == (other.kpi, other.grain)
                if same and target.start <= other.end and other.start <= target.end:
                    problem = f"{target.kpi} by {target.grain} has two targets from {max(target.start, other.start)} on"
                    problems.append(Problem(("targets", n), problem, "let their days not overlap"))
        names = [persona.name for persona in self.personas]
        problems += [
            Problem(("personas", n, "name"), f"{name} is written twice", "join the two personas, or rename one")
            for n, name in enumerate(names)
            if name in names[:n]
        ]
        if problems:
            raise wrong(*problems)
        return self


def load(folder: Path) -> Iterator[Load]:
    """The targets and personas of a company folder's plan.yml, each replacing the whole of its table.

    Raises SourceError naming each wrong entry, its line and what to do.
    """
    fetched_at, started = datetime.now(UTC), perf_counter()
    plan = yaml_file.read(folder / "plan.yml", Plan, MINIMAL)
    duration = perf_counter() - started
    for table, rows in ((TARGETS, list(_target_rows(plan))), (PERSONAS, list(_persona_rows(plan)))):
        fetch = Fetch(table.name, "plan.yml", None, None, len(rows), fetched_at, duration)
        yield Load(table, None, None, iter([pa.RecordBatch.from_pylist(rows, schema=table.schema)]), [fetch])


def _target_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for target in (plan.kgi, *plan.targets):
        yield {
            "kpi": target.kpi,
            "grain": target.grain,
            "start_on": target.start,
            "end_on": target.end,
            "target": target.target,
            "is_kgi": target is plan.kgi,
            "owner": target.owner,
        }


def _persona_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for persona in plan.personas:
        attributes = {"industry": persona.industries, "role": persona.roles, "problem": persona.problems}
        for attribute, values in attributes.items():
            for value in dict.fromkeys(values):
                yield {"persona": persona.name, "attribute": attribute, "value": value}
