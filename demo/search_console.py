"""Search Console's searchanalytics.query, without the wire.

Days are Pacific. On the morning after ``as_of`` the last final day is three days before it; the two days after that
are fresh (``dataState: all``) and will still grow. About 16 months are kept. Queries too rare to be named are missing
wherever a request groups or filters by query, so those rows add up to less than the day. A URL-prefix property
holds only the pages whose URL begins with it. Discover and Google News refuse queries and totals of the property.
"""

import re
import threading
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from demo import search
from demo.faults import MESSAGES, ApiError
from demo.site import HOST, site
from demo.world import World

SITE_URL = "sc-domain:example.co.jp"
DEFAULT_ROWS, MAX_ROWS, ROWS_PER_DAY = 1_000, 25_000, 50_000
DIMENSIONS = ("date", "query", "page", "country", "device")
UNSUPPORTED_DIMENSIONS = ("searchAppearance", "hour")
FEEDS = ("discover", "googleNews")
TYPES = ("web", "image", "video", "news", "discover", "googleNews")
OPERATORS = ("equals", "notEquals", "contains", "notContains", "includingRegex", "excludingRegex")
AGGREGATIONS = ("auto", "byProperty", "byPage")
_FIELDS = {
    "startDate",
    "endDate",
    "dimensions",
    "type",
    "searchType",
    "dimensionFilterGroups",
    "aggregationType",
    "rowLimit",
    "startRow",
    "dataState",
}


