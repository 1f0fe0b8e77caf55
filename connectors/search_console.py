"""Search Console searchanalytics.query.

Days are days of Pacific time and come two or three days late; the last ones still grow, and the answer by date
names the first of them. Rows with a query leave anonymised queries out, and a day gives at most 50,000 rows of
each kind. A URL may carry a person's data in its query string or fragment: both are cut off before anything lands.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

import httplib2
import pyarrow as pa
from google.auth.credentials import AnonymousCredentials, Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import Resource, build
from googleapiclient.errors import HttpError

from connectors import google
from connectors.errors import OutOfQuota, SourceError
from connectors.table import Fetch, Load, Table, columns

API = google.SEARCH_CONSOLE
SCOPES = ("https://www.googleapis.com/auth/webmasters.readonly",)
MOST_ROWS_A_DAY = 50_000
DAY, TEXT, NUMBER = pa.date32(), pa.string(), pa.float64()
MEASURES = {"clicks": pa.int64(), "impressions": pa.int64(), "position": NUMBER}

# fmt: off
DAYS = Table(
    "search_console_days",
    "One row per day (Pacific time): clicks, impressions, mean position, and whether the day is final.",
    columns({"date_on": DAY, **MEASURES, "is_final": pa.bool_()}),
    key=("date_on",), date_column="date_on",
)
PAGE_DAYS = Table(
    "search_console_page_days",
    "One row per day and page.",
    columns({"date_on": DAY, "host": TEXT, "path": TEXT, **MEASURES}),
    key=("date_on", "host", "path"), date_column="date_on",
)
QUERY_DAYS = Table(
    "search_console_query_days",
    "One row per day and query; anonymised queries are missing.",
    columns({"date_on": DAY, "query": TEXT, **MEASURES}),
    key=("date_on", "query"), date_column="date_on",
)
PAGE_QUERY_DAYS = Table(
    "search_console_page_query_days",
    "One row per day, page and query; anonymised queries are missing.",
    columns({"date_on": DAY, "host": TEXT, "path": TEXT, "query": TEXT, **MEASURES}),
    key=("date_on", "host", "path", "query"), date_column="date_on",
)
TABLES = (DAYS, PAGE_DAYS, QUERY_DAYS, PAGE_QUERY_DAYS)
DETAILS = (PAGE_DAYS, QUERY_DAYS, PAGE_QUERY_DAYS)
DIMENSIONS = {
    DAYS.name: ["date"], PAGE_DAYS.name: ["page"], QUERY_DAYS.name: ["query"], PAGE_QUERY_DAYS.name: ["page", "query"]
}
# fmt: on

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """How much is asked for at once, and the first pause before a further try."""

    page_rows: int = 25_000
    pause_seconds: float = 1.0


def service(endpoint: str | None, credentials: Credentials, timeout_seconds: float = 60.0) -> Resource:
    """A client for Google's own endpoint (``None``) or another URL. It is not for use by several threads.

    Raises SourceError for anonymous credentials without an endpoint.
    """
    anonymous = isinstance(credentials, AnonymousCredentials)
    if anonymous and endpoint is None:
        raise API.without_credentials()
    if anonymous:
        http = httplib2.Http(timeout=timeout_seconds, proxy_info=None)
    else:
        http = AuthorizedHttp(credentials, httplib2.Http(timeout=timeout_seconds))
    options = {"api_endpoint": endpoint.rstrip("/") + "/"} if endpoint else {}
    return build("searchconsole", "v1", http=http, static_discovery=True, cache_discovery=False, client_options=options)


def permissions(service: Resource) -> dict[str, str]:
    """Each property that the account was added to, and its permission there, such as siteFullUser.

    Raises one of google.ERRORS.
    """
    answer = service.sites().list().execute()
    return {site["siteUrl"]: site["permissionLevel"] for site in answer.get("siteEntry", [])}


def last_final_day(service: Resource, site_url: str, today: date) -> date | None:
    """The last day that will not change any more, of the last ten; None without any. Raises one of google.ERRORS."""
    first = today - timedelta(days=10)
    question = {"startDate": str(first), "endDate": str(today), "dimensions": ["date"], "dataState": "all"}
    answer = service.searchanalytics().query(siteUrl=site_url, body=question).execute()
    days = day_batch([answer]).to_pylist()
    return max((day["date_on"] for day in days if day["is_final"]), default=None)


def load(service: Resource, site_url: str, first: date, last: date, limits: Limits = Limits()) -> Iterator[Load]:
    """Read ``first..last``, one calendar month after the other, with four Loads a month, to be drawn in order.

    The Load of DAYS is the last one: once it is kept, its days and their details are complete, and the earliest day
    that is missing there or not final is the one to go on from. Raises SourceError, OutOfQuota.
    """
    site = _Site(service, site_url, limits)
    for start, end in _months(first, last):
        fetches: dict[str, list[Fetch]] = {table.name: [] for table in DETAILS}
        # Drawn with the first Load, where its Fetch is found, and handed over with the last.
        days = cache(partial(site.days, start, end, fetches[PAGE_DAYS.name]))
        for table in DETAILS:
            yield Load(table, start, end, site.details(table, days, fetches[table.name]), fetches[table.name])
        yield Load(DAYS, start, end, iter([days()]), [])
        site.kept = f"everything up to {end}"


@dataclass
class _Site:
    """The site while it is read, and what a stop would keep."""

    service: Any
    site_url: str
    limits: Limits
    kept: str = "what was there"

    def days(self, start: date, end: date, fetches: list[Fetch]) -> pa.RecordBatch:
        return day_batch(list(self.answers(DAYS, start, end, fetches)))

    def details(
        self, table: Table, days: Callable[[], pa.RecordBatch], fetches: list[Fetch]
    ) -> Iterator[pa.RecordBatch]:
        for day in days()["date_on"].to_pylist():
            rows: dict[tuple[str, ...], Row] = {}
            for answer in self.answers(table, day, day, fetches):
                rows |= {tuple(row["keys"]): row for row in answer.get("rows", [])}
            yield record_batch(table, day, rows.values())

    def answers(self, table: Table, start: date, end: date, fetches: list[Fetch]) -> Iterator[dict[str, Any]]:
        """The pages of one pull; a page that is not full is the last one."""
        dimensions, read, size = DIMENSIONS[table.name], 0, self.limits.page_rows
        seen: set[tuple[str, ...]] = set()
        while True:
            question = {
                "startDate": start.isoformat(), "endDate": end.isoformat(), "dimensions": dimensions, "type": "web",
                "aggregationType": "byPage" if "page" in dimensions else "byProperty", "dataState": "all",
                "rowLimit": size, "startRow": read,
            }  # fmt: skip
            name = f"searchanalytics.query {','.join(dimensions)} from row {read}"
            try:
                answer, seconds, retries = self.ask(question)
            except SourceError as error:
                fetches.append(Fetch(table.name, name, start, end, 0, datetime.now(UTC), 0.0, error=str(error)))
                raise
            keys = {tuple(row["keys"]) for row in answer.get("rows", [])}
            read += len(keys)
            # Rows come by clicks and ties in any order: one that comes again has pushed another one out.
            said = {"truncated": read >= MOST_ROWS_A_DAY, "overlapping_pages": bool(keys & seen)}
            flags = tuple(flag for flag, is_so in said.items() if is_so)
            fetches.append(Fetch(table.name, name, start, end, len(keys), datetime.now(UTC), seconds, retries, flags))
            yield answer
            if len(keys) < size:
                return
            seen |= keys

    def ask(self, question: dict[str, Any]) -> tuple[dict[str, Any], float, int]:
        request = self.service.searchanalytics().query(siteUrl=self.site_url, body=question)

        def execute() -> dict[str, Any]:
            try:
                answer = request.execute()
            except google.ERRORS:
                # Else the next try would go through a connection that broke off, or still owes a late answer.
                request.http.close()
                raise
            if not isinstance(answer, dict):  # the library hands over what it cannot parse
                raise ConnectionError("the answer was cut short")
            return answer

        try:
            return google.ask(execute, ask_again, self.limits.pause_seconds)
        except google.ERRORS as error:
            if _is(error, 403, "quotaExceeded") or _is(error, 403, "RateLimitExceeded") or _is(error, 429):
                problem = f"the quota is used up: {google.answer_of(error)[1]}"
                remedy = f"{self.kept} is kept; run again in 15 minutes, or tomorrow, and it goes on from there"
                raise OutOfQuota(API.where, problem, remedy) from error
            raise API.explain(error, self.kept) from error


def ask_again(error: Exception, earlier: Sequence[Exception]) -> bool:
    """Rate limits, server errors and broken connections at most four times; never an exceeded quota."""
    if isinstance(error, HttpError):
        limited = _is(error, 429) or _is(error, 403, "RateLimitExceeded")
        mendable = (limited or error.status_code >= 500) and b"quotaExceeded" not in error.content
    else:
        mendable = isinstance(error, google.BROKEN)
    return mendable and len(earlier) < 4


def _is(error: Exception, status: int, reason: str = "") -> bool:
    """Whether Search Console answered so; the reason is matched in any case (rate..., userRate...)."""
    if not isinstance(error, HttpError):
        return False
    return bool(error.status_code == status and reason.lower().encode() in error.content.lower())


def day_batch(answers: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """The answers by date as columns; the first incomplete day and all after it are not final."""
    metadata = answers[0].get("metadata", {})
    # The reference spells it with underscores, the discovery document does not.
    incomplete = metadata.get("first_incomplete_date") or metadata.get("firstIncompleteDate") or "9999-12-31"
    rows = [row for answer in answers for row in answer.get("rows", [])]
    dates = [row["keys"][0] for row in rows]
    days, final = [date.fromisoformat(day) for day in dates], [day < incomplete for day in dates]
    return pa.RecordBatch.from_arrays(_columns(DAYS, [days, *_measures(rows), final]), schema=DAYS.schema)


def record_batch(table: Table, day: date, rows: Iterable[Row]) -> pa.RecordBatch:
    """One day's rows as columns. URLs that differ in query string, fragment or scheme alone are one page: their
    clicks and impressions are summed, and their positions weighted by impressions."""
    pages: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = tuple(
            part
            for dimension, value in zip(DIMENSIONS[table.name], row["keys"], strict=True)
            for part in (host_and_path(value) if dimension == "page" else (value,))
        )
        pages.setdefault(key, []).append(row)
    keys = list(zip(*pages, strict=True)) or [()] * (len(table.key) - 1)
    merged = [_merge(same) for same in pages.values()]
    return pa.RecordBatch.from_arrays(
        _columns(table, [[day] * len(merged), *keys, *_measures(merged)]), schema=table.schema
    )


def _merge(rows: list[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    impressions = sum(row["impressions"] for row in rows)
    weighted = sum(row["position"] * row["impressions"] for row in rows)
    return {
        "clicks": sum(row["clicks"] for row in rows),
        "impressions": impressions,
        "position": weighted / impressions if impressions else min(row["position"] for row in rows),
    }


def _measures(rows: Sequence[Row]) -> list[list[Any]]:
    counts = [[round(row[name]) for row in rows] for name in ("clicks", "impressions")]
    return [*counts, [row["position"] for row in rows]]


def _columns(table: Table, values: Sequence[Sequence[Any]]) -> list[pa.Array]:
    return [pa.array(column, field.type) for column, field in zip(values, table.schema, strict=True)]


def host_and_path(url: str) -> tuple[str, str]:
    """Host in lower case and path as GA4 has them: without query string and fragment, which may be about a person."""
    split = urlsplit(url)
    return split.hostname or "", split.path or "/"


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Cut ``first..last`` at the calendar months."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, following - timedelta(days=1))
        first = following
