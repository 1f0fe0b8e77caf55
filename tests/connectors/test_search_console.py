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
    SearchType,
    day_batch,
    host_and_path,
    record_batch,
    uncovered,
)
from connectors.table import Load
from demo import search
from demo.site import HOST, site

DAY = timedelta(days=1)
AS_OF = date(2026, 11, 20)
SITE = "sc-domain:example.co.jp"
OTHERS = ("image", "video", "news", "discover", "googleNews")
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
        ("https://example.co.jp/users/taro%40example.com/edit", "example.co.jp", "/users/(redacted)/edit"),
        ("https://example.co.jp/tel/03-1234-5678", "example.co.jp", "/tel/(redacted)"),
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
        "web",
        [
            row(["https://www.example.com/a?x=1"], 3.0, 10.0, 2.0),
            row(["http://www.example.com/a#top"], 1.0, 30.0, 6.0),
            row(["https://www.example.com/a/"], 0.0, 5.0, 9.0),
        ],
    )
    assert batch.schema.equals(PAGE_DAYS.schema)
    assert [tuple(values.values()) for values in batch.to_pylist()] == [
        (AS_OF, "web", "www.example.com", "/a", 4, 40, 5.0),  # (2 x 10 + 6 x 30) / 40
        (AS_OF, "web", "www.example.com", "/a/", 0, 5, 9.0),
    ]


def test_queries_of_persons_are_one_row_that_names_none() -> None:
    """Someone looks for an address or a number that stands on the site; only that it was looked for lands."""
    batch = record_batch(
        QUERY_DAYS,
        AS_OF,
        "web",
        [
            row(["taro@example.com"], 1.0, 4.0, 1.0),
            row(["hanako＠example.jp"], 2.0, 12.0, 3.0),
            row(["03-1234-5678"], 0.0, 4.0, 9.0),
            row(["請求書 2025-12-05"], 0.0, 1.0, 7.0),
        ],
    )
    assert [tuple(values.values()) for values in batch.to_pylist()] == [
        (AS_OF, "(redacted)", 3, 20, 3.8),  # (1 x 4 + 3 x 12 + 9 x 4) / 20
        (AS_OF, "請求書 2025-12-05", 0, 1, 7.0),
    ]


@pytest.mark.parametrize("kind", ["discover", "googleNews"])
def test_feeds_have_no_position(kind: SearchType) -> None:
    """Google leaves it out; a client of another make that fills in a zero is not believed either."""
    found = [{"keys": ["https://a.com/x?utm=1"], "clicks": 2.0, "impressions": 9.0}, row(["https://a.com/x"], 1, 4, 0)]
    assert [tuple(values.values()) for values in record_batch(PAGE_DAYS, AS_OF, kind, found).to_pylist()] == [
        (AS_OF, kind, "a.com", "/x", 3, 13, None)
    ]


urls = st.sampled_from(
    ["https://a.com/", "https://a.com/?p=1", "http://a.com/#x", "https://A.com", "https://a.com/b?p=2",
     "https://a.com/taro@a.com", "https://a.com/jiro%40a.com#1"]
)  # fmt: skip
queries = st.sampled_from(["x", "y", "taro@a.com", "jiro@b.org", "tel 090-1234-5678"])
rows = st.builds(row, st.tuples(urls, queries).map(list), st.integers(0, 9), st.integers(0, 99), st.floats(1, 80))


@given(st.lists(rows, max_size=20))
def test_no_click_is_lost_and_every_key_is_there_once(some: list[dict[str, Any]]) -> None:
    batch = record_batch(PAGE_QUERY_DAYS, AS_OF, "web", some)
    keys = list(zip(*(batch[name].to_pylist() for name in PAGE_QUERY_DAYS.key), strict=True))
    assert len(set(keys)) == len(keys)
    assert sum(batch["clicks"].to_pylist()) == sum(one["clicks"] for one in some)
    weighted = sum(p * i for p, i in zip(batch["position"].to_pylist(), batch["impressions"].to_pylist(), strict=True))
    assert weighted == pytest.approx(sum(one["position"] * one["impressions"] for one in some))
    # A mean lies among what it is the mean of, and nobody is in it.
    places = [one["position"] for one in some]
    assert all(min(places) - 1e-9 <= place <= max(places) + 1e-9 for place in batch["position"].to_pylist())
    assert not [text for name in ("path", "query") for text in batch[name].to_pylist() if "@" in text or "090" in text]


@pytest.mark.parametrize("spelling", ["first_incomplete_date", "firstIncompleteDate"])
def test_days_from_the_first_incomplete_one_on_are_not_final(spelling: str) -> None:
    answer = {
        "rows": [row([f"2026-11-{day}"], 1.0, 2.0, 3.0) for day in (17, 18, 19)],
        "metadata": {spelling: "2026-11-18"},
    }
    assert [tuple(values.values()) for values in day_batch({"web": [answer]}).to_pylist()] == [
        (date(2026, 11, 17), "web", 1, 2, True, 3.0),
        (date(2026, 11, 18), "web", 1, 2, False, 3.0),
        (date(2026, 11, 19), "web", 1, 2, False, 3.0),
    ]


