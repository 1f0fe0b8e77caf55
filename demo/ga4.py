"""The GA4 Data API v1beta, without the wire: requests and answers are Google's own protobuf messages.

It answers from the demo world as GA4 would on the morning after ``as_of``: sessions whose data arrive late are not
there yet, key events wait for their channel as Unassigned, rows come in no order unless one is asked for, and limits
and messages are GA4's. Counts of users and sessions are exact where GA4 estimates them.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
from google.analytics.data_v1beta import types

from demo import web
from demo.faults import MESSAGES, ApiError
from demo.site import FORMER_TITLE, HOST, RETITLED, RETITLED_ON, site
from demo.world import World, day_number

PROPERTY = "400000001"
TIME_ZONE, CURRENCY = "Asia/Tokyo", "JPY"
CLIENT_ID = "customEvent:client_id"
MAX_DIMENSIONS, MAX_METRICS, MAX_DATE_RANGES, MAX_BATCH = 9, 10, 4, 5
DEFAULT_LIMIT, MAX_LIMIT = 10_000, 250_000

RunReportRequest = types.RunReportRequest.pb()
RunReportResponse = types.RunReportResponse.pb()
BatchRunReportsRequest = types.BatchRunReportsRequest.pb()
BatchRunReportsResponse = types.BatchRunReportsResponse.pb()
GetMetadataRequest = types.GetMetadataRequest.pb()
Metadata = types.Metadata.pb()
CheckCompatibilityRequest = types.CheckCompatibilityRequest.pb()
CheckCompatibilityResponse = types.CheckCompatibilityResponse.pb()
Message = Any
"""A raw protobuf message: its classes are made at run time."""

# What a dimension is grouped by, and how the group is then written.
DIMENSIONS = {
    "date": ("day", "strftime({}, '%Y%m%d')"),
    "yearMonth": ("date_trunc('month', day)", "strftime({}, '%Y%m')"),
    "isoYearIsoWeek": ("date_trunc('week', day)", "strftime({}, '%G%V')"),
    "hostName": (f"'{HOST}'", "{}"),
    "pagePath": ("page", "{}::varchar"),
    "pageTitle": ("title", "{}::varchar"),
    "landingPage": ("landing", "{}::varchar"),
    "sessionDefaultChannelGroup": ("channel", "{}::varchar"),
    "sessionSourceMedium": ("source", "{}::varchar"),
    "eventName": ("event_name", "{}::varchar"),
    "newVsReturning": ("visitor", "{}::varchar"),
    "deviceCategory": ("device", "{}::varchar"),
    "country": ("country", "{}::varchar"),
    # Some browsers keep no cookie that the tag could read.
    CLIENT_ID: (
        "user_id",
        f"case when {{0}} % 29 = 0 then '(not set)' else ({{0}} % {web.CLIENT_IDS})::varchar || '.' || "
        f"(1600000000 + {{0}} // {web.CLIENT_IDS})::varchar end",
    ),
    "dateRange": ("date_range", "{}"),
}
METRICS = {
    "screenPageViews": "sum(n_views)",
    "sessions": "count(distinct session_id)",
    "engagedSessions": "count(distinct session_id) filter (engaged)",
    "keyEvents": "sum(n_key_events)",
    "totalUsers": "count(distinct user_id)",
    "activeUsers": "count(distinct user_id) filter (active)",
    "newUsers": "count(distinct user_id) filter (is_new)",
    "userEngagementDuration": "sum(seconds)",
    "scrolledUsers": "count(distinct user_id) filter (scrolled)",
    "eventCount": "sum(n_events)",
}
DEPRECATED_METRICS = {"conversions": "keyEvents"}
METADATA_COST, COMPATIBILITY_COST = 5, 1
_LEARN_MORE = (
    "To learn more about Property ID, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/property-id."
)
_SESSION = "session_id, user_id, page, title, landing, source, visitor, device, country, active, engaged, day"
# (event, condition, engaged seconds, users who scrolled)
_EVENTS = (
    ("page_view", "true", "0", "false"),
    ("session_start", "is_first", "0", "false"),
    ("first_visit", "is_new", "0", "false"),
    ("scroll", "scrolled", "0", "true"),
    ("user_engagement", "active", "seconds", "false"),
    ("engaged_60s", "seconds >= 60", "0", "false"),
    ("second_page_view", "is_second", "0", "false"),
    ("article_end", "finished", "0", "false"),
)


@dataclass
class Answers:
    """What GA4 may say of its own answers; change it while the server runs."""

    thresholded: bool = False
    sampling_rate: float | None = None
    other_row_beyond: int | None = None
    """Rows of a report by page beyond this number are one row (other)."""
    truncated: bool = False
    time_zone: str = TIME_ZONE
    custom_dimensions: tuple[str, ...] = (CLIENT_ID,)
    """Those that someone has registered."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Field -> its newer name; getMetadata calls the older one deprecated, and requests may use both."""
    former: Mapping[str, str] = field(default_factory=dict)
    """Field -> the only name that this property, an older one, knows it by."""
    incompatible: tuple[tuple[str, str], ...] = ()
    """Pairs of fields that no report may hold together."""
    tokens_per_day: int = 200_000
    tokens_per_hour: int = 40_000
    tokens_per_project_per_hour: int = 14_000
    concurrent_requests: int = 10


