"""The tables of a plan. Every version stays: rows carry the night from which their version holds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from connectors import yaml_file
from connectors.plan import MINIMAL, Plan, Target
from connectors.table import Fetch, Load, Table, columns

DAY, TEXT, NUMBER, COUNT = pa.date32(), pa.string(), pa.float64(), pa.int64()

VERSIONS = Table(
    "plan_versions",
    "One row per version of the plan: the night from which it holds (until the next one's), and the whole of it as "
    "JSON. A plan that is changed twice before a night is one version.",
    columns({"valid_from": DAY, "digest": TEXT, "source": TEXT, "document": TEXT}),
    key=("valid_from",),
    date_column="valid_from",
)
TARGETS = Table(
    "plan_targets",
    "One row per version of the plan and target in its order (0 is the KGI): it holds for each period of the grain "
    "within start_on..end_on. kind: number (target), change (by this share over the period before or last_year), "
    "from_kgi (what the goal requires), wish (direction alone).",
    columns(
        {"valid_from": DAY, "entry": COUNT, "kpi": TEXT, "is_kgi": pa.bool_(), "kind": TEXT},
        {
            "grain": TEXT,
            "start_on": DAY,
            "end_on": DAY,
            "target": NUMBER,
            "change": NUMBER,
            "over": TEXT,
            "direction": TEXT,
            "segment": TEXT,
            "owner": TEXT,
        },
    ),
    key=("valid_from", "entry"),
    date_column="valid_from",
)
PERSONAS = Table(
    "plan_personas",
    "One row per version of the plan, persona in its order, attribute (industry, role, problem) and value.",
    columns({"valid_from": DAY, "entry": COUNT, "persona": TEXT, "attribute": TEXT, "value": TEXT}),
    key=("valid_from", "persona", "attribute", "value"),
    date_column="valid_from",
)
REVIEWS = Table(
    "plan_reviews",
    "One row per version of the plan and meeting that comes again: every week on a weekday, or every month or quarter "
    "on the given business day after its end.",
    columns({"valid_from": DAY, "every": TEXT}, {"weekday": TEXT, "business_day": COUNT, "owner": TEXT}),
    key=("valid_from", "every"),
    date_column="valid_from",
)
AGREEMENTS = Table(
    "plan_agreements",
    "One row per version of the plan and thing agreed on: section (focus, handoff, on_miss, resources), its entry in "
    "order, attribute and value.",
    columns({"valid_from": DAY, "section": TEXT, "entry": COUNT, "attribute": TEXT, "value": TEXT}),
    key=("valid_from", "section", "entry", "attribute"),
    date_column="valid_from",
)
TABLES = (VERSIONS, TARGETS, PERSONAS, REVIEWS, AGREEMENTS)


def read(folder: Path) -> Plan:
    """A company folder's plan.yml. Raises SourceError naming each wrong entry, its line and what to do."""
    return yaml_file.read(folder / "plan.yml", Plan, MINIMAL)


def digest(plan: Plan) -> str:
    """What tells two plans apart, whatever their spelling and comments; a key that a later version of this program
    knows makes no other plan of one that is without it."""
    return sha256(plan.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def load(plan: Plan, source: str, night: date, last: tuple[date, str] | None) -> Iterator[Load]:
    """The tables of a plan that was read from ``source``, for the night of a day.

    ``last`` is the newest version known, as valid_from and digest: a plan that is the same is that version; any other
    one is a new version, from this night on.
    """
    fetched_at, started = datetime.now(UTC), perf_counter()
    own = digest(plan)
    valid_from = last[0] if last and last[1] == own else night
    version = {"valid_from": valid_from, "digest": own, "source": source, "document": plan.model_dump_json()}
    listed: tuple[tuple[Table, list[dict[str, Any]]], ...] = (
        (VERSIONS, [version]),
        (TARGETS, list(_target_rows(plan))),
        (PERSONAS, list(_persona_rows(plan))),
        (REVIEWS, [review.model_dump() for review in plan.reviews]),
        (AGREEMENTS, list(_agreement_rows(plan))),
    )
    for table, rows in listed:
        batch = pa.RecordBatch.from_pylist([{**row, "valid_from": valid_from} for row in rows], schema=table.schema)
        fetch = Fetch(table.name, source, None, None, len(rows), fetched_at, perf_counter() - started)
        yield Load(table, valid_from, valid_from, iter([batch]), [fetch])


def _target_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for entry, target in enumerate((plan.kgi, *plan.targets)):
        yield {
            "entry": entry,
            "kpi": target.kpi,
            "is_kgi": entry == 0,
            "kind": _kind(target),
            "grain": target.grain,
            "start_on": target.start,
            "end_on": target.end,
            "target": target.level,
            "change": target.change,
            "over": (target.over or "previous") if target.change is not None else None,
            "direction": target.target if target.is_wish else None,
            "segment": target.segment,
            "owner": target.owner,
        }


def _kind(target: Target) -> str:
    if target.level is not None:
        return "number"
    if target.change is not None:
        return "change"
    return "wish" if target.is_wish else "from_kgi"


def _persona_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for entry, persona in enumerate(plan.personas):
        attributes = {"industry": persona.industries, "role": persona.roles, "problem": persona.problems}
        for attribute, values in attributes.items():
            for value in dict.fromkeys(values):
                yield {"entry": entry, "persona": persona.name, "attribute": attribute, "value": value}


def _agreement_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    sections: dict[str, tuple[BaseModel | None, ...]] = {
        "focus": (plan.focus,),
        "handoff": (plan.handoff,),
        "on_miss": (plan.on_miss,),
        "resources": plan.resources,
    }
    for section, entries in sections.items():
        for entry, agreed in enumerate(found for found in entries if found is not None):
            for attribute, value in agreed.model_dump(exclude_none=True).items():
                shown = f"{value:.10g}" if isinstance(value, float) else str(value)
                yield {"section": section, "entry": entry, "attribute": attribute, "value": shown}
