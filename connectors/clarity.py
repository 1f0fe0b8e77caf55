"""Microsoft Clarity, the heat map tool: its data export, GET project-live-insights by URL.

It gives the last 24, 48 or 72 hours before the request, to 10 requests a project and day, at most 1,000 rows and no
pages; it restates nothing, and it has no history: what nobody asked for in time is gone. So a night asks once, for 24
hours, and keeps them as the UTC day in which they end (the server's clock says which); a night after one or two
missed ones asks again, for 48 or 72 hours, and keeps them as one row. Counts are texts, names are spelled in several
ways, and ``PagesPerSessionPercentage`` is a mean. A URL may carry a person's data in its query string: it is cut off
before anything lands, and the rows of one page are merged.

Not documented by Microsoft: whether sessions include the bots' (stored as given), and that times are seconds in the
mean session (the size of published answers allows nothing else). Scroll depth is not read-through: it is a mean of
how far pages were scrolled, not a share of readers who reached the end.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import pyarrow as pa
import requests

from connectors import cells, google
from connectors.errors import OutOfQuota, SourceError
from connectors.personal import redacted
from connectors.table import Fetch, Load, Table, columns

WHERE = "company.yml: sources.clarity"
ENDPOINT, PATH = "https://www.clarity.ms", "/export-data/api/v1/project-live-insights"
MOST_DAYS, MOST_ROWS, COUNT, MEAN = 3, 1_000, pa.int64(), pa.float64()
# Our column: metric and field of the answer, in lower case without spaces; of several the first that is there.
# fmt: off
COUNTS = {
    "sessions": ("traffic totalsessioncount", "deadclickcount sessionscount"),
    "bot_sessions": ("traffic totalbotsessioncount",),
    "users": ("traffic distinctusercount", "traffic distantusercount"),
    "dead_clicks": ("deadclickcount subtotal",), "rage_clicks": ("rageclickcount subtotal",),
    "quickbacks": ("quickbackclick subtotal",), "excessive_scrolls": ("excessivescroll subtotal",),
    "script_errors": ("scripterrorcount subtotal",), "error_clicks": ("errorclickcount subtotal",),
}
MEANS = {
    "scroll_depth": ("scrolldepth averagescrolldepth",), "active_seconds": ("engagementtime activetime",),
    "total_seconds": ("engagementtime totaltime",), "pages_per_session": ("traffic pagespersessionpercentage",),
}
KEYS = {"date_on": pa.date32(), "host": pa.string(), "path": pa.string()}
PAGE_DAYS = Table(
    "clarity_page_days",
    "One row per day and page: the window_days times 24 hours that ended on that UTC day (read_at). Scroll depth in %"
    " and seconds are means of sessions; users of URLs that differ in their query string alone are added up.",
    columns({**KEYS, "window_days": COUNT, "read_at": pa.timestamp("us")},
            dict.fromkeys(COUNTS, COUNT) | dict.fromkeys(MEANS, MEAN)),
    key=tuple(KEYS), date_column="date_on",
)
# fmt: on
TABLES = (PAGE_DAYS,)

Values = dict[str, float]


@dataclass
class Client:
    """A connection to Clarity's own endpoint (``None``) or another one, with the project's token (``None``: without).

    ``pause_seconds`` is the first pause before a further try.
    """

    endpoint: str | None
    token: str | None = field(repr=False)
    pause_seconds: float = 1.0

    def get(self, days: int) -> requests.Response:
        """Raises requests.RequestException, of HTTP errors too. No redirect is followed: it would take the token."""
        url = (self.endpoint or ENDPOINT).rstrip("/") + PATH
        with requests.Session() as session:
            session.trust_env = self.token is not None  # without a token it is this machine: no proxy
            answer = session.get(
                url if "://" in url else f"https://{url}", params={"numOfDays": str(days), "dimension1": "URL"},
                auth=self._sign, timeout=60, allow_redirects=False,
            )  # fmt: skip
        if answer.status_code != 200:
            raise requests.HTTPError(response=answer)
        answer.json()
        return answer

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As a function, because requests lets a password of ~/.netrc overrule a mere header."""
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def load(client: Client, last_read: Callable[[date], date | None]) -> Iterator[Load]:
    """Read what is new. ``last_read`` gives the last day before a day that an answer was kept for.

    An answer without rows replaces nothing. Raises SourceError, OutOfQuota when the Load is drawn.
    """
    fetches: list[Fetch] = []
    try:
        answer, read_at = _ask(client, 1, fetches)
        today = read_at.date()
        last = last_read(today)
        missed = (today - last).days - 1 if last else 0
        days = min(missed + 1, MOST_DAYS)
        if days > 1:
            answer, read_at = _ask(client, days, fetches)
        batch = page_batch(today, read_at, days, parse(answer))
    except SourceError as error:
        yield Load(PAGE_DAYS, None, None, _fail(error), fetches)
        return
    read, warnings = fetches[-1], []
    flags = {"truncated": read.row_count >= MOST_ROWS, "days_joined": days > 1, "days_lost": missed >= MOST_DAYS}
    fetches[-1] = replace(read, flags=tuple(flag for flag, is_so in flags.items() if is_so))
    if missed:
        kept = f"the last {days} of its days are in the row of {today}"
        lost = f"{missed + 1 - days} are lost" if missed >= days else f"a gap of {MOST_DAYS} would lose one for good"
        warnings = [f"Clarity, which keeps 72 hours, was not read for {missed} days before {today}: {kept}, {lost}"]
    day = today if batch.num_rows else None
    yield Load(PAGE_DAYS, day, day, iter([batch]), fetches, warnings)