class Analytics:
    """One GA4 property over a world. Thread-safe; close it after use."""

    def __init__(self, world: World, answers: Answers | None = None, property_id: str = PROPERTY) -> None:
        self.answers = answers or Answers()
        self.listed = True
        """Whether the account has been added to the property, so that the Admin API lists it."""
        self.property_id = property_id
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {"day": 0, "hour": 0}
        self._hour_began = time.monotonic()
        self._running = 0
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.show(world)

    def show(self, world: World) -> None:
        """Answer from another world, the next day's for one."""
        connection = duckdb.connect(config={"threads": 2})
        _load(connection, world)
        with self._lock:
            older, self.as_of, self._connection = self._connection, world.as_of, connection
        if older:
            older.close()  # requests that are being answered have a cursor of their own

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def spent(self, bucket: Literal["day", "hour"]) -> int:
        """Tokens used since the day or hour began."""
        with self._lock:
            return self._spent[bucket]

    def run_report(self, request: Message) -> Message:
        """RunReportRequest to RunReportResponse. Raises ApiError as GA4 would."""
        self._check_property(request.property)
        self._begin()
        try:
            return self._report(request)
        finally:
            self._end()

    def batch_run_reports(self, request: Message) -> Message:
        self._check_property(request.property)
        if len(request.requests) > MAX_BATCH:
            raise _invalid(f"A batch can have at most {MAX_BATCH} requests, this one has {len(request.requests)}.")
        self._begin()
        try:
            return BatchRunReportsResponse(
                kind="analyticsData#batchRunReports", reports=[self._report(part) for part in request.requests]
            )
        finally:
            self._end()

    def get_metadata(self, request: Message) -> Message:
        self._check_property(request.name.removesuffix("/metadata"))
        self._begin()
        try:
            self._spend(METADATA_COST)
            answer = Metadata(name=request.name)
            older: dict[str, list[str]] = {}
            for alias, name in self._aliases().items():
                older.setdefault(name, []).append(alias)
            for name in self._known(DIMENSIONS):
                answer.dimensions.add(**_described(name), deprecated_api_names=older.get(name, []))
            for name in self._known(METRICS):
                kind = _metric_type(self._ours(name))
                answer.metrics.add(**_described(name), type_=kind, deprecated_api_names=older.get(name, []))
            return answer
        finally:
            self._end()

    def account_summaries(self) -> dict[str, Any]:
        """The JSON answer of the Admin API's accountSummaries.list."""
        if not self.listed:
            return {}
        property = {
            "property": f"properties/{self.property_id}",
            "displayName": "デモ帳票クラウド",
            "propertyType": "PROPERTY_TYPE_ORDINARY",
            "parent": "accounts/300000001",
        }
        return {
            "accountSummaries": [
                {
                    "name": "accountSummaries/300000001",
                    "account": "accounts/300000001",
                    "displayName": "デモ",
                    "propertySummaries": [property],
                }
            ]
        }

    def check_compatibility(self, request: Message) -> Message:
        self._check_property(request.property)
        self._begin()
        try:
            self._spend(COMPATIBILITY_COST)
            self._check_names(request)
            asked = {self._ours(one.name) for one in (*request.dimensions, *request.metrics)}
            asked |= {self._ours(name) for name in _filtered_fields(request.dimension_filter)}
            answer = CheckCompatibilityResponse()
            kinds = types.Compatibility
            for known, listed, metadata in (
                (DIMENSIONS, answer.dimension_compatibilities, "dimension_metadata"),
                (METRICS, answer.metric_compatibilities, "metric_metadata"),
            ):
                for name in self._known(known):
                    pairs = [{self._ours(name), other} for other in asked]
                    fits = not any(set(pair) in pairs for pair in self.answers.incompatible)
                    kind = int(kinds.COMPATIBLE if fits else kinds.INCOMPATIBLE)
                    if request.compatibility_filter in (0, kind):
                        getattr(listed.add(compatibility=kind), metadata).api_name = name
            return answer
        finally:
            self._end()

    def _aliases(self) -> dict[str, str]:
        """Names that are deprecated -> the names that getMetadata lists."""
        current = {name: self.answers.renamed.get(name, name) for name in (*DIMENSIONS, *METRICS)}
        older = {name: newer for name, newer in current.items() if name != newer}
        former = self.answers.former
        return older | {old: current[new] for old, new in DEPRECATED_METRICS.items() if new not in former}

    def _known(self, fields: Mapping[str, object]) -> list[str]:
        """The names that getMetadata lists."""
        said = self.answers
        names = {**said.renamed, **said.former}
        there = [name for name in fields if not name.startswith("custom") or name in said.custom_dimensions]
        return [names.get(name, name) for name in there]

    def _ours(self, name: str) -> str:
        """The name of DIMENSIONS or METRICS of a field that a request names."""
        said = self.answers
        names = {new: old for old, new in (*said.renamed.items(), *said.former.items())}
        return names.get(name) or DEPRECATED_METRICS.get(name, name)

    def _check_names(self, request: Message) -> None:
        """Every field is known to the property, and all of them go together."""
        aliases = set(self._aliases())
        dimensions = [d.name for d in request.dimensions]
        named = [*dimensions, *_filtered_fields(request.dimension_filter)]
        _check_fields(named, dimensions, set(self._known(DIMENSIONS)) | aliases, "dimension", MAX_DIMENSIONS)
        metrics = [m.name for m in request.metrics]
        _check_fields(metrics, metrics, set(self._known(METRICS)) | aliases, "metric", MAX_METRICS)
        fields = {self._ours(name): name for name in (*named, *metrics)}
        for pair in self.answers.incompatible:
            if set(pair) <= fields.keys():
                raise _invalid(
                    f"Please remove {fields[pair[1]]} to make the request compatible for example. The request's "
                    "dimensions & metrics are incompatible. To learn more, see "
                    "https://ga-dev-tools.web.app/ga4/dimensions-metrics-explorer/"
                )

    def _in_our_names(self, request: Message) -> Message:
        ours = RunReportRequest()
        ours.CopyFrom(request)
        for one in (*ours.dimensions, *ours.metrics, *_filters(ours.dimension_filter), *_filters(ours.metric_filter)):
            field = "field_name" if hasattr(one, "field_name") else "name"
            setattr(one, field, self._ours(getattr(one, field)))
        for order in ours.order_bys:
            kind = order.WhichOneof("one_order_by")
            if kind in ("metric", "dimension"):
                named = getattr(order, kind)
                setattr(named, f"{kind}_name", self._ours(getattr(named, f"{kind}_name")))
        return ours

    def _spend(self, tokens: int) -> tuple[int, int, int]:
        """Spend tokens; those of the day, those of the hour, and how many requests are running."""
        with self._lock:
            for bucket in self._spent:
                self._spent[bucket] += tokens
            return self._spent["day"], self._spent["hour"], self._running

    def _check_property(self, name: str) -> None:
        number = name.removeprefix("properties/")
        if not number.isdigit():
            raise _invalid(f"Invalid property ID: {number}. A numeric Property ID is required. {_LEARN_MORE}")
        if number != self.property_id:
            raise ApiError(
                "PERMISSION_DENIED", f"User does not have sufficient permissions for this property. {_LEARN_MORE}"
            )

    def _begin(self) -> None:
        with self._lock:
            if time.monotonic() - self._hour_began > 3600:
                self._hour_began, self._spent["hour"] = time.monotonic(), 0
            kind = None
            if self._running >= self.answers.concurrent_requests:
                kind = "429_concurrent"
            elif self._spent["day"] >= self.answers.tokens_per_day:
                kind = "429_day"
            elif self._spent["hour"] >= self.answers.tokens_per_hour:
                kind = "429_hour"
            elif self._spent["hour"] >= self.answers.tokens_per_project_per_hour:
                kind = "429_project_hour"
            if kind:
                raise ApiError("RESOURCE_EXHAUSTED", MESSAGES[kind])
            self._running += 1

    def _end(self) -> None:
        with self._lock:
            self._running -= 1

    def _report(self, request: Message) -> Message:
        self._check_names(request)
        asked_dimensions, asked_metrics = ([f.name for f in fields] for fields in (request.dimensions, request.metrics))
        request = self._in_our_names(request)
        dimensions = [d.name for d in request.dimensions]
        metrics = [m.name for m in request.metrics]
        if any(d.HasField("dimension_expression") for d in request.dimensions):
            raise _invalid("The demo has no dimension expressions.")
        if any(m.expression for m in request.metrics):
            raise _invalid("The demo has no metric expressions.")
        if not metrics and not dimensions:
            raise _invalid("A report needs at least one dimension or metric.")
        if not 1 <= len(request.date_ranges) <= MAX_DATE_RANGES:
            raise _invalid(
                f"Requests are limited to {MAX_DATE_RANGES} dateRanges and must include at least one; "
                f"this request has {len(request.date_ranges)}."
            )
        if request.limit < 0 or request.offset < 0:
            raise _invalid("The limit and the offset must not be negative.")
        with self._lock:
            if self._connection is None:
                raise ApiError("UNAVAILABLE", MESSAGES["503"])
            as_of, cursor = self.as_of, self._connection.cursor()
        ranges = [
            (r.name or f"date_range_{number}", _day(r.start_date, as_of), _day(r.end_date, as_of))
            for number, r in enumerate(request.date_ranges)
        ]
        for _, first, last in ranges:
            if first > last:
                raise _invalid(f"Invalid date range: the start date {first} is after the end date {last}.")
        if len(ranges) > 1 and "dateRange" not in dimensions:
            dimensions.append("dateRange")
        limit = min(request.limit or DEFAULT_LIMIT, MAX_LIMIT)
        values: list[Any] = []
        sql = _report_sql(request, dimensions, metrics, ranges, values, self.answers.other_row_beyond)
        columns = [list(c) for c in zip(*cursor.execute(sql, values).fetchall(), strict=True)] or [
            [] for _ in dimensions + metrics
        ]
        row_count = len(columns[0])
        answer = RunReportResponse(row_count=row_count, kind="analyticsData#runReport")
        for name in [*asked_dimensions, *dimensions[len(asked_dimensions) :]]:
            answer.dimension_headers.add(name=name)
        for asked, name in zip(asked_metrics, metrics, strict=True):
            answer.metric_headers.add(name=asked, type_=_metric_type(name))
        page = slice(request.offset, request.offset + limit)
        texts = [column[page] for column in columns]
        for row in zip(*texts, strict=True):
            added = answer.rows.add()
            for text in row[: len(dimensions)]:
                added.dimension_values.add().value = text
            for number in row[len(dimensions) :]:
                added.metric_values.add().value = str(number)
        self._describe(answer, request, sum((last - first).days + 1 for _, first, last in ranges))
        return answer

    def _describe(self, answer: Message, request: Message, days: int) -> None:
        """Fill in what GA4 says of the answer, and spend the tokens it costs."""
        said, metadata = self.answers, answer.metadata
        metadata.currency_code, metadata.time_zone = CURRENCY, said.time_zone
        metadata.subject_to_thresholding = said.thresholded
        metadata.data_loss_from_other_row = said.other_row_beyond is not None
        if said.sampling_rate is not None:
            for _ in request.date_ranges:
                metadata.sampling_metadatas.add(
                    samples_read_count=int(10_000_000 * said.sampling_rate), sampling_space_size=10_000_000
                )
        if said.truncated:
            _add_truncation(metadata)
        columns = len(request.dimensions) + len(request.metrics)
        cost = 1 + len(answer.rows) // 2000 + days * columns // 500
        day, hour, running = self._spend(cost)
        if request.return_property_quota:
            for name, consumed, remaining in (
                ("tokens_per_day", cost, said.tokens_per_day - day),
                ("tokens_per_hour", cost, said.tokens_per_hour - hour),
                ("tokens_per_project_per_hour", cost, said.tokens_per_project_per_hour - hour),
                ("concurrent_requests", 0, said.concurrent_requests - running),
                ("server_errors_per_project_per_hour", 0, 10),
                ("potentially_thresholded_requests_per_hour", 0, 120),
            ):
                status = getattr(answer.property_quota, name)
                status.consumed, status.remaining = consumed, max(0, remaining)


