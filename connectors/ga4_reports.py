"""What is asked of GA4 for a span of days, and what its answers hold. Everything here is pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pyarrow as pa
import pyarrow.compute as pc
from google.analytics.data_v1beta.types import (
    DateRange,
    Dimension,
    Filter,
    FilterExpression,
    FilterExpressionList,
    Metric,
    OrderBy,
    RunReportRequest,
)

from connectors.errors import SourceError
from connectors.ga4_tables import (
    API_NAMES,
    ARTICLE_ENDS,
    ARTICLE_USERS,
    CHANNEL_KEY_EVENTS,
    CLIENT_DAYS,
    EVENT_DAYS,
    EVENT_USERS,
    LANDING_DAYS,
    NEW_RETURNING_MONTHS,
    ONWARD_DAYS,
    PAGE_DAYS,
    PAGE_ENDS,
    PAGE_MONTHS,
    PAGE_TITLES,
    SITE_DAYS,
    USERS,
)
from connectors.personal import EMAIL_ADDRESS, PHONE_NUMBER, REDACTED, Pseudonyms, redacted
from connectors.table import Table

WHERE = "company.yml: sources.ga4"
ONE_DAY = timedelta(days=1)
REPORTS_PER_BATCH, PAGE_ROWS = 5, 250_000
ROWS_PER_RECORD_BATCH = 10_000  # small enough to stay in the processor's cache
OPEN_TEXTS = ("path", "landing_path", "source_medium", "title")
"""Columns that hold what a link, a campaign parameter or a page says, which may be about a person."""
_PERSONAL = f"{EMAIL_ADDRESS}|{PHONE_NUMBER}|{re.escape(REDACTED)}"  # GA4 itself writes (redacted) for an address
PERIOD_DIMENSIONS = {"week": "isoYearIsoWeek", "month": "yearMonth"}  # a quarter is asked for by its days
GRAINS = ("week", "month", "quarter")


@dataclass(frozen=True)
class Property:
    """A company's GA4 property: its hosts, its articles and what its events mean (meaning -> event name)."""

    property_id: str
    hosts: tuple[str, ...]
    article_paths: tuple[str, ...] = ()
    events: Mapping[str, str] = field(default_factory=dict)
    fiscal_year_start: int = 1
    """Month 1-12."""
    reserve: float = 0.2
    """The share of each token quota that is left to the property's other users."""
    timezone: str = ""
    """The company's, which the property's days are compared with; empty: with none."""
    client_id: str | None = None
    """The custom dimension that holds GA4's client id, such as customEvent:client_id."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Our name of a field -> this property's, where it knows it by another one."""

    def api_name(self, name: str) -> str:
        return self.renamed.get(name, name)

    @property
    def names(self) -> Mapping[str, str]:
        """Column -> the API name of its dimension or metric."""
        names = API_NAMES | ({"client_id": self.client_id} if self.client_id else {})
        return {column: self.api_name(name) for column, name in names.items()}


@dataclass(frozen=True)
class Report:
    """A table at one grain; ``only`` narrows it to articles, their clients or ends, the configured events or one."""

    table: Table
    grain: str = "day"
    only: str | None = None


# In this order each batch of five holds one report that can be large, which bounds the memory of an answer.
REPORTS = (
    Report(SITE_DAYS),
    Report(PAGE_DAYS),
    *(Report(USERS, grain) for grain in GRAINS),
    Report(LANDING_DAYS),
    Report(ONWARD_DAYS, only="second_page"),
    *(Report(ARTICLE_USERS, grain, only="articles") for grain in GRAINS),
    Report(EVENT_DAYS, only="events"),
    Report(CHANNEL_KEY_EVENTS),
    *(Report(EVENT_USERS, grain, only="events") for grain in GRAINS),
    Report(PAGE_MONTHS, "month"),
    Report(NEW_RETURNING_MONTHS, "month"),
    Report(PAGE_TITLES, "month", only="articles"),
    *(Report(ARTICLE_ENDS, grain, only="article_ends") for grain in GRAINS),
    Report(PAGE_ENDS, "month", only="article_ends"),
    Report(CLIENT_DAYS, only="clients"),
)