class SearchConsole:
    """One Search Console property over a world. Thread-safe."""

    def __init__(self, world: World, site_url: str = SITE_URL, rows_per_day: int = ROWS_PER_DAY) -> None:
        self.site_url, self.rows_per_day = site_url, rows_per_day
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.show(world)

    def show(self, world: World) -> None:
        """Answer from another world, the next day's for one."""
        connection = duckdb.connect(config={"threads": 2})
        found = world.search
        queries = pd.DataFrame(
            [
                (page, slot, f"https://{HOST}{site().paths[page]}", search.query(page, slot))
                for page in np.unique(found["page"])
                for slot in range(search.QUERIES_PER_PAGE + 1)
            ],
            columns=["page", "slot", "url", "words"],
        )
        connection.register("found", found.assign(date=found["day"].to_numpy().astype("datetime64[D]")))
        connection.register("queries", queries)
        connection.register("devices", pd.DataFrame({"device": range(len(search.DEVICES)), "name": search.DEVICES}))
        connection.execute(
            "create table days as select 'web' as type, date::date as date, words as query, url as page, "
            "'jpn' as country, devices.name as device, clicks, impressions, property_impressions, position, is_final "
            "from found join queries using (page, slot) join devices using (device)"
        )
        other = world.other_search
        connection.register("other", other.assign(date=other["day"].to_numpy().astype("datetime64[D]")))
        connection.execute(
            "insert into days select search_type, date::date, '', url, 'jpn', 'MOBILE', clicks, impressions, "
            "impressions, case when not isnan(position) then position end, is_final "
            "from other join (select distinct page, url from queries) using (page)"
        )
        fresh = found.loc[~found["is_final"].to_numpy(), "day"]
        with self._lock:
            older, self._connection = self._connection, connection
            self._first_fresh = None if fresh.empty else str(np.datetime64(int(fresh.min()), "D"))
        if older:
            older.close()  # requests that are being answered have a cursor of their own

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def sites(self) -> dict[str, Any]:
        """The JSON answer of sites.list."""
        return {"siteEntry": [{"siteUrl": self.site_url, "permissionLevel": "siteRestrictedUser"}]}

    def query(self, site_url: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer to a request's JSON body. Raises ApiError as Google would."""
        if site_url != self.site_url:
            raise ApiError(
                "PERMISSION_DENIED",
                f"User does not have sufficient permission for site '{site_url}'. "
                "See also: https://support.google.com/webmasters/answer/2451999.",
                reason="forbidden",
            )
        if unknown := set(body) - _FIELDS:
            raise _invalid(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.')
        first, last = _day(body, "startDate"), _day(body, "endDate")
        if first > last:
            raise _invalid("startDate must be before or equal to endDate.")
        dimensions = list(body.get("dimensions", []))
        for name in dimensions:
            if name not in DIMENSIONS:
                raise _invalid(
                    f"The demo has no dimension {name}."
                    if name in UNSUPPORTED_DIMENSIONS
                    else f"Invalid value at 'dimensions' (ApiDimension), \"{name}\""
                )
        if len(set(dimensions)) < len(dimensions):
            raise _invalid("A dimension is named twice.")
        kind = _one_of(body, "type", TYPES, body.get("searchType", "web"))
        if kind in FEEDS and "query" in dimensions:
            raise _invalid(f"Requests for {kind} cannot be grouped by query.")
        state = _one_of(body, "dataState", ("final", "all", "hourly_all"), "final")
        rows = int(body.get("rowLimit", DEFAULT_ROWS))
        if not 1 <= rows <= MAX_ROWS:
            raise _invalid(f"Row limit must be between 1 and {MAX_ROWS}, it is {rows}.")
        start = int(body.get("startRow", 0))
        if start < 0:
            raise _invalid("Start row must not be negative.")
        values: list[Any] = [first, last]
        conditions, filtered = ["date between ? and ?"], set()
        for group in body.get("dimensionFilterGroups", []):
            if group.get("groupType", "and") != "and":
                raise _invalid("Filter groups can only be joined by and.")
            for part in group.get("filters", []):
                conditions.append(_filter(part, values))
                filtered.add(part["dimension"])
        by_page = "page" in filtered | set(dimensions)
        aggregation = _one_of(body, "aggregationType", AGGREGATIONS, "auto")
        if by_page and aggregation == "byProperty":
            raise _invalid("Requests that group or filter by page cannot aggregate by property.")
        by_page |= aggregation == "byPage" or kind in FEEDS
        if kind in FEEDS and aggregation == "byProperty":
            raise _invalid(f"Requests for {kind} cannot aggregate by property.")
        if "query" in filtered | set(dimensions):
            conditions.append("query <> ''")
        if state == "final":
            conditions.append("is_final")
        conditions.append("type = ?")
        values.append(kind)
        if not site_url.startswith("sc-domain:"):
            conditions.append("starts_with(page, ?)")
            values.append(site_url)
        with self._lock:
            if self._connection is None:
                raise ApiError("UNAVAILABLE", MESSAGES["503"])
            cursor, first_fresh = self._connection.cursor(), self._first_fresh
        found = cursor.execute(
            _sql(dimensions, conditions, "impressions" if by_page else "property_impressions", self.rows_per_day),
            [*values, rows, start],
        ).fetchall()
        width = len(dimensions)
        answer: dict[str, Any] = {}
        if found:
            answer["rows"] = [
                {
                    **({"keys": list(row[:width])} if width else {}),
                    "clicks": row[width],
                    "impressions": row[width + 1],
                    "ctr": row[width] / row[width + 1],
                    **({} if kind in FEEDS else {"position": row[width + 2]}),
                }
                for row in found
            ]
        answer["responseAggregationType"] = "byPage" if by_page else "byProperty"
        if state == "all" and "date" in dimensions and first_fresh and first_fresh <= last:
            answer["metadata"] = {"first_incomplete_date": first_fresh}
        return answer


def _sql(dimensions: list[str], conditions: list[str], impressions: str, rows_per_day: int) -> str:
    keys = [f"{name}::varchar as {name}_key" for name in dimensions]
    places = ", ".join(str(number + 1) for number in range(len(dimensions)))
    measures = (
        f"sum(clicks)::double as clicks_sum, sum({impressions})::double as impressions_sum, "
        # In whole numbers, for the last bits of a sum of fractions depend on the order of its rows.
        f"sum(round(position * 10000)::bigint * {impressions}) / (10000 * sum({impressions})) as position_mean"
    )
    by = f" group by {places}" if places else ""
    sql = (
        f"select {', '.join([*keys, measures])} from days where {' and '.join(conditions)}{by} "
        f"having sum({impressions}) > 0"
    )
    # Google keeps the 50,000 rows of a day with the most clicks; a request over many days has no more of them a day.
    partition = "partition by date_key " if "date" in dimensions else ""
    place = f"row_number() over ({partition}order by clicks_sum desc, impressions_sum desc)"
    sql = f"select * from ({sql}) qualify {place} <= {rows_per_day:d}"
    ties = [f"{name}_key" for name in dimensions]
    order = ["date_key"] if dimensions == ["date"] else ["clicks_sum desc", "impressions_sum desc", *ties]
    return f"{sql} order by {', '.join(order)} limit ? offset ?"


def _filter(part: dict[str, Any], values: list[Any]) -> str:
    name, operator = part.get("dimension", ""), part.get("operator", "equals")
    if name not in DIMENSIONS or name == "date":
        raise _invalid(f"Invalid value at 'dimension_filter_groups[0].filters[0].dimension', \"{name}\"")
    if operator not in OPERATORS:
        raise _invalid(f"Invalid value at 'dimension_filter_groups[0].filters[0].operator', \"{operator}\"")
    values.append(part.get("expression", ""))
    condition = {
        "quals": f"lower({name}) = lower(?::varchar)",
        "ontains": f"contains(lower({name}), lower(?::varchar))",
        "Regex": f"regexp_matches({name}, ?, 'i')",
    }[next(end for end in ("quals", "ontains", "Regex") if operator.endswith(end))]
    return f"not {condition}" if operator.startswith(("not", "excluding")) else condition


def _day(body: dict[str, Any], field: str) -> str:
    text = str(body.get(field, ""))
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise _invalid(f"'{text}' is not a valid date for the field {field}: it must be of the form YYYY-MM-DD.")


def _one_of(body: dict[str, Any], field: str, allowed: tuple[str, ...], default: str) -> str:
    value = str(body.get(field, default))
    for name in allowed:
        if name.lower() == value.lower().replace("by_p", "byp"):
            return name
    raise _invalid(f"Invalid value at '{field}', \"{value}\"")


def _invalid(message: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", message, reason="badRequest")