def _load(connection: duckdb.DuckDBPyConnection, world: World) -> None:
    """Tables of what GA4 has received by ``as_of``: ``views``, and ``events`` as a view of it."""
    visits, views = world.visits, world.views
    as_of = day_number(world.as_of)
    session = views["session"].to_numpy()
    n = len(visits)
    seconds = np.bincount(session, views["seconds"], minlength=n)
    engaged = (seconds >= 10) | (np.bincount(session, minlength=n) >= 2) | (visits["conversion"].to_numpy() > 0)
    received = visits["arrived"].to_numpy() <= as_of
    kept = received[session]
    session, views = session[kept], views[kept]

    def words(codes: Any, names: tuple[str, ...]) -> Any:
        """Numbers as words, each word once."""
        distinct = list(dict.fromkeys(names))
        place = np.array([distinct.index(name) for name in names])
        return pd.Categorical.from_codes(place[np.asarray(codes)], categories=pd.Index(distinct))

    def of_session(column: str) -> Any:
        return visits[column].to_numpy()[session]

    pages = site()
    is_former = (views["page"].to_numpy() == pages.paths.index(RETITLED)) & (views["day"].to_numpy() < RETITLED_ON)
    number, ordinal = of_session("number"), views["ordinal"].to_numpy()
    frame = pd.DataFrame(
        {
            "day": views["day"].to_numpy().astype("datetime64[D]"),
            "session_id": session,
            "user_id": views["user"].to_numpy(),
            "page": words(views["page"], pages.paths),
            "title": words(np.where(is_former, len(pages.paths), views["page"]), (*pages.page_titles, FORMER_TITLE)),
            "landing": words(of_session("landing"), pages.paths),
            "channel": words(of_session("channel"), web.CHANNELS),
            "source": words(of_session("channel"), web.SOURCES),
            "visitor": words(np.minimum(number - 1, 1), ("new", "returning")),
            "device": words(of_session("device"), web.DEVICES),
            "country": words(of_session("country"), web.COUNTRIES),
            "seconds": views["seconds"].to_numpy(),
            "active": views["seconds"].to_numpy() > 0,
            "scrolled": views["scrolled"].to_numpy(),
            "finished": views["finished"].to_numpy(),
            "engaged": engaged[session],
            "is_first": ordinal == 0,
            "is_second": ordinal == 1,
            "is_new": (ordinal == 0) & (number == 1),
            "key_event": words(views["conversion"], web.KEY_EVENTS),
            "unattributed": of_session("attributed") > as_of,
        }
    )
    connection.register("frame", frame)
    connection.execute(
        "create table views as select * replace (day::date as day), "
        "1 as n_views, (key_event <> '')::tinyint as n_key_events, (1 + is_first::int + is_new::int + is_second::int "
        "+ scrolled::int + finished::int + active::int + (seconds >= 60)::int + (key_event <> '')::int) as n_events "
        "from frame"
    )
    connection.unregister("frame")
    branches = [
        f"select {_SESSION}, channel::varchar as channel, {seconds} as seconds, {scrolled} as scrolled, 1 as n_events, "
        f"'{name}' as event_name, {int(name == 'page_view')} as n_views, 0 as n_key_events, "
        f"{name == 'first_visit'} as is_new from views where {condition}"
        for name, condition, seconds, scrolled in _EVENTS
    ]
    branches += [
        f"select {_SESSION}, case when unattributed then 'Unassigned' else channel::varchar end as channel, "
        f"0 as seconds, false as scrolled, 1 as n_events, '{name}' as event_name, 0 as n_views, 1 as n_key_events, "
        f"false as is_new from views where key_event = '{name}'"
        for name in web.KEY_EVENTS[1:]
    ]
    connection.execute("create view events as " + " union all ".join(branches))