@dataclass(frozen=True)
class Request:
    """A report over ``first..last``. ``period_start`` is set where the whole answer is one period."""

    report: Report
    first: date
    last: date
    period_start: date | None = None
    names: Mapping[str, str] = field(default_factory=lambda: API_NAMES)

    @property
    def dimensions(self) -> dict[str, str]:
        """Column -> dimension, in the order of the answer."""
        names = {**self.names, "period_start": PERIOD_DIMENSIONS.get(self.report.grain)}
        return {column: name for column in self.report.table.key if (name := names.get(column))}

    @property
    def metrics(self) -> dict[str, str]:
        """Column -> metric, in the order of the answer."""
        table = self.report.table
        return {column: self.names[column] for column in table.schema.names if column not in table.key}

    def __str__(self) -> str:
        return f"{self.report.grain} {','.join([*self.dimensions.values(), *self.metrics.values()])}"


@dataclass(frozen=True)
class Reading:
    """The requests whose answers together replace ``start..end`` of a table; none where nothing can be measured."""

    table: Table
    start: date
    end: date
    requests: tuple[Request, ...]


def readings(property: Property, first: date, last: date, start: date, through: date) -> list[Reading]:
    """Everything to read for the new days ``first..last`` of one fiscal quarter, one reading per table.

    Nothing before ``start`` is asked for. Periods are read whole, as far as ``through`` has come.
    """
    plan: dict[str, Reading] = {}
    for report in REPORTS:
        since, until = report.table.span(first, last)
        since = max(since, start)
        quarter = quarter_start(since, property.fiscal_year_start)
        requests = tuple(
            Request(
                report,
                max(begin, start),
                min(end, through),
                begin if report.grain == "quarter" else None,
                property.names,
            )
            for begin, end in _windows(report.grain, since, until, quarter)
            if is_measured(property, report)
        )
        earlier = plan.get(report.table.name)
        plan[report.table.name] = Reading(
            report.table,
            since if report.grain == "day" else monday(quarter),
            until,
            (earlier.requests if earlier else ()) + requests,
        )
    return list(plan.values())


def _windows(grain: str, since: date, until: date, quarter: date) -> list[tuple[date, date]]:
    """Whole periods that hold ``quarter..until``, or the days ``since..until`` themselves."""
    if grain == "day":
        return [(since, until)]
    if grain == "week":
        return [(monday(quarter), monday(until) + 6 * ONE_DAY)]
    if grain == "month":
        return [(quarter, months_after(until.replace(day=1), 1) - ONE_DAY)]
    starts = [quarter]
    while (following := months_after(starts[-1], 3)) <= until:
        starts.append(following)
    return [(begin, months_after(begin, 3) - ONE_DAY) for begin in starts]


def quarters(first: date, last: date, fiscal_year_start: int) -> Iterator[tuple[date, date]]:
    """Cut ``first..last`` at the fiscal quarters."""
    while first <= last:
        end = min(last, months_after(quarter_start(first, fiscal_year_start), 3) - ONE_DAY)
        yield first, end
        first = end + ONE_DAY


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def quarter_start(day: date, fiscal_year_start: int) -> date:
    return months_after(day.replace(day=1), -((day.month - fiscal_year_start) % 3))


