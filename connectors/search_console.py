"""Search Console searchanalytics.query.

Days are days of Pacific time and come two or three days late; the last ones still grow, and the answer by date
names the first of them. Rows with a query leave anonymised queries out, and a day gives at most 50,000 rows of
each kind. Discover and Google News know neither query nor position. A URL may carry a person's data in its query
string or fragment, which are cut off before anything lands; addresses and telephone numbers in paths and queries
are replaced.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import pyarrow as pa
from google.auth.credentials import Credentials
from googleapiclient.discovery import Resource

from connectors import google
from connectors.errors import OutOfQuota, SourceError
from connectors.personal import redacted
from connectors.table import Fetch, Load, Table, columns

API = google.SEARCH_CONSOLE
SCOPES = ("https://www.googleapis.com/auth/webmasters.readonly",)
SearchType = Literal["web", "image", "video", "news", "discover", "googleNews"]
SEARCH_TYPES: tuple[SearchType, ...] = get_args(SearchType)
FEEDS = ("discover", "googleNews")
"""Shown to readers without a search: no query, no position."""
MOST_ROWS_A_DAY = 50_000
KEPT_DAYS = 480
"""16 months, a week less to be on the safe side: of an older day Search Console says that there was nothing."""
DAY, TEXT = pa.date32(), pa.string()
COUNTS, POSITION = {"clicks": pa.int64(), "impressions": pa.int64()}, {"position": pa.float64()}

# fmt: off
DAYS = Table(
    "search_console_days",
    "One row per day (Pacific time) and search type: clicks, impressions, mean position (null for Discover and Google"
    " News), and whether the day is final. An empty search type, of an earlier version, is web.",
    columns({"date_on": DAY, "search_type": TEXT, **COUNTS, "is_final": pa.bool_()}, POSITION),
    key=("date_on", "search_type"), date_column="date_on",
)
PAGE_DAYS = Table(
    "search_console_page_days",
    "One row per day, search type and page. An empty search type, of an earlier version, is web.",
    columns({"date_on": DAY, "search_type": TEXT, "host": TEXT, "path": TEXT, **COUNTS}, POSITION),
    key=("date_on", "search_type", "host", "path"), date_column="date_on",
)
QUERY_DAYS = Table(
    "search_console_query_days",
    "One row per day and query of web search; anonymised queries are missing.",
    columns({"date_on": DAY, "query": TEXT, **COUNTS, **POSITION}),
    key=("date_on", "query"), date_column="date_on",
)
PAGE_QUERY_DAYS = Table(
    "search_console_page_query_days",
    "One row per day, page and query of web search; anonymised queries are missing.",
    columns({"date_on": DAY, "host": TEXT, "path": TEXT, "query": TEXT, **COUNTS, **POSITION}),
    key=("date_on", "host", "path", "query"), date_column="date_on",
)
TABLES = (DAYS, PAGE_DAYS, QUERY_DAYS, PAGE_QUERY_DAYS)
DETAILS = (PAGE_DAYS, QUERY_DAYS, PAGE_QUERY_DAYS)
DIMENSIONS = {
    DAYS.name: ["date"], PAGE_DAYS.name: ["page"], QUERY_DAYS.name: ["query"], PAGE_QUERY_DAYS.name: ["page", "query"]
}
# fmt: on

Row = Mapping[str, Any]
NEVER = "9999-12-31"


@dataclass(frozen=True)
class Limits:
    """How much is asked for at once, and the first pause before a further try."""

    page_rows: int = 25_000
    pause_seconds: float = 1.0


def service(endpoint: str | None, credentials: Credentials, timeout_seconds: float = 60.0) -> Resource:
    """A client for Google's own endpoint (``None``) or another URL. It is not for use by several threads.

    Raises SourceError for anonymous credentials without an endpoint.
    """
    return google.service(API, "searchconsole", "v1", endpoint, credentials, timeout_seconds)


def uncovered(site_url: str, hosts: Sequence[str], article_paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the articles' beginnings (host and path): those that the property holds in part, and not at all.

    A domain property holds every host below its domain, a URL-prefix property the pages whose URL begins with it:
    www.example.com is not example.com. Which of http and https the site uses, company.yml does not say.
    """
    partly: list[str] = []
    never: list[str] = []
    domain, split = site_url.lower().removeprefix("sc-domain:"), urlsplit(site_url)
    for host in hosts:
        for path in article_paths:
            if site_url.startswith("sc-domain:"):
                held, in_part = f".{host}".endswith(f".{domain}"), False
            else:
                held = host == split.hostname and path.startswith(split.path)
                in_part = host == split.hostname and split.path.startswith(path)
            if not held:
                (partly if in_part else never).append(host + path)
    return partly, never


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
    days = day_batch({"web": [answer]}).to_pylist()
    return max((day["date_on"] for day in days if day["is_final"]), default=None)


