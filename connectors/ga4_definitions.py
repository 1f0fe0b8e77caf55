"""What a GA4 property knows of our reports: its names for our fields, whether they go together, and who it is.

Each report definition is asked about once and kept: getMetadata tells the names, checkCompatibility whether GA4 would
answer. Nothing here reads data but :func:`property_facts`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from time import monotonic
from typing import Any

import pyarrow as pa
from google.analytics.data_v1beta.types import (
    BatchRunReportsRequest,
    BatchRunReportsResponse,
    CheckCompatibilityRequest,
    Compatibility,
    DateRange,
    Dimension,
    Filter,
    FilterExpression,
    GetMetadataRequest,
    Metric,
    OrderBy,
    RunReportRequest,
)

from connectors.errors import OutOfQuota, SourceError
from connectors.ga4_api import Source
from connectors.ga4_reports import REPORTS, WHERE, Property, Report, Request, is_measured, message
from connectors.ga4_tables import FORMER_NAMES, TEXT
from connectors.table import Fetch, Table, columns

DEFINITIONS = Table(
    "ga4_definitions",
    "One row per report definition that GA4 was asked about: the property's names for its fields, and when.",
    columns(
        {"definition": TEXT, "property_id": TEXT, "report": TEXT, "fields": TEXT, "checked_at": pa.timestamp("us")}
    ),
    key=("definition",),
)
METADATA_TOKENS, COMPATIBILITY_TOKENS = 10, 5
"""What the two are taken to cost; GA4 does not say it in their answers."""
ANY_DAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Definition:
    """A report as a property takes it: our name of each field -> the property's."""

    definition: str
    """Changes when anything of the question does."""
    property_id: str
    report: str
    fields: Mapping[str, str]
    checked_at: datetime

    def row(self) -> dict[str, Any]:
        return {**vars(self), "fields": json.dumps(dict(self.fields), sort_keys=True)}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Definition":
        return cls(**{**row, "fields": json.loads(row["fields"])})


@dataclass(frozen=True)
class Checked:
    """What a property takes: the definitions that hold, and what a person must mend of the others."""

    definitions: tuple[Definition, ...]
    problems: tuple[SourceError, ...] = ()
    fetches: tuple[Fetch, ...] = ()
    """What was asked; nothing where every definition was known."""

    @property
    def renamed(self) -> dict[str, str]:
        """Our name -> the property's, of the fields that it calls otherwise."""
        fields = {ours: theirs for one in self.definitions for ours, theirs in one.fields.items()}
        return {ours: theirs for ours, theirs in fields.items() if ours != theirs}


def definitions(source: Source, known: Sequence[Definition] = ()) -> Checked:
    """Every report that the company's settings ask for, checked against the property; ``known`` ones are not again.

    Raises SourceError where GA4 does not answer, OutOfQuota at the reserve; what it answers of a report that it
    cannot give is among the problems.
    """
    wanted = {_name_of(source.property, report): report for report in REPORTS if is_measured(source.property, report)}
    held = {one.definition: one for one in known if one.definition in wanted}
    if not wanted.keys() - held.keys():
        return Checked(tuple(held.values()))
    asking = _Asking(source, [])
    names = asking.names()
    problems: list[SourceError] = []
    for name, report in wanted.items():
        if name in held:
            continue
        fields = {field: names.get(field) for field in _fields(source.property, report)}
        missing = [field for field, theirs in fields.items() if theirs is None]
        if missing:
            problems += [_unknown(source.property, report, field) for field in missing]
            continue
        found = {ours: theirs for ours, theirs in fields.items() if theirs is not None}
        if problem := asking.incompatibility(report, found):
            problems.append(problem)
            continue
        now = datetime.now(UTC).replace(tzinfo=None)
        held[name] = Definition(name, source.property.property_id, _title(report), found, now)
    return Checked(tuple(held.values()), _once(problems), tuple(asking.fetches))