def _report_sql(
    request: Message,
    dimensions: list[str],
    metrics: list[str],
    ranges: list[tuple[str, date, date]],
    values: list[Any],
    other_row_beyond: int | None,
) -> str:
    """The report as SQL; what comes from the request goes to ``values`` or is on the lists of this module."""
    fields = set(dimensions) | set(_filtered_fields(request.dimension_filter))
    relation = "events" if "eventName" in fields else "views"
    filtered: list[Any] = []
    condition = _filter_sql(request.dimension_filter, _dimension_text, _DIMENSION_FILTERS, filtered, "dimension")
    spans = []
    for name, first, last in ranges:
        spans.append(f"select *, ? as date_range from {relation} where day between ? and ? and {condition}")
        values += [name, first, last, *filtered]
    keys = [DIMENSIONS[name][0] for name in dimensions]
    if other_row_beyond is not None and "pagePath" in dimensions:
        most_viewed = f"select page from views group by page order by count(*) desc, page limit {other_row_beyond:d}"
        keys[dimensions.index("pagePath")] = f"case when page in ({most_viewed}) then page::varchar else '(other)' end"
    grouped = [f"{key} as d{number}" for number, key in enumerate(keys)]
    measured = [f"coalesce({METRICS[name]}, 0)::bigint as m{number}" for number, name in enumerate(metrics)]
    by = f" group by {', '.join(str(number + 1) for number in range(len(keys)))}" if keys else ""
    groups = f"select {', '.join(grouped + measured)} from ({' union all '.join(spans)}){by}"
    written = [DIMENSIONS[name][1].format(f"d{number}") + f" as d{number}" for number, name in enumerate(dimensions)]
    counts = [f"m{number}" for number in range(len(metrics))]

    def metric_text(name: str) -> str:
        return f"m{_place(metrics, name, 'metric')}"

    wheres = [_filter_sql(request.metric_filter, metric_text, _METRIC_FILTERS, values, "metric")]
    if counts and not request.keep_empty_rows:
        wheres.append("(" + " or ".join(f"{count} <> 0" for count in counts) + ")")
    order = [_order_sql(order, dimensions, metrics) for order in request.order_bys]
    # GA4 promises no order unless one is asked for, and a page may come in another order than the last.
    order.append(f"hash({', '.join([*(f'd{number}' for number in range(len(keys))), f'{request.offset:d}'])})")
    rows = f"select {', '.join(written + counts)} from ({groups})"
    return f"select * from ({rows}) where {' and '.join(wheres)} order by {', '.join(order)}"