def load(
    service: Resource,
    site_url: str,
    first: date,
    last: date,
    limits: Limits = Limits(),
    search_types: Sequence[SearchType] = SEARCH_TYPES,
) -> Iterator[Load]:
    """Read ``first..last``, one calendar month after the other, with four Loads a month, to be drawn in order.

    The Load of DAYS is the last one: once it is kept, its days and their details are complete, and the earliest day
    that is missing there or not final is the one to go on from. Raises SourceError, OutOfQuota.
    """
    site, rows = _Site(service, site_url, limits, search_types), 0
    for start, end in _months(first, last):
        fetches: dict[str, list[Fetch]] = {table.name: [] for table in DETAILS}
        # Drawn with the first Load, where its Fetches are found, and handed over with the last.
        days = cache(partial(site.days, start, end, fetches[PAGE_DAYS.name]))
        for table in DETAILS:
            yield Load(table, start, end, site.details(table, days, fetches[table.name]), fetches[table.name])
        rows += days().num_rows
        is_silent = end == last and rows == 0 and (last - first).days >= 7
        yield Load(DAYS, start, end, iter([days()]), [], [_silent(site_url, first, last)] if is_silent else [])
        site.kept = f"everything up to {end}"


def _silent(site_url: str, first: date, last: date) -> str:
    said = f"Search Console has no row of {site_url} from {first} to {last}"
    if site_url.startswith("sc-domain:"):
        return f"{said}: look whether Search Console itself shows any for it"
    return f"{said}: it holds only pages whose URL begins exactly so (http is not https); a domain property holds all"


@dataclass
class _Site:
    """The site while it is read, and what a stop would keep."""

    service: Any
    site_url: str
    limits: Limits
    search_types: Sequence[SearchType]
    kept: str = "what was there"

    def days(self, start: date, end: date, fetches: list[Fetch]) -> pa.RecordBatch:
        return day_batch({kind: list(self.answers(DAYS, kind, start, end, fetches)) for kind in self.search_types})

    def details(
        self, table: Table, days: Callable[[], pa.RecordBatch], fetches: list[Fetch]
    ) -> Iterator[pa.RecordBatch]:
        """Pages of every type that has rows on a day; queries of web alone."""
        for day, kind in zip(days()["date_on"].to_pylist(), days()["search_type"].to_pylist(), strict=True):
            if kind == "web" or table is PAGE_DAYS:
                rows: dict[tuple[str, ...], Row] = {}
                for answer in self.answers(table, kind, day, day, fetches):
                    rows |= {tuple(row["keys"]): row for row in answer.get("rows", [])}
                yield record_batch(table, day, kind, rows.values())

    def answers(
        self, table: Table, kind: SearchType, start: date, end: date, fetches: list[Fetch]
    ) -> Iterator[dict[str, Any]]:
        """The pages of one pull; a page that is not full is the last one."""
        dimensions, read, size = DIMENSIONS[table.name], 0, self.limits.page_rows
        by_site = "auto" if kind in FEEDS else "byProperty"  # which feeds refuse
        seen: set[tuple[str, ...]] = set()
        while True:
            question = {
                "startDate": start.isoformat(), "endDate": end.isoformat(), "dimensions": dimensions, "type": kind,
                "aggregationType": "byPage" if "page" in dimensions else by_site, "dataState": "all",
                "rowLimit": size, "startRow": read,
            }  # fmt: skip
            name = f"searchanalytics.query {kind} {','.join(dimensions)} from row {read}"
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
        try:
            return google.ask(partial(google.execute, request), google.ask_again, self.limits.pause_seconds)
        except google.ERRORS as error:
            if google.answered(error, 429) or any(
                google.answered(error, 403, reason) for reason in ("quotaExceeded", "RateLimitExceeded")
            ):
                problem = f"the quota is used up: {google.answer_of(error)[1]}"
                remedy = f"{self.kept} is kept; run again in 15 minutes, or tomorrow, and it goes on from there"
                raise OutOfQuota(API.where, problem, remedy) from error
            raise API.explain(error, self.kept) from error