def months_after(month: date, count: int) -> date:
    """The first of the month ``count`` months after the first of a month."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def is_measured(property: Property, report: Report) -> bool:
    """Whether the company measures what the report holds."""
    return _only(property, report.only) is not None


def measured_tables(property: Property) -> list[Table]:
    """The tables that GA4 is asked for."""
    return list({report.table.name: report.table for report in REPORTS if is_measured(property, report)}.values())


def message(property: Property, wanted: Request, limit: int, offset: int = 0) -> RunReportRequest:
    """A request as GA4 takes it, ordered by every dimension so that its pages neither overlap nor leave gaps."""
    dimensions = list(wanted.dimensions.values())
    narrowed = [_in_list(property, "hostName", property.hosts), *(_only(property, wanted.report.only) or [])]
    return RunReportRequest(
        property=f"properties/{property.property_id}",
        dimensions=[Dimension(name=name) for name in dimensions],
        metrics=[Metric(name=name) for name in wanted.metrics.values()],
        date_ranges=[DateRange(start_date=wanted.first.isoformat(), end_date=wanted.last.isoformat())],
        dimension_filter=FilterExpression(and_group=FilterExpressionList(expressions=narrowed)),
        order_bys=[OrderBy(dimension=OrderBy.DimensionOrderBy(dimension_name=name)) for name in dimensions],
        limit=limit,
        offset=offset,
        return_property_quota=True,
    )


def _only(property: Property, only: str | None) -> list[FilterExpression] | None:
    """The filters of a narrowed report; ``None`` where the company measures no such thing."""
    events = property.events
    match only:
        case None:
            return []
        case "articles":
            articles = _articles(property)
            return [articles] if articles else None
        case "clients":
            articles = _articles(property)
            return [articles, _is_set(property.client_id)] if articles and property.client_id else None
        case "article_ends":
            articles, end = _articles(property), events.get("end_of_article")
            return [articles, _in_list(property, "eventName", (end,), True)] if articles and end else None
        case _:
            wanted = tuple(dict.fromkeys(events.values())) if only == "events" else (events.get(only),)
            names = tuple(name for name in wanted if name)
            return [_in_list(property, "eventName", names, case_sensitive=True)] if names else None


def _articles(property: Property) -> FilterExpression | None:
    begins = [
        FilterExpression(
            filter=Filter(
                field_name=property.api_name("pagePath"),
                string_filter=Filter.StringFilter(
                    match_type=Filter.StringFilter.MatchType.BEGINS_WITH, value=path, case_sensitive=True
                ),
            )
        )
        for path in property.article_paths
    ]
    return FilterExpression(or_group=FilterExpressionList(expressions=begins)) if begins else None


def _is_set(dimension: str) -> FilterExpression:
    """Neither empty nor (not set)."""
    empty = Filter(field_name=dimension, empty_filter=Filter.EmptyFilter())
    return FilterExpression(not_expression=FilterExpression(filter=empty))


def _in_list(
    property: Property, dimension: str, values: tuple[str, ...], case_sensitive: bool = False
) -> FilterExpression:
    listed = Filter.InListFilter(values=values, case_sensitive=case_sensitive)
    return FilterExpression(filter=Filter(field_name=property.api_name(dimension), in_list_filter=listed))


def record_batches(
    report: Any, wanted: Request, held: list[pa.RecordBatch], pseudonyms: Pseudonyms | None = None
) -> Iterator[pa.RecordBatch]:
    """Decode a protobuf RunReportResponse (not proto-plus, which is seven times slower) to the table's columns.

    Paths lose the personal data in them, and client ids become pseudonyms. Rows whose key may thereby be another
    row's, of a later page perhaps, go to ``held``: :func:`summed` makes one of them when all pages are read.
    """
    names = [header.name for header in (*report.dimension_headers, *report.metric_headers)]
    if report.rows and names != [*wanted.dimensions.values(), *wanted.metrics.values()]:
        raise incomplete(f"the columns {', '.join(names)} for {wanted}")
    rows = iter(report.rows)
    while some := list(islice(rows, ROWS_PER_RECORD_BATCH)):
        dimensions = [value.value for row in some for value in row.dimension_values]
        metrics = [value.value for row in some for value in row.metric_values]
        values = {column: dimensions[at :: len(wanted.dimensions)] for at, column in enumerate(wanted.dimensions)}
        values |= {column: metrics[at :: len(wanted.metrics)] for at, column in enumerate(wanted.metrics)}
        batch = pa.RecordBatch.from_arrays(
            [_array(column, values.get(column.name), len(some), wanted) for column in wanted.report.table.schema],
            schema=wanted.report.table.schema,
        )
        if "client_id" in values:
            held.append(_pseudonymous(_impersonal(batch)[0], pseudonyms))
            continue
        batch, touched = _impersonal(batch)
        if touched is not None:
            held.append(batch.filter(touched))
            batch = batch.filter(pc.invert(touched))
        yield batch


def _impersonal(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array | None]:
    """The batch without e-mail addresses and phone numbers in its texts, and the rows that had them (None: no row)."""
    touched = None
    for column in OPEN_TEXTS:
        if column not in batch.schema.names:
            continue
        # Few rows have anything to hide and many share a path: each path is looked at once.
        paths = pc.unique(batch[column])
        suspect = paths.filter(pc.match_substring_regex(paths, _PERSONAL))
        if not len(suspect):
            continue
        clean = {path: redacted(path) for path in suspect.to_pylist()}
        clean = {path: text for path, text in clean.items() if REDACTED in text}
        if not clean:
            continue
        values = batch[column].to_pylist()
        at = batch.schema.get_field_index(column)
        named = pa.array([clean.get(path, path) for path in values], pa.string())
        batch = batch.set_column(at, batch.schema[at], named)
        touched = pa.array([path in clean for path in values])
    return batch, touched


def _pseudonymous(batch: pa.RecordBatch, pseudonyms: Pseudonyms | None) -> pa.RecordBatch:
    """The batch with pseudonyms for client ids, without the rows that have none or are of someone forgotten."""
    if pseudonyms is None:
        raise ValueError("client ids are kept as pseudonyms: hand over the company's")
    values = [value.strip() for value in batch["client_id"].to_pylist()]
    called = {value: pseudonyms.of(value) for value in set(values) if value not in ("", "(not set)")}
    called = {value: name for value, name in called.items() if not pseudonyms.is_forgotten("client_id", name)}
    at = batch.schema.get_field_index("client_id")
    array = pa.array([called.get(value) for value in values], pa.string())
    return batch.set_column(at, pa.field("client_id", pa.string()), array).filter(pc.is_valid(array)).cast(batch.schema)


def summed(held: Sequence[pa.RecordBatch], table: Table) -> Iterator[pa.RecordBatch]:
    """One row per key of the rows that :func:`record_batches` held back. Users add up too, as nothing else can."""
    if held:
        metrics = [name for name in table.schema.names if name not in table.key]
        rows = pa.Table.from_batches(held).group_by(list(table.key)).aggregate([(name, "sum") for name in metrics])
        rows = rows.rename_columns([name.removesuffix("_sum") for name in rows.schema.names])
        yield from rows.select(table.schema.names).cast(table.schema).to_batches()


def _array(column: pa.Field, values: list[str] | None, rows: int, wanted: Request) -> pa.Array:
    if values is None:  # not asked for: the same in every row of this answer
        value = wanted.report.grain if column.name == "grain" else wanted.period_start
        return pa.array([value] * rows, column.type)
    if column.type == pa.date32():
        days = {value: parse_period(value, wanted.report.grain) for value in set(values)}
        return pa.array([days[value] for value in values], column.type)
    if column.type == pa.int64():
        # keyEvents is of type FLOAT ("3" or "3.0"), and a fraction where GA4 scaled a sample up.
        try:
            return pc.cast(pa.array(values, pa.string()), pa.int64())
        except pa.ArrowInvalid:
            return pc.cast(pc.round(pc.cast(pa.array(values, pa.string()), pa.float64())), pa.int64())
    return pc.cast(pa.array(values, pa.string()), column.type)


def parse_period(value: str, grain: str) -> date:
    """The first day of GA4's ``date`` (20261121), ``isoYearIsoWeek`` (202647) or ``yearMonth`` (202611)."""
    try:
        if grain == "week":
            return date.fromisocalendar(int(value[:4]), int(value[4:]), 1)
        return date(int(value[:4]), int(value[4:6]), int(value[6:]) if grain == "day" else 1)
    except ValueError:
        raise incomplete(f"{value!r} where a {grain} belongs") from None