def _dimension_text(name: str) -> str:
    if name not in DIMENSIONS or name == "dateRange":
        raise _unknown(name, "dimension")
    grouped, written = DIMENSIONS[name]
    return "(" + written.format(grouped) + ")"


def _string_filter(text: str, spec: Message, values: list[Any]) -> str:
    kinds = types.Filter.StringFilter.MatchType
    fold = (lambda x: x) if spec.case_sensitive else (lambda x: f"lower({x})")
    left, right = fold(text), fold("?::varchar")
    option = "'c'" if spec.case_sensitive else "'i'"
    values.append(spec.value)
    match kinds(spec.match_type):
        case kinds.EXACT | kinds.MATCH_TYPE_UNSPECIFIED:
            return f"{left} = {right}"
        case kinds.BEGINS_WITH:
            return f"starts_with({left}, {right})"
        case kinds.ENDS_WITH:
            return f"ends_with({left}, {right})"
        case kinds.CONTAINS:
            return f"contains({left}, {right})"
        case kinds.FULL_REGEXP:
            return f"regexp_full_match({text}, ?, {option})"
        case kinds.PARTIAL_REGEXP:
            return f"regexp_matches({text}, ?, {option})"
    raise _invalid("The match type of a string filter is unknown.")


def _in_list(text: str, spec: Message, values: list[Any]) -> str:
    if not spec.values:
        raise _invalid("An inListFilter needs at least one value.")
    values += [value if spec.case_sensitive else value.lower() for value in spec.values]
    return f"{text if spec.case_sensitive else f'lower({text})'} in ({', '.join('?' for _ in spec.values)})"


