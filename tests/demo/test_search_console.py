"""Search Console as Google's own client sees it."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from googleapiclient.errors import HttpError

import demo
from demo import web
from demo.search import pacific_day
from demo.site import site
from demo.world import World, day_number
from tests.demo.months import september

Query = Callable[..., Any]
DAY = "2026-10-07"


def _clicks(answer: dict[str, Any]) -> float:
    return float(sum(row["clicks"] for row in answer["rows"]))


def test_a_month_of_days_is_the_truth(search: Query, world: World) -> None:
    answer = search(startDate="2026-09-01", endDate="2026-09-30", dimensions=["date"])
    table = september(world)
    assert len(answer["rows"]) == 30
    assert _clicks(answer) == table["search_clicks"]
    assert sum(row["impressions"] for row in answer["rows"]) == table["search_impressions"]
    position = sum(row["position"] * row["impressions"] for row in answer["rows"]) / table["search_impressions"]
    assert position == pytest.approx(table["search_position"], rel=1e-9)
    assert [row["keys"] for row in answer["rows"]] == [[f"2026-09-{day:02}"] for day in range(1, 31)]


def test_every_session_from_google_was_a_click(search: Query, world: World) -> None:
    answer = search(startDate=DAY, endDate=DAY, dimensions=["page"], rowLimit=25_000)
    clicks = {row["keys"][0]: row["clicks"] for row in answer["rows"]}
    found = world.visits[world.visits["channel"] == web.GOOGLE]
    that_day = pacific_day(found["started"].to_numpy()) == day_number(date.fromisoformat(DAY))
    sessions = found.loc[that_day, "landing"].value_counts()
    assert len(sessions) > 50
    for page, count in sessions.items():
        assert count <= clicks[f"https://www.example.co.jp{site().paths[page]}"] <= 2 * count
    assert sessions.sum() < sum(clicks.values()) < 1.12 * sessions.sum()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-07-01T15:59:59", "2026-06-30"),
        ("2026-07-01T16:00:00", "2026-07-01"),  # summer: 16 hours behind
        ("2026-01-15T16:59:59", "2026-01-14"),
        ("2026-01-15T17:00:00", "2026-01-15"),  # winter: 17
        ("2026-03-08T16:30:00", "2026-03-07"),
        ("2026-03-09T16:30:00", "2026-03-09"),  # from the second Sunday of March
        ("2026-11-01T16:30:00", "2026-11-01"),
        ("2026-11-03T16:30:00", "2026-11-02"),  # to the first of November
    ],
)
def test_days_are_californian(moment: str, day: str) -> None:
    second = np.array([np.datetime64(moment).astype("datetime64[s]").astype(np.int64)])
    assert str(pacific_day(second).astype("datetime64[D]")[0]) == day


def test_rare_queries_are_missing_from_query_rows(search: Query) -> None:
    day = _clicks(search(startDate=DAY, endDate=DAY, dimensions=["date"]))
    for dimensions in (["query"], ["page", "query"]):
        named = _clicks(search(startDate=DAY, endDate=DAY, dimensions=dimensions, rowLimit=25_000))
        assert 0.5 * day < named < 0.75 * day
    by_page = _clicks(search(startDate=DAY, endDate=DAY, dimensions=["page"], rowLimit=25_000))
    assert by_page == day
    word = [{"filters": [{"dimension": "query", "operator": "contains", "expression": "請求書"}]}]
    some = search(startDate=DAY, endDate=DAY, dimensions=["query"], dimensionFilterGroups=word)
    assert all("請求書" in row["keys"][0] for row in some["rows"])


def test_pages_count_more_impressions_than_the_property(search: Query) -> None:
    whole = search(startDate=DAY, endDate=DAY)
    by_page = search(startDate=DAY, endDate=DAY, aggregationType="byPage")
    assert (whole["responseAggregationType"], by_page["responseAggregationType"]) == ("byProperty", "byPage")
    assert "keys" not in whole["rows"][0]
    assert whole["rows"][0]["impressions"] < by_page["rows"][0]["impressions"]
    assert whole["rows"][0]["clicks"] == by_page["rows"][0]["clicks"]


def test_rows_come_by_clicks_and_page_by_page(search: Query) -> None:
    asked = {"startDate": DAY, "endDate": DAY, "dimensions": ["page", "query", "device", "country"]}
    whole = search(**asked, rowLimit=25_000)["rows"]
    clicks = [row["clicks"] for row in whole]
    assert clicks == sorted(clicks, reverse=True)
    assert 150 <= len(search(startDate=DAY, endDate=DAY, dimensions=["page", "query"])["rows"]) <= 400
    starts = range(0, len(whole) + 200, 200)
    pages = [search(**asked, rowLimit=200, startRow=start).get("rows", []) for start in starts]
    assert [row for page in pages for row in page] == whole
    for row in whole[:50]:
        assert row["ctr"] == row["clicks"] / row["impressions"] <= 1
        assert row["position"] >= 1


def test_a_thousand_rows_unless_more_are_asked_for(search: Query) -> None:
    answer = search(startDate="2026-09-01", endDate="2026-09-30", dimensions=["date", "page"])
    assert len(answer["rows"]) == 1000


def test_rows_beyond_the_day_limit_are_gone(search: Query, servers: demo.Demo) -> None:
    servers.search_console.rows_per_day = 100
    try:
        answer = search(startDate=DAY, endDate="2026-10-08", dimensions=["date", "page"], rowLimit=25_000)
    finally:
        servers.search_console.rows_per_day = 50_000
    assert len(answer["rows"]) == 200


def test_fresh_days_come_only_when_asked_for(search: Query) -> None:
    """As of 18 October the 15th is final, the 16th and 17th are fresh, and the 18th is not there."""
    asked = {"startDate": "2026-10-12", "endDate": "2026-10-18", "dimensions": ["date"]}
    final, everything = search(**asked), search(**asked, dataState="all")
    assert [row["keys"][0] for row in final["rows"]][-1] == "2026-10-15"
    assert "metadata" not in final
    assert [row["keys"][0] for row in everything["rows"]][-2:] == ["2026-10-16", "2026-10-17"]
    assert everything["metadata"] == {"first_incomplete_date": "2026-10-16"}
    assert "metadata" not in search(startDate="2026-10-12", endDate="2026-10-15", dimensions=["date"], dataState="all")


def test_no_rows_key_where_there_is_nothing(search: Query) -> None:
    assert "rows" not in search(startDate="2026-10-18", endDate="2026-10-18", dimensions=["date"], dataState="all")
    assert "rows" not in search(startDate=DAY, endDate=DAY, type="video")


def test_discover_has_clicks_of_pages_and_neither_query_nor_position(search: Query, world: World) -> None:
    asked = {"startDate": "2026-09-01", "endDate": "2026-09-30", "type": "discover"}
    days = search(**asked, dimensions=["date"], dataState="all")["rows"]
    pages = search(**asked, dimensions=["page"], rowLimit=25_000)
    shown = world.other_search[world.other_search["search_type"] == "discover"]
    september = shown[(shown["day"] >= day_number(date(2026, 9, 1))) & (shown["day"] <= day_number(date(2026, 9, 30)))]
    assert 0 < len(days) < 30
    assert _clicks({"rows": days}) == _clicks(pages) == september["clicks"].sum() > 0
    assert {key for row in days + pages["rows"] for key in row} == {"keys", "clicks", "impressions", "ctr"}
    for refused in ({"dimensions": ["query"]}, {"dimensions": ["date"], "aggregationType": "byProperty"}):
        with pytest.raises(HttpError, match="Requests for discover cannot"):
            search(**asked, **refused)


def test_a_click_in_discover_is_a_direct_visit_by_telephone(world: World) -> None:
    shown = world.other_search[world.other_search["search_type"] == "discover"]
    visits = world.visits[(world.visits["channel"] == web.DIRECT) & (world.visits["device"] == 1)]
    visits = visits.assign(day=pacific_day(visits["started"].to_numpy()), page=visits["landing"])
    known = visits.groupby(["day", "page"]).size().rename("visits").reset_index()
    both = shown.merge(known, on=["day", "page"], how="left").fillna({"visits": 0})
    assert (both["clicks"] == both["visits"]).all()
    assert (both["clicks"] <= both["impressions"]).all()


def test_images_are_found_now_and_then(search: Query) -> None:
    rows = search(startDate="2026-09-01", endDate="2026-09-30", dimensions=["date"], type="image")["rows"]
    assert 0 < len(rows) < 30
    assert all(row["position"] >= 1 for row in rows)


def test_a_url_prefix_property_holds_the_pages_that_begin_with_it(search: Query, servers: demo.Demo) -> None:
    asked = {"startDate": DAY, "endDate": DAY, "dimensions": ["page"], "rowLimit": 25_000}
    whole = search(**asked)["rows"]
    prefix = "https://www.example.co.jp/articles/"
    servers.search_console.site_url = prefix
    try:
        articles = search(site_url=prefix, **asked)["rows"]
    finally:
        servers.search_console.site_url = "sc-domain:example.co.jp"
    assert articles == [row for row in whole if row["keys"][0].startswith(prefix)]
    assert 0 < len(articles) < len(whole)


def test_sixteen_months_are_kept(search: Query) -> None:
    answer = search(startDate="2025-01-01", endDate="2026-10-15", dimensions=["date"])
    assert answer["rows"][0]["keys"] == ["2025-06-01"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"startDate": "2026-10-32"}, 400, "not a valid date"),
        ({"startDate": "2026-10-09"}, 400, "before or equal"),
        ({"dimensions": ["pages"]}, 400, "Invalid value at 'dimensions'"),
        ({"rowLimit": 25_001}, 400, "between 1 and 25000"),
        ({"dimensions": ["page"], "aggregationType": "byProperty"}, 400, "cannot aggregate by property"),
        ({"type": "webs"}, 400, "Invalid value at 'type'"),
        ({"site_url": "sc-domain:example.com"}, 403, "permission for site 'sc-domain:example.com'"),
    ],
)
def test_invalid_requests(search: Query, body: dict[str, Any], status: int, message: str) -> None:
    with pytest.raises(HttpError, match=message) as raised:
        search(**{"startDate": DAY, "endDate": DAY, **body})
    assert raised.value.resp.status == status