def flags(metadata: Any, timezone: str = "") -> tuple[str, ...]:
    """What GA4 says of the answer, from a protobuf ResponseMetaData; ``timezone`` is the company's."""
    said = {
        "sampled": metadata.sampling_metadatas,
        "thresholded": metadata.subject_to_thresholding,
        "other_row": metadata.data_loss_from_other_row,
        "truncated": metadata.data_truncation_reasons,
        "restricted": metadata.schema_restriction_response.active_metric_restrictions,
        "timezone_differs": timezone and metadata.time_zone and not same_days(metadata.time_zone, timezone),
    }
    return tuple(flag for flag, is_so in said.items() if is_so)


@cache
def same_days(one: str, other: str) -> bool:
    """Whether days begin at the same moments in two zones: Asia/Calcutta and Asia/Kolkata are two names of one."""
    if one == other:
        return True
    if not {one, other} <= available_timezones():
        return False
    hours = [datetime(year, month, 15, 12) for year in (2025, 2026) for month in range(1, 13)]
    zones = [ZoneInfo(name) for name in (one, other)]
    return all(len({hour.replace(tzinfo=zone).utcoffset() for zone in zones}) == 1 for hour in hours)


def incomplete(what: str) -> SourceError:
    """An answer that must not be kept."""
    return SourceError(WHERE, f"the answer is incomplete: {what}", "the rows from before are kept; run again")