def _number(value: Message) -> float:
    return float(value.int64_value if value.WhichOneof("one_value") == "int64_value" else value.double_value)


def _numeric(text: str, spec: Message, values: list[Any]) -> str:
    operations = types.Filter.NumericFilter.Operation
    signs = {
        operations.EQUAL: "=",
        operations.LESS_THAN: "<",
        operations.LESS_THAN_OR_EQUAL: "<=",
        operations.GREATER_THAN: ">",
        operations.GREATER_THAN_OR_EQUAL: ">=",
    }
    values.append(_number(spec.value))
    return f"try_cast({text} as double) {signs[operations(spec.operation)]} ?"


def _between(text: str, spec: Message, values: list[Any]) -> str:
    values += [_number(spec.from_value), _number(spec.to_value)]
    return f"try_cast({text} as double) between ? and ?"


def _empty(text: str, spec: Message, values: list[Any]) -> str:
    return f"{text} in ('', '(not set)')"


_Filter = Callable[[str, Message, list[Any]], str]
_METRIC_FILTERS: dict[str, _Filter] = {"numeric_filter": _numeric, "between_filter": _between}
_DIMENSION_FILTERS: dict[str, _Filter] = {
    "string_filter": _string_filter,
    "in_list_filter": _in_list,
    "empty_filter": _empty,
    **_METRIC_FILTERS,
}