def test_no_type_is_final_before_web_is_and_each_may_be_later() -> None:
    def answer(first_incomplete: str) -> dict[str, Any]:
        days = [row([f"2026-11-{day}"], 1.0, 2.0, 3.0) for day in (16, 17, 18, 19)]
        return {"rows": days, "metadata": {"first_incomplete_date": first_incomplete}}

    batch = day_batch(
        {"web": [answer("2026-11-18")], "image": [answer("2026-11-19")], "discover": [answer("2026-11-17")]}
    )
    final = {(kind, day.day) for day, kind, _, _, is_final, _ in map(dict.values, batch.to_pylist()) if is_final}
    assert final == {("web", 16), ("web", 17), ("image", 16), ("image", 17), ("discover", 16)}


def test_without_an_incomplete_day_all_are_final_and_no_rows_are_no_days() -> None:
    assert day_batch({"web": [{"rows": [row(["2026-11-17"], 1.0, 2.0, 3.0)]}]})["is_final"].to_pylist() == [True]
    assert day_batch({"web": [{"responseAggregationType": "byProperty"}]}).num_rows == 0


@pytest.mark.parametrize(
    ("site_url", "partly", "never"),
    [
        ("sc-domain:example.com", [], []),
        ("sc-domain:Example.com", [], []),
        ("sc-domain:www.example.com", [], ["example.com/blog/", "example.com/news/"]),
        ("sc-domain:ample.com", [], ["www.example.com/blog/", "www.example.com/news/", "example.com/blog/",
                                     "example.com/news/"]),
        ("https://www.example.com/", [], ["example.com/blog/", "example.com/news/"]),
        ("https://WWW.example.com:8443/", [], ["example.com/blog/", "example.com/news/"]),
        ("https://www.example.com/blog/", [], ["www.example.com/news/", "example.com/blog/", "example.com/news/"]),
        ("https://www.example.com/blog/jp/", ["www.example.com/blog/"],
         ["www.example.com/news/", "example.com/blog/", "example.com/news/"]),
    ],
)  # fmt: skip
def test_what_a_property_does_not_hold(site_url: str, partly: list[str], never: list[str]) -> None:
    assert uncovered(site_url, ["www.example.com", "example.com"], ["/blog/", "/news/"]) == (partly, never)


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
    running.search_console.site_url = SITE


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
    got_days = got[DAYS.name]
    got[DAYS.name] = got_days[got_days["search_type"] == "web"]
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
        rows_of = got[table.name]
        if table is PAGE_DAYS:
            rows_of = rows_of[rows_of["search_type"] == "web"]
        rows_of = rows_of.set_index(by)
        assert len(rows_of) == len(expected)
        assert (rows_of["clicks"] - expected["clicks"]).abs().max() == 0
        assert (rows_of["impressions"] - expected[impressions]).abs().max() == 0
        assert set(rows_of.get("host", pd.Series([HOST]))) == {HOST}


def test_other_types_are_read_where_they_have_rows(servers: demo.Demo, service: Resource) -> None:
    """Images and Discover as the world has them; video and the news have nothing, for a request a month."""
    first = date(2026, 9, 15)
    got = frames(draw(search_console.load(service, SITE, first, AS_OF, QUICK)))
    truth = servers.world.other_search
    truth = truth.assign(date_on=pd.to_datetime(truth["day"].to_numpy(), unit="D").date)
    truth = truth[truth["date_on"] >= first]
    truth = truth.assign(path=[site().paths[page] for page in truth["page"]])
    assert set(got[DAYS.name]["search_type"]) == {"web", "image", "discover"} == {"web", *truth["search_type"]}
    for table, by in ((DAYS, ["date_on", "search_type"]), (PAGE_DAYS, ["date_on", "search_type", "path"])):
        other = got[table.name][got[table.name]["search_type"] != "web"].set_index(by)
        expected = truth.groupby(by)[["clicks", "impressions"]].sum()
        assert other.index.sort_values().tolist() == expected.index.tolist()
        assert (other[["clicks", "impressions"]] - expected).abs().max().max() == 0
        assert other["position"].isna().tolist() == [kind == "discover" for kind in other.index.get_level_values(1)]
    asked = [request.what for request in servers.requests]
    shown = {kind: days["date_on"].nunique() for kind, days in truth.groupby("search_type")}
    web_days = (AS_OF - first).days
    # By date six types in three months; then three kinds of rows of each day of web, pages alone of the others.
    assert len(asked) == 3 * 6 + 3 * web_days + shown["image"] + shown["discover"]