def day_batch(answers: Mapping[SearchType, Sequence[Mapping[str, Any]]]) -> pa.RecordBatch:
    """The answers by date of each type as columns; the first incomplete day and all after it are not final, and no
    type's day is so before it is one of web, by whose days a night goes on."""
    days: list[dict[str, Any]] = []
    incomplete = {kind: _first_incomplete(pages[0].get("metadata", {})) for kind, pages in answers.items()}
    for kind, pages in answers.items():
        open_from = min(incomplete[kind], incomplete.get("web", NEVER))
        for row in (row for page in pages for row in page.get("rows", [])):
            [day] = row["keys"]
            key = {"date_on": date.fromisoformat(day), "search_type": kind, "is_final": day < open_from}
            days.append(key | _measures(kind, [row]))
    return pa.RecordBatch.from_pylist(days, schema=DAYS.schema)


def _first_incomplete(metadata: Mapping[str, str]) -> str:
    # The reference spells it with underscores, the discovery document does not.
    return metadata.get("first_incomplete_date") or metadata.get("firstIncompleteDate") or NEVER


def record_batch(table: Table, day: date, kind: SearchType, rows: Iterable[Row]) -> pa.RecordBatch:
    """One day's rows as columns. Rows that are one page and query without what is cut off and replaced are one row:
    their clicks and impressions are summed, and their positions weighted by impressions."""
    merged: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = tuple(
            part
            for dimension, value in zip(DIMENSIONS[table.name], row["keys"], strict=True)
            for part in (host_and_path(value) if dimension == "page" else (redacted(value),))
        )
        merged.setdefault(key, []).append(row)
    names = [name for name in table.key if name not in ("date_on", "search_type")]
    same = {"date_on": day, "search_type": kind}
    found = [same | dict(zip(names, key, strict=True)) | _measures(kind, of) for key, of in merged.items()]
    return pa.RecordBatch.from_pylist(found, schema=table.schema)


def _measures(kind: SearchType, rows: Sequence[Row]) -> dict[str, Any]:
    """Clicks, impressions and position of the rows together."""
    impressions = sum(row["impressions"] for row in rows)
    if kind in FEEDS:
        position = None
    elif len(rows) == 1:
        position = rows[0]["position"]
    elif impressions:
        position = sum(row["position"] * row["impressions"] for row in rows) / impressions
    else:
        position = min(row["position"] for row in rows)
    clicks = round(sum(row["clicks"] for row in rows))
    return {"clicks": clicks, "impressions": round(impressions), "position": position}


def host_and_path(url: str) -> tuple[str, str]:
    """Host in lower case and path as GA4 has them: without query string and fragment, which may be about a person."""
    split = urlsplit(url)
    return split.hostname or "", redacted(split.path or "/")


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Cut ``first..last`` at the calendar months."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, following - timedelta(days=1))
        first = following