def _filter_sql(
    expression: Message, text_of: Callable[[str], str], filters: dict[str, _Filter], values: list[Any], scope: str
) -> str:
    kind = expression.WhichOneof("expr")
    if kind is None:
        return "true"
    if kind in ("and_group", "or_group"):
        parts = [_filter_sql(part, text_of, filters, values, scope) for part in getattr(expression, kind).expressions]
        if not parts:
            raise _invalid("An andGroup or orGroup needs at least one expression.")
        return "(" + (" and " if kind == "and_group" else " or ").join(parts) + ")"
    if kind == "not_expression":
        return f"not ({_filter_sql(expression.not_expression, text_of, filters, values, scope)})"
    name, one = expression.filter.field_name, expression.filter.WhichOneof("one_filter")
    if one not in filters:
        raise _invalid(f"The filter on {name} is empty or not one for a {scope}.")
    return "(" + filters[one](text_of(name), getattr(expression.filter, one), values) + ")"


def _filters(expression: Message) -> list[Message]:
    """The single filters of an expression."""
    kind = expression.WhichOneof("expr")
    if kind in ("and_group", "or_group"):
        return [one for part in getattr(expression, kind).expressions for one in _filters(part)]
    if kind == "not_expression":
        return _filters(expression.not_expression)
    return [expression.filter] if kind == "filter" else []


