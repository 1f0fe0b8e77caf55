"""Search Console: what rows become, and the official client against the demo's server."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from time import sleep
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import Resource
from hypothesis import given
from hypothesis import strategies as st

import demo
from connectors import search_console
from connectors.errors import OutOfQuota, SourceError
from connectors.search_console import (
    DAYS,
    DETAILS,
    PAGE_DAYS,
    PAGE_QUERY_DAYS,
    QUERY_DAYS,
    Limits,
    day_batch,
    host_and_path,
    record_batch,
)
from connectors.table import Load
from demo import search
from demo.site import HOST, site

DAY = timedelta(days=1)
AS_OF = date(2026, 11, 20)
SITE = "sc-domain:example.co.jp"
QUICK = Limits(pause_seconds=0.01)
ANONYMOUS = AnonymousCredentials()  # type: ignore[no-untyped-call]


def row(keys: list[str], clicks: float, impressions: float, position: float) -> dict[str, Any]:
    return {"keys": keys, "clicks": clicks, "impressions": impressions, "position": position}


# What rows become ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://www.example.co.jp/articles/a?email=taro%40example.com", "www.example.co.jp", "/articles/a"),
        ("https://WWW.example.co.jp/Articles/A/#taro", "www.example.co.jp", "/Articles/A/"),
        ("https://www.example.co.jp", "www.example.co.jp", "/"),
        ("https://www.example.co.jp:8443/?q=1", "www.example.co.jp", "/"),
        ("https://example.co.jp/%E8%A8%98%E4%BA%8B", "example.co.jp", "/%E8%A8%98%E4%BA%8B"),
    ],
)
def test_a_url_is_its_host_and_path(url: str, host: str, path: str) -> None:
    assert host_and_path(url) == (host, path)


@given(st.text("ab/%20-", max_size=9), st.text(max_size=9), st.text(max_size=9))
def test_nothing_of_a_query_string_or_fragment_lands(path: str, query: str, fragment: str) -> None:
    bare = host_and_path(f"https://www.example.com/{path}")
    assert host_and_path(f"https://www.example.com/{path}?{query}#{fragment}") == bare
    assert host_and_path(f"https://www.example.com/{path}#{fragment}") == bare
    assert bare == ("www.example.com", f"/{path}")


def test_urls_of_one_page_are_one_row_with_its_mean_position() -> None:
    batch = record_batch(
        PAGE_DAYS,
        AS_OF,
        [
            row(["https://www.example.com/a?x=1"], 3.0, 10.0, 2.0),
            row(["http://www.example.com/a#top"], 1.0, 30.0, 6.0),
            row(["https://www.example.com/a/"], 0.0, 5.0, 9.0),
        ],
    )
    assert batch.schema.equals(PAGE_DAYS.schema)
    assert [tuple(values.values()) for values in batch.to_pylist()] == [
        (AS_OF, "www.example.com", "/a", 4, 40, 5.0),  # (2 x 10 + 6 x 30) / 40
        (AS_OF, "www.example.com", "/a/", 0, 5, 9.0),
    ]


urls = st.sampled_from(
    ["https://a.com/", "https://a.com/?p=1", "http://a.com/#x", "https://A.com", "https://a.com/b?p=2"]
)
rows = st.builds(
    row, st.tuples(urls, st.sampled_from("xyz")).map(list), st.integers(0, 9), st.integers(1, 99), st.floats(1, 80)
)


@given(st.lists(rows, max_size=20))
def test_no_click_is_lost_and_every_key_is_there_once(some: list[dict[str, Any]]) -> None:
    batch = record_batch(PAGE_QUERY_DAYS, AS_OF, some)
    keys = list(zip(*(batch[name].to_pylist() for name in PAGE_QUERY_DAYS.key), strict=True))
    assert len(set(keys)) == len(keys)
    assert sum(batch["clicks"].to_pylist()) == sum(one["clicks"] for one in some)
    weighted = sum(p * i for p, i in zip(batch["position"].to_pylist(), batch["impressions"].to_pylist(), strict=True))
    assert weighted == pytest.approx(sum(one["position"] * one["impressions"] for one in some))


@pytest.mark.parametrize("spelling", ["first_incomplete_date", "firstIncompleteDate"])
def test_days_from_the_first_incomplete_one_on_are_not_final(spelling: str) -> None:
    answer = {
        "rows": [row([f"2026-11-{day}"], 1.0, 2.0, 3.0) for day in (17, 18, 19)],
        "metadata": {spelling: "2026-11-18"},
    }
    assert [tuple(values.values()) for values in day_batch([answer]).to_pylist()] == [
        (date(2026, 11, 17), 1, 2, 3.0, True),
        (date(2026, 11, 18), 1, 2, 3.0, False),
        (date(2026, 11, 19), 1, 2, 3.0, False),
    ]


def test_without_an_incomplete_day_all_are_final_and_no_rows_are_no_days() -> None:
    assert day_batch([{"rows": [row(["2026-11-17"], 1.0, 2.0, 3.0)]}])["is_final"].to_pylist() == [True]
    assert day_batch([{"responseAggregationType": "byProperty"}]).num_rows == 0


# The client against the demo's server --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(AS_OF) as servers:
        yield servers


@pytest.fixture
def servers(running: demo.Demo) -> Iterator[demo.Demo]:
    running.faults.clear()
    running.forget_requests()
    yield running
    running.faults.clear()


@pytest.fixture
def service(servers: demo.Demo) -> Iterator[Resource]:
    with search_console.service(servers.http, ANONYMOUS) as connected:
        yield connected


def draw(loads: Iterable[Load]) -> list[Load]:
    drawn = []
    for load in loads:
        load.batches = iter(list(load.batches))
        drawn.append(load)
    return drawn


def frames(loads: Iterable[Load]) -> dict[str, pd.DataFrame]:
    """All rows of each table, in the order of its key."""
    parts: dict[str, list[pa.RecordBatch]] = {table.name: [] for table in search_console.TABLES}
    for load in loads:
        parts[load.table.name] += load.batches
    return {
        table.name: pa.Table.from_batches(parts[table.name], table.schema)
        .sort_by([(name, "ascending") for name in table.key])
        .to_pandas()
        for table in search_console.TABLES
    }


def test_a_load_over_two_months_is_what_google_search_showed(servers: demo.Demo, service: Resource) -> None:
    first = date(2026, 10, 28)
    loads = draw(search_console.load(service, SITE, first, AS_OF, QUICK))
    assert [load.table for load in loads] == [*DETAILS, DAYS] * 2
    assert [(load.start, load.end) for load in loads] == [(first, date(2026, 10, 31))] * 4 + [
        (date(2026, 11, 1), AS_OF)
    ] * 4
    got = frames(loads)

    truth = servers.world.search
    truth = truth.assign(date_on=pd.to_datetime(truth["day"].to_numpy(), unit="D").date)
    truth = truth[truth["date_on"] >= first]
    truth = truth.assign(
        path=[site().paths[page] for page in truth["page"]],
        query=[search.query(page, slot) for page, slot in zip(truth["page"], truth["slot"], strict=True)],
        weight=truth["position"] * truth["property_impressions"],
    )
    days = truth.groupby("date_on").agg(
        clicks=("clicks", "sum"), impressions=("property_impressions", "sum"), weight=("weight", "sum"),
        is_final=("is_final", "min"),
    )  # fmt: skip
    assert got[DAYS.name]["date_on"].tolist() == days.index.tolist()
    assert got[DAYS.name]["clicks"].tolist() == days["clicks"].tolist()
    assert got[DAYS.name]["impressions"].tolist() == days["impressions"].tolist()
    assert got[DAYS.name]["position"].tolist() == pytest.approx((days["weight"] / days["impressions"]).tolist())
    assert got[DAYS.name]["is_final"].tolist() == days["is_final"].tolist()
    assert got[DAYS.name].iloc[-1]["date_on"] == date(2026, 11, 19)  # the newest day is a day late
    assert got[DAYS.name]["is_final"].tolist()[-3:] == [True, False, False]

    named = truth[truth["query"] != ""]
    for table, shown, by in (
        (PAGE_DAYS, truth, ["date_on", "path"]),
        (QUERY_DAYS, named, ["date_on", "query"]),
        (PAGE_QUERY_DAYS, named, ["date_on", "path", "query"]),
    ):
        impressions = "property_impressions" if table is QUERY_DAYS else "impressions"
        expected = shown.groupby(by)[["clicks", impressions]].sum()
        rows_of = got[table.name].set_index(by)
        assert len(rows_of) == len(expected)
        assert (rows_of["clicks"] - expected["clicks"]).abs().max() == 0
        assert (rows_of["impressions"] - expected[impressions]).abs().max() == 0
        assert set(rows_of.get("host", pd.Series([HOST]))) == {HOST}


def test_a_night_is_four_requests_a_day_and_each_leaves_its_fetch(servers: demo.Demo, service: Resource) -> None:
    loads = draw(search_console.load(service, SITE, AS_OF - 3 * DAY, AS_OF, QUICK))
    fetches = [fetch for load in loads for fetch in load.fetches]
    assert len(servers.requests) == 1 + 3 * 3  # the newest day has no rows yet
    assert [fetch.row_count for fetch in fetches] == [request.rows for request in servers.requests]
    assert (fetches[0].table_name, fetches[0].request) == (DAYS.name, "searchanalytics.query date from row 0")
    assert (fetches[0].window_start, fetches[0].window_end) == (AS_OF - 3 * DAY, AS_OF)
    assert {(fetch.window_start, fetch.flags, fetch.retries) for fetch in fetches[1:]} == {
        (AS_OF - age * DAY, (), 0) for age in (1, 2, 3)
    }


def test_pages_add_up_to_the_whole(servers: demo.Demo, service: Resource) -> None:
    day = AS_OF - 3 * DAY
    whole = frames(search_console.load(service, SITE, day, day, QUICK))
    servers.forget_requests()
    paged = frames(search_console.load(service, SITE, day, day, Limits(page_rows=100, pause_seconds=0.01)))
    assert len(servers.requests) > 8
    for name, rows_of in whole.items():
        pd.testing.assert_frame_equal(rows_of, paged[name])


def test_a_full_last_page_is_followed_by_an_empty_one(servers: demo.Demo, service: Resource) -> None:
    day = AS_OF - 3 * DAY
    (pages,) = [len(rows_of) for name, rows_of in frames(search_console.load(service, SITE, day, day, QUICK)).items()
                if name == PAGE_DAYS.name]  # fmt: skip
    load = next(search_console.load(service, SITE, day, day, Limits(page_rows=pages, pause_seconds=0.01)))
    assert sum(batch.num_rows for batch in load.batches) == pages
    assert [fetch.row_count for fetch in load.fetches] == [1, pages, 0]


def test_days_before_the_first_kept_one_are_empty(service: Resource) -> None:
    loads = draw(search_console.load(service, SITE, date(2024, 1, 1), date(2024, 1, 31), QUICK))
    assert all(rows_of.empty for rows_of in frames(loads).values())


@pytest.mark.parametrize("kind", ["500", "503", "429_concurrent", "403_rate", "reset", "truncated", "truncated_json"])
def test_a_passing_fault_is_asked_over(servers: demo.Demo, service: Resource, kind: str) -> None:
    servers.faults.switch_on(demo.Fault(kind, api="search_console", times=2))
    day = AS_OF - 3 * DAY
    load = next(search_console.load(service, SITE, day, day, QUICK))
    assert sum(batch.num_rows for batch in load.batches) > 100
    assert load.fetches[0].retries == 2


def test_a_late_answer_is_never_taken_for_the_next_one(servers: demo.Demo) -> None:
    servers.faults.switch_on(demo.Fault("slow", api="search_console", seconds=2.0, skip=1))
    day = AS_OF - 3 * DAY
    with search_console.service(servers.http, ANONYMOUS, timeout_seconds=1.0) as service:
        loads = draw(search_console.load(service, SITE, day, day, QUICK))
    assert [fetch.retries for load in loads for fetch in load.fetches] == [0, 1, 0, 0]
    while len(servers.requests) < 5:  # the slow one is logged when it ends
        sleep(0.05)
    late = frames(loads)
    with search_console.service(servers.http, ANONYMOUS) as service:
        for name, rows_of in frames(search_console.load(service, SITE, day, day, QUICK)).items():
            pd.testing.assert_frame_equal(rows_of, late[name])


@pytest.mark.parametrize("kind", ["500", "truncated_json"])
def test_the_fifth_error_is_the_last(servers: demo.Demo, service: Resource, kind: str) -> None:
    servers.faults.switch_on(demo.Fault(kind, api="search_console", times=9))
    load = next(search_console.load(service, SITE, AS_OF, AS_OF, QUICK))
    with pytest.raises(SourceError, match=r"company\.yml: sources\.search_console: .*did not answer"):
        list(load.batches)
    assert len(servers.requests) == 5
    assert load.fetches[-1].error is not None


@pytest.mark.parametrize(("kind", "asked"), [("403_quota", 1), ("403_rate", 5), ("429_concurrent", 5)])
def test_a_used_up_quota_stops_and_says_what_is_kept(
    servers: demo.Demo, service: Resource, kind: str, asked: int
) -> None:
    loads = search_console.load(service, SITE, date(2026, 10, 31), AS_OF, QUICK)
    october = [next(loads) for _ in range(4)]
    assert sum(batch.num_rows for load in october for batch in load.batches) > 0
    servers.forget_requests()
    servers.faults.switch_on(demo.Fault(kind, api="search_console", times=9))
    with pytest.raises(OutOfQuota, match="everything up to 2026-10-31 is kept"):
        draw(loads)
    assert len(servers.requests) == asked


def test_another_site_is_refused(servers: demo.Demo, service: Resource) -> None:
    with pytest.raises(SourceError, match=r"sources\.search_console\.site_url: .*User does not have .*\n.*sc-domain:"):
        draw(search_console.load(service, "https://www.example.com/", AS_OF, AS_OF, QUICK))
    assert len(servers.requests) == 1


def test_without_credentials_google_is_never_asked() -> None:
    with pytest.raises(SourceError, match=r"sources\.search_console\.credentials: .*\n.*env:NAME"):
        search_console.service(None, ANONYMOUS)