@dataclass
class _Asking:
    source: Source
    fetches: list[Fetch]

    def names(self) -> dict[str, str]:
        """Every name that the property understands -> the one that it goes by now."""
        question = GetMetadataRequest(name=f"properties/{self.source.property.property_id}/metadata")
        answer = self._ask(self.source.client.get_metadata, question, METADATA_TOKENS, "getMetadata")
        fields = [*answer.dimensions, *answer.metrics]
        older = {name: field.api_name for field in fields for name in field.deprecated_api_names}
        current = {field.api_name: field.api_name for field in fields}
        former = {ours: current[name] for ours, name in FORMER_NAMES.items() if name in current}
        return former | older | current

    def incompatibility(self, report: Report, fields: Mapping[str, str]) -> SourceError | None:
        property = self.source.property
        renamed = replace(property, renamed=fields)
        asked = message(renamed, Request(report, ANY_DAY, ANY_DAY, names=renamed.names), limit=1)
        question = CheckCompatibilityRequest(
            property=asked.property,
            dimensions=asked.dimensions,
            metrics=asked.metrics,
            dimension_filter=asked.dimension_filter,
            compatibility_filter=Compatibility.INCOMPATIBLE,
        )
        where = f"{WHERE}: report {_title(report)}"
        remedy = "report this to the project: GA4 no longer gives this report"
        if property.client_id in fields:
            remedy = "write the custom dimension that holds the client id, or leave client_id out"
        try:
            answer = self._ask(
                self.source.client.check_compatibility, question, COMPATIBILITY_TOKENS, f"checkCompatibility {where}"
            )
        except OutOfQuota:
            raise
        except SourceError as error:
            if "incompatible" not in error.problem:
                raise
            return SourceError(where, error.problem, remedy)
        mine = {*(one.name for one in asked.dimensions), *(one.name for one in asked.metrics)}
        listed = {
            *(one.dimension_metadata.api_name for one in answer.dimension_compatibilities),
            *(one.metric_metadata.api_name for one in answer.metric_compatibilities),
        }
        if against := ", ".join(sorted(mine & listed)):
            return SourceError(where, f"GA4 calls {against} incompatible with its other fields", remedy)
        return None

    def _ask(self, call: Any, question: Any, tokens: float, what: str) -> Any:
        began = monotonic()
        answer, _, retries = self.source.ask(call, question, tokens)
        at, seconds = datetime.now(UTC), monotonic() - began
        self.fetches.append(Fetch(DEFINITIONS.name, what, None, None, 0, at, seconds, retries))
        return answer


@dataclass(frozen=True)
class PropertyFacts:
    """Who a property is, and how often its most frequent events, hosts and pages came in 28 days."""

    time_zone: str
    currency: str
    events: Mapping[str, int]
    hosts: Mapping[str, int]
    paths: Mapping[str, int]
    """Of the company's hosts."""
    quota: Mapping[str, int]
    """What is left of each."""


def property_facts(source: Source, most: int = 1_000) -> PropertyFacts:
    """One request for three reports of at most ``most`` rows. Raises SourceError, OutOfQuota."""
    property = source.property
    asked = {"eventName": "eventCount", "hostName": "eventCount", "pagePath": "screenPageViews"}
    hosts = Filter.InListFilter(values=property.hosts)
    question = BatchRunReportsRequest(
        property=f"properties/{property.property_id}",
        requests=[
            RunReportRequest(
                dimensions=[Dimension(name=property.api_name(dimension))],
                metrics=[Metric(name=property.api_name(metric))],
                date_ranges=[DateRange(start_date="28daysAgo", end_date="yesterday")],
                dimension_filter=FilterExpression(
                    filter=Filter(field_name=property.api_name("hostName"), in_list_filter=hosts)
                )
                if dimension == "pagePath"
                else None,
                order_bys=[OrderBy(metric=OrderBy.MetricOrderBy(metric_name=property.api_name(metric)), desc=True)],
                limit=most,
                return_property_quota=True,
            )
            for dimension, metric in asked.items()
        ],
    )
    answer, _, _ = source.ask(source.client.batch_run_reports, question, tokens=len(asked))
    reports = BatchRunReportsResponse.pb(answer).reports
    events, seen_hosts, paths = (
        {row.dimension_values[0].value: int(row.metric_values[0].value) for row in one.rows} for one in reports
    )
    said, quota = reports[0].metadata, reports[-1].property_quota
    left = {name.name: status.remaining for name, status in quota.ListFields()}
    return PropertyFacts(said.time_zone, said.currency_code, events, seen_hosts, paths, left)


def _fields(property: Property, report: Report) -> list[str]:
    """Our names of every field that a report asks for or filters by."""
    plain = replace(property, renamed={})
    asked = message(plain, Request(report, ANY_DAY, ANY_DAY, names=plain.names), limit=1)
    filtered = [name for part in asked.dimension_filter.and_group.expressions for name in _filtered(part)]
    named = [*(one.name for one in asked.dimensions), *(one.name for one in asked.metrics), *filtered]
    return list(dict.fromkeys(named))


def _filtered(part: FilterExpression) -> Iterator[str]:
    if "or_group" in part:
        for one in part.or_group.expressions:
            yield from _filtered(one)
    elif "not_expression" in part:
        yield from _filtered(part.not_expression)
    else:
        yield part.filter.field_name


def _name_of(property: Property, report: Report) -> str:
    said = json.dumps([property.property_id, _title(report), _fields(property, report)])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _title(report: Report) -> str:
    return f"{report.table.name} by {report.grain}"


def _once(problems: Sequence[SourceError]) -> tuple[SourceError, ...]:
    """A field that several reports miss is one problem."""
    return tuple({(one.where, one.problem): one for one in problems}.values())


def _unknown(property: Property, report: Report, field: str) -> SourceError:
    if field == property.client_id:
        scope = "Event" if field.startswith("customEvent:") else "User"
        return SourceError(
            f"{WHERE}.client_id",
            f"{field} is not a custom dimension of property {property.property_id}",
            f"register it under GA4 Admin > Custom definitions (scope {scope}, parameter {field.split(':', 1)[1]}; it "
            "begins with the day of registration), or leave client_id out",
        )
    return SourceError(
        f"{WHERE}: report {_title(report)}",
        f"property {property.property_id} knows no field {field}",
        "GA4 may have renamed it: report this to the project",
    )