def _filtered_fields(expression: Message) -> list[str]:
    return [one.field_name for one in _filters(expression)]


def _order_sql(order: Message, dimensions: list[str], metrics: list[str]) -> str:
    kind = order.WhichOneof("one_order_by")
    if kind == "metric":
        text = f"m{_place(metrics, order.metric.metric_name, 'metric')}"
    elif kind == "dimension":
        text = f"d{_place(dimensions, order.dimension.dimension_name, 'dimension')}"
        orders = types.OrderBy.DimensionOrderBy.OrderType
        if order.dimension.order_type == orders.NUMERIC:
            text = f"try_cast({text} as double)"
        elif order.dimension.order_type == orders.CASE_INSENSITIVE_ALPHANUMERIC:
            text = f"lower({text})"
    else:
        raise _invalid("An orderBy names a metric or a dimension.")
    return text + (" desc" if order.desc else "")


def _place(names: list[str], name: str, scope: str) -> int:
    if name not in names:
        raise _invalid(f"Field {name} is ordered or filtered by but is not among the {scope}s of the request.")
    return names.index(name)


def _day(text: str, as_of: date) -> date:
    """A date of a request; GA4's today is the day after ``as_of``."""
    today = as_of + timedelta(days=1)
    if text == "today":
        return today
    if text == "yesterday":
        return as_of
    if ago := re.fullmatch(r"(\d+)daysAgo", text):
        return today - timedelta(days=int(ago[1]))
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else date.fromisoformat("")
    except ValueError:
        raise _invalid(f"Invalid date: {text!r}. Dates are YYYY-MM-DD, yesterday, today or NdaysAgo.") from None


def _check_fields(named: list[str], columns: list[str], known: set[str], scope: str, most: int) -> None:
    """``named`` are all fields of a request, filters included, ``columns`` those that it asks to be shown."""
    if len(columns) > most:
        raise _invalid(f"Requests are limited to {most} {scope}s, this one has {len(columns)}.")
    for name in named:
        if name not in known:
            raise _unknown(name, scope)
    if len(set(columns)) < len(columns):
        raise _invalid(f"A {scope} is named twice.")


def _described(name: str) -> dict[str, Any]:
    words = _spaced(name)
    return {
        "api_name": name, "ui_name": words, "description": f"{words}.", "category": "Demo",
        "custom_definition": name.startswith("custom"),
    }  # fmt: skip


def _metric_type(name: str) -> int:
    kind = types.MetricType.TYPE_SECONDS if name == "userEngagementDuration" else types.MetricType.TYPE_INTEGER
    return int(kind)


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _invalid(message: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", message, reason="badRequest")


def _unknown(name: str, scope: str) -> ApiError:
    return _invalid(
        f"Field {name} is not a valid {scope}. For a list of valid dimensions and metrics, see "
        "https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema "
    )


def _add_truncation(metadata: Message) -> None:
    reason = metadata.data_truncation_reasons.add()
    kinds = reason.DESCRIPTOR.fields_by_name["data_truncation_type"].enum_type.values_by_name
    reason.data_truncation_type = kinds["DATA_TRUNCATION_TYPE_PROPERTY"].number
    reason.data_truncation_date = "2025-01-01"
    reason.data_truncation_message = "Data before this date is beyond the property's data retention."