def _ask(client: Client, days: int, fetches: list[Fetch]) -> tuple[Any, datetime]:
    """The answer, and the moment (UTC) at which the server gave it. Each request counts against the 10 of a day."""
    name = f"project-live-insights URL numOfDays={days}"
    try:
        found, seconds, retries = google.ask(lambda: client.get(days), _again, client.pause_seconds)
    except requests.RequestException as error:
        explained = explain(error)
        fetches.append(Fetch(PAGE_DAYS.name, name, None, None, 0, datetime.now(UTC), 0.0, error=str(explained)))
        raise explained from None
    moment = parsedate_to_datetime(found.headers["Date"]) if "Date" in found.headers else datetime.now(UTC)
    moment, answer, now = moment.astimezone(UTC).replace(tzinfo=None), found.json(), datetime.now(UTC)
    rows = max(map(len, _metrics(answer).values()), default=0)
    fetches.append(Fetch(PAGE_DAYS.name, name, moment.date(), moment.date(), rows, now, seconds, retries))
    return answer, moment


def _again(error: Exception, earlier: Sequence[Exception]) -> bool:
    """Server errors and broken answers twice; never an exceeded quota."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return isinstance(error, requests.RequestException) and len(earlier) < 2 and status not in range(300, 500)


def explain(error: requests.RequestException) -> SourceError:
    """What a person can do; what the server wrote is not shown, for it may repeat the token."""
    status = getattr(error.response, "status_code", 0)
    said = f"HTTP {status}" if status else type(error).__name__
    if status == 429:
        problem = "the 10 requests that Clarity answers a project and day are used up"
        return OutOfQuota(WHERE, problem, "run again tomorrow: a night can look back 72 hours, nothing is lost yet")
    if status in (401, 403):
        problem = f"Clarity does not accept the token ({said})"
        return SourceError(f"{WHERE}.credentials", problem, "make a new one: docs/sources/clarity.md")
    return SourceError(WHERE, f"Clarity gave no answer ({said})", "run again: after 72 hours a day is lost")


def _fail(error: SourceError) -> Iterator[pa.RecordBatch]:
    yield from ()
    raise error


def parse(answer: object) -> dict[str | None, Values]:
    """By URL (``None``: rows without that dimension) what the answer says, by our column; what it does not is left out.

    Rows of no page (their URL is null) are passed over. Raises SourceError for an answer of another shape.
    """
    metrics = _metrics(answer)
    found: dict[str | None, Values] = {}
    for name, places in (COUNTS | MEANS).items():
        for metric, key in map(str.split, reversed(places)):
            for row in metrics.get(metric, ()):
                value, url = _number(row.get(key)), row.get("url")
                if value is not None and (url or "url" not in row):
                    found.setdefault(url and str(url), {})[name] = value
    return found


def page_batch(day: date, read_at: datetime, days: int, found: Mapping[str | None, Values]) -> pa.RecordBatch:
    """One row per page. Counts of its URLs are added up, means are weighted by sessions."""
    pages: dict[tuple[str, str], list[Values]] = {}
    if set(found) == {None}:
        _refuse("no row names a URL")
    for url, values in found.items():
        with suppress(cells.CellError):  # about:blank and the like are no pages
            pages.setdefault((cells.host(url or "") or "", redacted(cells.path(url or ""))), []).append(values)
    same_day = {"date_on": day, "window_days": days, "read_at": read_at}
    rows = [same_day | {"host": host, "path": path} | _merge(same) for (host, path), same in pages.items()]
    return pa.RecordBatch.from_pylist(rows, schema=PAGE_DAYS.schema)


def _merge(same: list[Values]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for name in {name for values in same for name in values}:
        # Where no URL has a session, each weighs the same.
        given = [(values[name], values.get("sessions") or 1e-9) for values in same if name in values]
        mean = sum(value * weight for value, weight in given) / sum(weight for _, weight in given)
        merged[name] = mean if name in MEANS else round(sum(value for value, _ in given))
    return merged


def _metrics(answer: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of each metric, names in lower case without spaces."""
    try:
        return {_plain(of["metricName"]): [{_plain(key): row[key] for key in row} for row in of["information"]]
                for of in answer}  # fmt: skip
    except (TypeError, KeyError):
        _refuse("it is no list of metrics with rows")


def _plain(name: object) -> str:
    return str(name).replace(" ", "").lower()


def _number(value: object) -> float | None:
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _refuse(why: str) -> NoReturn:
    raise SourceError(WHERE, f"Clarity's answer is not as documented: {why}", "report this to the project")