def test_a_night_is_a_request_by_type_and_three_a_day_and_each_leaves_its_fetch(
    servers: demo.Demo, service: Resource
) -> None:
    loads = draw(search_console.load(service, SITE, AS_OF - 3 * DAY, AS_OF, QUICK))
    fetches = [fetch for load in loads for fetch in load.fetches]
    others = sum(batch["search_type"].to_pylist().count(kind) for batch in loads[-1].batches for kind in OTHERS)
    assert len(servers.requests) == 6 + 3 * 3 + others  # the newest day has no rows yet
    assert [fetch.row_count for fetch in fetches] == [request.rows for request in servers.requests]
    assert (fetches[0].table_name, fetches[0].request) == (DAYS.name, "searchanalytics.query web date from row 0")
    assert {(fetch.window_start, fetch.window_end) for fetch in fetches[:6]} == {(AS_OF - 3 * DAY, AS_OF)}
    assert {(fetch.window_start, fetch.flags, fetch.retries) for fetch in fetches[6:]} == {
        (AS_OF - age * DAY, (), 0) for age in (1, 2, 3)
    }
    # raw.fetches is told apart by request and window.
    assert len({(fetch.table_name, fetch.request, fetch.window_start) for fetch in fetches}) == len(fetches)


def test_web_alone_is_one_request_by_date_and_three_a_day(servers: demo.Demo, service: Resource) -> None:
    loads = draw(search_console.load(service, SITE, AS_OF - 3 * DAY, AS_OF, QUICK, search_types=["web"]))
    assert len(servers.requests) == 1 + 3 * 3
    assert set(frames(loads)[DAYS.name]["search_type"]) == {"web"}


@pytest.mark.parametrize("prefix", ["https://www.example.co.jp/", "https://www.example.co.jp/articles/"])
def test_a_url_prefix_property_is_asked_for_by_its_url(servers: demo.Demo, service: Resource, prefix: str) -> None:
    servers.search_console.site_url = prefix
    loads = draw(search_console.load(service, prefix, AS_OF - 9 * DAY, AS_OF, QUICK))
    assert [warning for load in loads for warning in load.warnings] == []
    pages = frames(loads)[PAGE_DAYS.name]
    assert all(("https://" + pages["host"] + pages["path"]).str.startswith(prefix))
    assert any(path.startswith("/articles/") for path in pages["path"])
    assert any(not path.startswith("/articles/") for path in pages["path"]) == (prefix == "https://www.example.co.jp/")


@pytest.mark.parametrize(
    ("property_url", "hint"),
    [("http://www.example.co.jp/", "http is not https"), ("sc-domain:example.co.jp", "Search Console itself")],
)
def test_a_property_without_any_row_says_why_that_may_be(
    servers: demo.Demo, service: Resource, property_url: str, hint: str
) -> None:
    servers.search_console.site_url = property_url
    start = AS_OF - 60 * DAY if property_url != SITE else date(2024, 1, 1)
    loads = draw(search_console.load(service, property_url, start, start + 40 * DAY, QUICK))
    (warning,) = [warning for load in loads for warning in load.warnings]
    assert f"no row of {property_url} from {start} to {start + 40 * DAY}: " in warning
    assert hint in warning
    # The few days of a night may well have none.
    assert not [load for load in search_console.load(service, property_url, AS_OF, AS_OF, QUICK)
                if list(load.batches) and load.warnings]  # fmt: skip


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
    web: list[SearchType] = ["web"]
    first = next(search_console.load(service, SITE, day, day, QUICK, web))
    pages = sum(batch.num_rows for batch in first.batches)
    load = next(search_console.load(service, SITE, day, day, Limits(page_rows=pages, pause_seconds=0.01), web))
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


def test_an_answer_that_ends_within_a_character_is_asked_for_again(servers: demo.Demo, service: Resource) -> None:
    servers.faults.switch_on(demo.Fault("truncated_json", api="search_console", skip=2))
    day = AS_OF - 3 * DAY
    loads = draw(search_console.load(service, SITE, day, day, QUICK, search_types=["web"]))
    (queries,) = [fetch for load in loads for fetch in load.fetches if fetch.table_name == QUERY_DAYS.name]
    assert (queries.retries, queries.row_count > 100) == (1, True)


def test_a_late_answer_is_never_taken_for_the_next_one(servers: demo.Demo) -> None:
    servers.faults.switch_on(demo.Fault("slow", api="search_console", seconds=2.0, skip=1))
    day = AS_OF - 3 * DAY
    with search_console.service(servers.http, ANONYMOUS, timeout_seconds=1.0) as service:
        loads = draw(search_console.load(service, SITE, day, day, QUICK))
    fetches = [fetch for load in loads for fetch in load.fetches]
    assert [fetch.retries for fetch in fetches] == [0, 1, *[0] * (len(fetches) - 2)]
    while len(servers.requests) < len(fetches) + 1:  # the slow one is logged when it ends
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
