"""GA4: what is asked for, what an answer becomes, and the official client against the demo's servers."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from time import sleep
from typing import Any

import grpc
import pandas as pd
import pyarrow as pa
import pytest
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.types import (
    BatchRunReportsRequest,
    BatchRunReportsResponse,
    ResponseMetaData,
    RunReportResponse,
)
from google.auth.credentials import AnonymousCredentials
from hypothesis import given
from hypothesis import strategies as st

import demo
from connectors import ga4, ga4_tables
from connectors.errors import OutOfQuota, SourceError
from connectors.ga4_reports import (
    Report,
    Request,
    flags,
    monday,
    parse_period,
    quarter_start,
    quarters,
    readings,
    record_batches,
    summed,
)
from connectors.personal import Pseudonyms
from connectors.table import Load
from demo.site import FORMER_TITLE, HOST, PV_HEAVY, RETITLED, SCRIPTED, SCRIPTED_TITLE, site

DAY = timedelta(days=1)
AS_OF = date(2026, 11, 20)
START = date(2026, 6, 10)  # a Wednesday within a fiscal quarter
EVENTS = {
    "download": "file_download", "inquiry": "generate_lead", "newsletter": "sign_up",
    "one_minute": "engaged_60s", "second_page": "second_page_view",
}  # fmt: skip
PROPERTY = ga4.Property("400000001", (HOST,), ("/articles/",), EVENTS, fiscal_year_start=4)
QUICK = ga4.Limits(timeout_seconds=30.0, pause_seconds=0.01)
ANONYMOUS = AnonymousCredentials()  # type: ignore[no-untyped-call]


# What is asked for ---------------------------------------------------------------------------------------------------

dates = st.dates(date(2023, 1, 1), date(2028, 12, 31))


@given(dates, st.integers(0, 900), st.integers(1, 12))
def test_quarters_hold_every_day_once_and_none_crosses_a_fiscal_quarter(first: date, length: int, fiscal: int) -> None:
    last = first + length * DAY
    chunks = list(quarters(first, last, fiscal))
    assert chunks[0][0] == first
    assert chunks[-1][1] == last
    assert all(after[0] == before[1] + DAY for before, after in pairwise(chunks))
    assert all(quarter_start(a, fiscal) == quarter_start(b, fiscal) for a, b in chunks)


def test_a_fiscal_year_from_april_has_its_quarters_in_april_july_october_and_january() -> None:
    assert quarter_start(date(2026, 6, 30), 4) == date(2026, 4, 1)
    assert quarter_start(date(2026, 1, 1), 4) == date(2026, 1, 1)
    assert quarter_start(date(2026, 1, 1), 2) == date(2025, 11, 1)
    assert quarter_start(date(2026, 12, 31), 12) == date(2026, 12, 1)


def period_end(grain: str, begin: date) -> date:
    months = {"month": 1, "quarter": 3}
    return begin + 6 * DAY if grain == "week" else (begin + pd.DateOffset(months=months[grain])).date() - DAY


def period_begin(grain: str, day: date, fiscal: int) -> date:
    return {"week": monday(day), "month": day.replace(day=1), "quarter": quarter_start(day, fiscal)}[grain]


@given(dates, st.integers(0, 91), st.integers(0, 400), st.integers(0, 200), st.integers(1, 12))
def test_every_period_of_a_replaced_span_is_asked_for_whole(
    first: date, length: int, since_start: int, beyond: int, fiscal: int
) -> None:
    _, last = next(quarters(first, first + length * DAY, fiscal))
    start, through = first - since_start * DAY, last + beyond * DAY
    property = replace(PROPERTY, fiscal_year_start=fiscal)
    for reading in readings(property, first, last, start, through):
        assert reading.end == last
        for request in reading.requests:
            assert start <= request.first <= request.last <= through
            grain = request.report.grain
            if grain == "day":
                restated = 14 if reading.table.name == "ga4_channel_key_events" else 3
                assert (request.first, request.last) == (max(start, first - restated * DAY), last)
                assert (reading.start, reading.end) == (request.first, request.last)
                continue
            day = request.first
            while day <= request.last:  # each period that the request touches
                begin = period_begin(grain, day, fiscal)
                end = period_end(grain, begin)
                assert reading.start <= begin <= reading.end
                assert request.first <= max(begin, start)
                assert request.last >= min(end, through)
                assert request.period_start in (None, begin)
                day = end + DAY
        for grain in {request.report.grain for request in reading.requests} - {"day"}:
            # Whatever the delete of start..end takes away comes back, as far as the company's days go.
            asked = [request for request in reading.requests if request.report.grain == grain]
            begin = period_begin(grain, max(reading.start, start), fiscal)
            if begin < reading.start:
                begin = period_end(grain, begin) + DAY
            while begin <= last:
                assert any(request.first <= max(begin, start) <= request.last for request in asked)
                begin = period_end(grain, begin) + DAY


def test_a_night_asks_for_18_reports_and_a_night_at_a_quarters_edge_for_21() -> None:
    def count(day: date) -> int:
        return sum(len(reading.requests) for reading in readings(PROPERTY, day, day, date(2025, 4, 1), day))

    assert count(date(2026, 11, 20)) == 18
    assert count(date(2026, 10, 3)) == 21  # 30 September is restated, so the quarter before is read once more


def test_without_events_and_articles_their_tables_are_replaced_by_nothing() -> None:
    bare = ga4.Property("1", (HOST,))
    plan = {reading.table.name: reading for reading in readings(bare, AS_OF, AS_OF, START, AS_OF)}
    empty = {name for name, reading in plan.items() if not reading.requests}
    assert empty == {
        "ga4_onward_days", "ga4_event_days", "ga4_event_users", "ga4_article_users",
        "ga4_page_titles", "ga4_article_ends", "ga4_page_ends", "ga4_client_days",
    }  # fmt: skip
    assert set(plan) == {table.name for table in ga4.TABLES}


# What an answer becomes ----------------------------------------------------------------------------------------------


def report(dimensions: Iterable[str], metrics: Iterable[str], rows: list[tuple[list[str], list[str]]]) -> Any:
    """A protobuf RunReportResponse."""
    answer = RunReportResponse.pb(RunReportResponse(row_count=len(rows)))
    for name in dimensions:
        answer.dimension_headers.add(name=name)
    for name in metrics:
        answer.metric_headers.add(name=name)
    for values, numbers in rows:
        row = answer.rows.add()
        for value in values:
            row.dimension_values.add(value=value)
        for number in numbers:
            row.metric_values.add(value=number)
    return answer


@pytest.mark.parametrize(
    ("value", "grain", "first_day"),
    [
        ("20260228", "day", date(2026, 2, 28)),
        ("202602", "month", date(2026, 2, 1)),
        ("202601", "week", date(2025, 12, 29)),
        ("202653", "week", date(2026, 12, 28)),
    ],
)
def test_periods_are_named_by_their_first_day(value: str, grain: str, first_day: date) -> None:
    assert parse_period(value, grain) == first_day


@given(dates)
def test_every_day_is_found_again_in_the_period_it_belongs_to(day: date) -> None:
    assert parse_period(day.strftime("%Y%m%d"), "day") == day
    assert parse_period(day.strftime("%G%V"), "week") == monday(day)
    assert parse_period(day.strftime("%Y%m"), "month") == day.replace(day=1)


def test_what_is_no_day_is_refused() -> None:
    with pytest.raises(SourceError, match=r"'\(other\)' where a day belongs"):
        parse_period("(other)", "day")


def test_rows_become_typed_columns_and_the_other_row_stays() -> None:
    wanted = Request(Report(ga4_tables.PAGE_DAYS), AS_OF, AS_OF)
    answer = report(
        ["date", "hostName", "pagePath"],
        ["screenPageViews", "userEngagementDuration", "eventCount"],
        [(["20261119", HOST, "/"], ["12", "34.5", "40"]), (["20261120", HOST, "(other)"], ["1", "0", "2"])],
    )
    (batch,) = record_batches(answer, wanted, [])
    assert batch.schema.equals(ga4_tables.PAGE_DAYS.schema)
    assert [tuple(row.values()) for row in batch.to_pylist()] == [
        (date(2026, 11, 19), HOST, "/", 12, 34.5, 40),
        (date(2026, 11, 20), HOST, "(other)", 1, 0.0, 2),
    ]


def test_counts_may_come_as_decimals_and_of_a_sample_as_fractions() -> None:
    wanted = Request(Report(ga4_tables.CHANNEL_KEY_EVENTS), AS_OF, AS_OF)
    answer = report(
        ["date", "sessionDefaultChannelGroup", "eventName"],
        ["keyEvents"],
        [(["20261120", "Direct", "a"], ["3.0"]), (["20261120", "Direct", "b"], ["1234.6"])],
    )
    (batch,) = record_batches(answer, wanted, [])
    assert batch["key_events"].to_pylist() == [3, 1235]


def test_a_quarter_is_named_by_the_request() -> None:
    wanted = Request(Report(ga4_tables.EVENT_USERS, "quarter", "events"), START, date(2026, 6, 30), date(2026, 4, 1))
    answer = report(["eventName"], ["activeUsers", "eventCount"], [(["sign_up"], ["2", "3"])])
    (batch,) = record_batches(answer, wanted, [])
    assert [tuple(row.values()) for row in batch.to_pylist()] == [("quarter", date(2026, 4, 1), "sign_up", 2, 3)]


def test_other_columns_than_those_asked_for_are_refused() -> None:
    wanted = Request(Report(ga4_tables.ONWARD_DAYS), AS_OF, AS_OF)
    with pytest.raises(SourceError, match="incomplete"):
        list(record_batches(report(["landingPage", "date"], ["sessions"], [(["/", "20261120"], ["1"])]), wanted, []))


def test_flags_tell_what_ga4_says_of_its_answer() -> None:
    metadata = ResponseMetaData.pb(ResponseMetaData())
    assert flags(metadata) == ()
    metadata.schema_restriction_response.active_metric_restrictions.add(metric_name="keyEvents")
    metadata.subject_to_thresholding = True
    assert flags(metadata) == ("thresholded", "restricted")


# The client against the demo's servers -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(AS_OF) as servers:
        yield servers


@pytest.fixture
def servers(running: demo.Demo) -> Iterator[demo.Demo]:
    """The demo's servers without a fault and with a new hour's and day's quota."""
    before = vars(running.answers).copy()
    running.faults.clear()
    running.forget_requests()
    yield running
    vars(running.answers).update(before)
    running.faults.clear()


@pytest.fixture
def client(servers: demo.Demo) -> Iterator[BetaAnalyticsDataClient]:
    with ga4.client(servers.ga4_grpc, "grpc", ANONYMOUS) as connected:
        yield connected


@pytest.fixture
def rest_client(servers: demo.Demo) -> Iterator[BetaAnalyticsDataClient]:
    with ga4.client(servers.http, "rest", ANONYMOUS) as connected:
        yield connected


Store = dict[str, pa.Table]


def keep(loads: Iterable[Load], store: Store) -> Store:
    """Replace each load's span in ``store``, as the warehouse does."""
    for load in loads:
        table, column = load.table, load.table.date_column
        assert column is not None
        rows = pa.Table.from_batches(load.batches, table.schema)
        assert all(load.start <= day <= load.end for day in rows[column].to_pylist())
        old = store.get(table.name, table.schema.empty_table()).to_pandas()
        outside = old[(old[column] < load.start) | (old[column] > load.end)] if len(old) else old
        store[table.name] = pa.concat_tables([pa.Table.from_pandas(outside, table.schema, preserve_index=False), rows])
    return store


def differing(one: Store, other: Store) -> list[str]:
    """The tables that differ, whatever the order of their rows."""

    def ordered(table: pa.Table) -> pa.Table:
        return table.sort_by([(name, "ascending") for name in table.schema.names])

    return [name for name in one if not ordered(one[name]).equals(ordered(other[name]))]


@pytest.fixture(scope="module")
def loaded(running: demo.Demo) -> Store:
    with ga4.client(running.ga4_grpc, "grpc", ANONYMOUS) as connected:
        return keep(ga4.load(connected, PROPERTY, START, AS_OF, START, limits=QUICK), {})


@pytest.fixture(scope="module")
def views(running: demo.Demo) -> pd.DataFrame:
    """The page views that GA4 has received by AS_OF, from START on, one row each."""
    world = running.world
    visits = world.visits[["arrived", "number", "landing", "channel"]]
    views = world.views.join(visits, on="session")
    first, last = (START - date(1970, 1, 1)).days, (AS_OF - date(1970, 1, 1)).days
    views = views[(views["arrived"] <= last) & (views["day"] >= first)]
    return views.assign(date=pd.to_datetime(views["day"].to_numpy(), unit="D").date)


def test_page_days_are_the_worlds_page_views(views: pd.DataFrame, loaded: Store) -> None:
    rows = loaded["ga4_page_days"].to_pandas()
    got = {(r.date_on, r.path): (r.page_views, r.engagement_seconds) for r in rows.itertuples()}
    truth = views.assign(path=views["page"].map(dict(enumerate(site().paths)))).groupby(["date", "path"])["seconds"]
    expected: dict[Any, Any] = dict(zip(truth.indices, zip(truth.size(), truth.sum(), strict=True), strict=True))
    assert {key: value for key, value in expected.items() if got.get(key) != value} == {}
    assert len(got) == len(rows) == len(expected)
    assert set(rows["host"]) == {HOST}


@pytest.mark.parametrize("grain", ["week", "month", "quarter"])
def test_users_of_each_period_are_counted_in_the_whole_period(views: pd.DataFrame, loaded: Store, grain: str) -> None:
    begins = {day: period_begin(grain, day, 4) for day in views["date"].unique()}
    periods = views.assign(period=views["date"].map(begins)).groupby("period")
    expected = {
        begin: (
            rows.loc[rows["seconds"] > 0, "user"].nunique(),
            rows["user"].nunique(),
            rows.loc[(rows["ordinal"] == 0) & (rows["number"] == 1), "user"].nunique(),
            rows["session"].nunique(),
            float(rows["seconds"].sum()),
        )
        for begin, rows in periods
    }
    rows = loaded["ga4_users"].to_pandas().query("grain == @grain").drop(columns="grain")
    assert {row[0]: row[1:] for row in rows.itertuples(index=False, name=None)} == expected


def test_article_users_are_counted_on_article_pages_alone(views: pd.DataFrame, loaded: Store) -> None:
    articles = [page for page, path in enumerate(site().paths) if path.startswith("/articles/")]
    october = views[views["date"].between(date(2026, 10, 1), date(2026, 10, 31)) & views["page"].isin(articles)]
    rows = loaded["ga4_article_users"].to_pandas().query("grain == 'month'").set_index("period_start")
    row = rows.loc[date(2026, 10, 1)]
    assert row["active_users"] == october.loc[october["seconds"] > 0, "user"].nunique()
    assert row["scrolled_users"] == october.loc[october["scrolled"], "user"].nunique()
    assert row["engagement_seconds"] == october["seconds"].sum()
    assert row["page_views"] == len(october)


def test_titles_are_of_the_articles_with_their_views_of_each_month(views: pd.DataFrame, loaded: Store) -> None:
    rows = loaded["ga4_page_titles"].to_pandas()
    assert rows["path"].str.startswith("/articles/").all()
    found = {(r.period_start, r.path, r.title): r.page_views for r in rows.itertuples()}
    october = views[views["date"].between(date(2026, 10, 1), date(2026, 10, 31))]["page"].value_counts()
    for path, title in ((PV_HEAVY, "請求書の無料テンプレート"), (SCRIPTED, SCRIPTED_TITLE)):
        assert found[date(2026, 10, 1), path, title] == october[site().paths.index(path)]
    titles = rows[rows["path"] == RETITLED].groupby("period_start")["title"].apply(sorted).to_dict()
    newer = "請求書にかかる費用の目安"
    assert titles[date(2026, 8, 1)] == [FORMER_TITLE]
    assert titles[date(2026, 9, 1)] == sorted([FORMER_TITLE, newer])
    assert titles[date(2026, 10, 1)] == [newer]


def test_sessions_by_landing_page_and_those_that_went_on(views: pd.DataFrame, loaded: Store) -> None:
    heavy = views[views["landing"] == site().paths.index(PV_HEAVY)]
    sessions, onward = heavy["session"].nunique(), heavy.loc[heavy["ordinal"] == 1, "session"].nunique()
    landed, went_on = loaded["ga4_landing_days"].to_pandas(), loaded["ga4_onward_days"].to_pandas()
    assert landed.loc[landed["landing_path"] == PV_HEAVY, "sessions"].sum() == sessions
    assert went_on.loc[went_on["landing_path"] == PV_HEAVY, "sessions"].sum() == onward


def test_events_are_the_configured_ones(views: pd.DataFrame, loaded: Store) -> None:
    inquiries = int((views["conversion"] == 2).sum())
    days, users = loaded["ga4_event_days"].to_pandas(), loaded["ga4_event_users"].to_pandas()
    assert set(days["event_name"]) == set(EVENTS.values())
    assert days.loc[days["event_name"] == "generate_lead", "event_count"].sum() == inquiries
    quarters_of = users[(users["grain"] == "quarter") & (users["event_name"] == "generate_lead")]
    assert quarters_of["event_count"].sum() == inquiries
    channels = loaded["ga4_channel_key_events"].to_pandas()
    assert channels["key_events"].sum() == (views["conversion"] > 0).sum()


def test_nights_over_a_quarters_edge_add_up_to_one_load(client: BetaAnalyticsDataClient) -> None:
    start = date(2026, 9, 9)

    def load(first: date, last: date) -> Iterator[Load]:
        return ga4.load(client, PROPERTY, first, last, start, limits=QUICK)

    store = keep(load(start, date(2026, 9, 29)), {})
    keep(load(date(2026, 9, 30), date(2026, 9, 30)), store)
    keep(load(date(2026, 10, 1), date(2026, 10, 4)), store)
    keep(load(date(2026, 10, 5), date(2026, 10, 5)), store)  # a Monday
    assert differing(store, keep(load(start, date(2026, 10, 5)), {})) == []


def test_reading_days_of_long_ago_again_changes_nothing(client: BetaAnalyticsDataClient, loaded: Store) -> None:
    again = ga4.load(client, PROPERTY, date(2026, 8, 5), date(2026, 8, 6), START, through=AS_OF, limits=QUICK)
    assert differing(keep(again, dict(loaded)), loaded) == []


def test_a_night_corrects_the_days_that_ga4_restates(servers: demo.Demo) -> None:
    first = AS_OF - 40 * DAY
    today = servers.world
    with ga4.client(servers.ga4_grpc, "grpc", ANONYMOUS) as client:
        try:
            servers.show(demo.simulate(AS_OF - DAY))
            yesterdays = keep(ga4.load(client, PROPERTY, first, AS_OF - DAY, first, limits=QUICK), {})
        finally:
            servers.show(today)
        tonight = keep(ga4.load(client, PROPERTY, AS_OF, AS_OF, first, limits=QUICK), dict(yesterdays))
        whole = keep(ga4.load(client, PROPERTY, first, AS_OF, first, limits=QUICK), {})
    assert differing(tonight, whole) == []
    of_three_days_ago = [
        rows.to_pandas().set_index("date_on").loc[AS_OF - 3 * DAY, "sessions"]
        for rows in (yesterdays["ga4_site_days"], tonight["ga4_site_days"])
    ]
    assert of_three_days_ago[0] < of_three_days_ago[1]


def night(client: BetaAnalyticsDataClient, property: ga4.Property = PROPERTY, limits: ga4.Limits = QUICK) -> list[Load]:
    """One night's loads, each drawn."""
    return draw(ga4.load(client, property, AS_OF, AS_OF, START, limits=limits))


def draw(loads: Iterator[Load]) -> list[Load]:
    drawn = []
    for load in loads:
        drawn.append(load)
        load.batches = iter(list(load.batches))
    return drawn


def test_a_night_is_four_requests_and_each_report_leaves_its_fetch(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    loads = night(client)
    fetches = [fetch for load in loads for fetch in load.fetches]
    assert [request.method for request in servers.requests] == ["BatchRunReports"] * 4
    assert [load.table for load in loads] == sorted(ga4.TABLES, key=lambda table: [r.table for r in loads].index(table))
    assert len(fetches) == 18
    assert sum(fetch.row_count for fetch in fetches) == sum(request.rows for request in servers.requests)
    assert all(fetch.quota["tokens_per_day"] > 0 and not fetch.flags and not fetch.error for fetch in fetches)
    assert (fetches[0].window_start, fetches[0].window_end) == (AS_OF - 3 * DAY, AS_OF)


def test_pages_add_up_to_the_whole(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    pages = night(client, limits=replace(QUICK, page_rows=400))
    assert any("from row 800" in fetch.request for load in pages for fetch in load.fetches)
    assert differing(keep(night(client), {}), keep(pages, {})) == []


def test_rest_gives_what_grpc_gives(client: BetaAnalyticsDataClient, rest_client: BetaAnalyticsDataClient) -> None:
    assert differing(keep(night(client), {}), keep(night(rest_client), {})) == []


def test_a_row_count_that_changes_between_pages_is_refused(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    loads = ga4.load(client, PROPERTY, AS_OF, AS_OF, START, limits=replace(QUICK, page_rows=200))
    next(load for load in loads if [*load.batches] and load.table is ga4_tables.SITE_DAYS)
    page_days = next(loads)
    next(page_days.batches)
    servers.answers.other_row_beyond = 3
    with pytest.raises(SourceError, match="between its pages"):
        list(page_days.batches)
    assert page_days.fetches[-1].error is not None


def test_what_ga4_says_of_its_answers_is_kept(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    servers.answers.thresholded, servers.answers.sampling_rate, servers.answers.truncated = True, 0.5, True
    servers.answers.other_row_beyond = 5
    loads = night(client)
    assert {fetch.flags for load in loads for fetch in load.fetches} == {
        ("sampled", "thresholded", "other_row", "truncated")
    }
    page_days = keep([load for load in loads if load.table is ga4_tables.PAGE_DAYS], {})["ga4_page_days"]
    assert "(other)" in page_days["path"].to_pylist()


# What goes wrong -----------------------------------------------------------------------------------------------------

MENDABLE = [("429_concurrent", 4), ("500", 2), ("503", 2), ("reset", 1), ("truncated", 1)]


@pytest.mark.parametrize(("kind", "times"), MENDABLE)
def test_a_passing_fault_is_asked_over(
    servers: demo.Demo, client: BetaAnalyticsDataClient, kind: str, times: int
) -> None:
    servers.faults.switch_on(demo.Fault(kind, times=times, skip=1))
    loads = night(client)
    assert sum(fetch.retries for load in loads for fetch in load.fetches) == times
    assert len(loads) == len(ga4.TABLES)


@pytest.mark.parametrize(("kind", "times"), [*MENDABLE, ("truncated_json", 2)])
def test_a_passing_fault_is_asked_over_by_rest(
    servers: demo.Demo, rest_client: BetaAnalyticsDataClient, kind: str, times: int
) -> None:
    servers.faults.switch_on(demo.Fault(kind, times=times))
    load = next(ga4.load(rest_client, PROPERTY, AS_OF, AS_OF, START, limits=QUICK))
    assert sum(batch.num_rows for batch in load.batches) == 4
    assert load.fetches[0].retries == times


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_an_answer_that_takes_too_long_is_asked_over(servers: demo.Demo, transport: str) -> None:
    servers.faults.switch_on(demo.Fault("slow", seconds=2.5))
    endpoint = servers.ga4_grpc if transport == "grpc" else servers.http
    with ga4.client(endpoint, transport, ANONYMOUS) as client:
        load = next(ga4.load(client, PROPERTY, AS_OF, AS_OF, START, limits=replace(QUICK, timeout_seconds=1.5)))
        assert sum(batch.num_rows for batch in load.batches) == 4
    assert load.fetches[0].retries == 1
    while len(servers.requests) < 2:  # the slow one is logged when it ends
        sleep(0.05)


@pytest.mark.parametrize("kind", ["500", "503", "truncated"])
def test_the_third_server_error_is_the_last(servers: demo.Demo, client: BetaAnalyticsDataClient, kind: str) -> None:
    servers.faults.switch_on(demo.Fault(kind, times=9))
    load = next(ga4.load(client, PROPERTY, AS_OF, AS_OF, START, limits=QUICK))
    with pytest.raises(SourceError, match=r"company\.yml: sources\.ga4: .*did not answer"):
        list(load.batches)
    assert len(servers.requests) == 3
    assert load.fetches[-1].error is not None


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("429_project_hour", "in an hour"),
        ("429_hour", "in an hour"),
        ("429_day", "after midnight Pacific time"),
        ("429_thresholded", "in an hour"),
    ],
)
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_used_up_quota_stops_at_once(servers: demo.Demo, transport: str, kind: str, when: str) -> None:
    servers.faults.switch_on(demo.Fault(kind, times=9))
    message = f"sources.ga4: Exhausted .*\n.*what was there is kept; run again {when}"
    endpoint = servers.ga4_grpc if transport == "grpc" else servers.http
    with ga4.client(endpoint, transport, ANONYMOUS) as client, pytest.raises(OutOfQuota, match=message):
        night(client)
    assert len(servers.requests) == 1


def test_a_quota_at_its_reserve_stops_before_the_next_request(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    before = [load for load in night(client) if load.fetches][-1].fetches[-1].quota["tokens_per_project_per_hour"]
    # The reserve is 20 % of 14,000; five reports that were never asked for are taken to cost 20 each.
    servers.answers.tokens_per_project_per_hour = 14_000 - before + 2_800 + 100
    servers.forget_requests()
    loads = ga4.load(client, PROPERTY, date(2026, 9, 1), AS_OF, START, limits=QUICK)
    first = next(loads)
    assert sum(batch.num_rows for batch in first.batches) > 0  # what is loaded may be kept
    with pytest.raises(OutOfQuota, match=r"of 14,000 tokens per project per hour are left.*about 100, and 2,800 are"):
        draw(loads)
    assert len(servers.requests) == 1
    assert first.fetches[-1].quota["tokens_per_project_per_hour"] >= 2_800


def test_what_is_known_to_be_left_is_heeded_before_the_first_request(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    left = {"tokens_per_day": 150_000, "tokens_per_hour": 30_000, "tokens_per_project_per_hour": 2_850}
    with pytest.raises(OutOfQuota, match="2,850 of 14,000 tokens per project per hour are left"):
        draw(ga4.load(client, PROPERTY, AS_OF, AS_OF, START, limits=QUICK, quota=left))
    assert servers.requests == ()


def test_a_360_property_has_ten_times_the_reserve(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    servers.answers.tokens_per_day, servers.answers.tokens_per_hour = 2_000_000, 400_000
    with pytest.raises(OutOfQuota, match="of 140,000 tokens per project per hour are left"):
        night(client)


def test_another_property_is_refused(client: BetaAnalyticsDataClient) -> None:
    with pytest.raises(SourceError, match=r"sources\.ga4\.property_id: .*User does not have .*\n.*Viewer role"):
        night(client, replace(PROPERTY, property_id="400000002"))


def test_a_measurement_id_is_no_property_id(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    with pytest.raises(SourceError, match=r"sources\.ga4\.property_id: 'G-ABC1234567' is not a property id"):
        night(client, replace(PROPERTY, property_id="G-ABC1234567"))
    assert servers.requests == ()


def test_an_unknown_dimension_is_named(
    servers: demo.Demo, client: BetaAnalyticsDataClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ga4_tables.API_NAMES, "source_medium", "sessionSourceMedia")
    with pytest.raises(SourceError, match="refused the request: Field sessionSourceMedia is not a valid dimension"):
        night(client)
    assert [request.status for request in servers.requests] == ["OK", "INVALID_ARGUMENT"]


def test_without_credentials_google_is_never_asked() -> None:
    with pytest.raises(SourceError, match=r"sources\.ga4\.credentials: .*\n.*env:NAME"):
        ga4.client(None, "grpc", ANONYMOUS)


@contextmanager
def answering(answer: Callable[[Any, grpc.ServicerContext], bytes]) -> Iterator[BetaAnalyticsDataClient]:
    """A client of a gRPC server that gives the same answer to whatever it is asked."""
    server = grpc.server(ThreadPoolExecutor(1))
    methods = {name: grpc.unary_unary_rpc_method_handler(answer) for name in ("RunReport", "BatchRunReports")}
    service = "google.analytics.data.v1beta.BetaAnalyticsData"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with ga4.client(f"127.0.0.1:{port}", "grpc", ANONYMOUS) as connected:
            yield connected
    finally:
        server.stop(None)


@pytest.mark.parametrize(
    ("code", "message", "where"),
    [
        ("UNAUTHENTICATED", "Request had invalid authentication credentials.", "credentials: Google does not accept"),
        ("PERMISSION_DENIED", "The API has not been used in project 1 before", "credentials: .*\n.*enable"),
        ("NOT_FOUND", "Requested entity was not found.", "property_id: "),
        ("RESOURCE_EXHAUSTED", "Received message larger than max (9 vs. 4)", "refused the request: Received message"),
    ],
)  # fmt: skip
def test_errors_that_no_further_try_mends_say_what_to_do(code: str, message: str, where: str) -> None:
    asked = []

    def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
        asked.append(request)
        context.abort(getattr(grpc.StatusCode, code), message)
        raise AssertionError

    with answering(refuse) as client, pytest.raises(SourceError, match=where):
        night(client)
    assert len(asked) == 1


def test_fewer_rows_than_announced_are_refused() -> None:
    parts = report(["date", "hostName"], [], [(["20261120", HOST], [])])
    for name in ("screenPageViews", "sessions", "engagedSessions", "keyEvents"):
        parts.metric_headers.add(name=name)
        parts.rows[0].metric_values.add(value="1")
    parts.row_count = 2
    asked: list[int] = []

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        asked.append(len(asked))
        if len(asked) > 1:  # the second page
            return bytes(RunReportResponse.serialize(RunReportResponse(row_count=2)))
        number = len(BatchRunReportsRequest.pb(BatchRunReportsRequest()).FromString(request).requests)
        batch = BatchRunReportsResponse.pb(BatchRunReportsResponse())
        batch.reports.extend([parts] * number)
        return bytes(batch.SerializeToString())

    with answering(answer) as client, pytest.raises(SourceError, match="1 of 2 rows"):
        night(client)


# What is personal ----------------------------------------------------------------------------------------------------


def page_days(paths: list[tuple[str, str]]) -> Any:
    rows = [(["20261119", HOST, path], [views, "1.5", "2"]) for path, views in paths]
    return report(["date", "hostName", "pagePath"], ["screenPageViews", "userEngagementDuration", "eventCount"], rows)


def test_paths_lose_addresses_and_phone_numbers_and_what_is_then_one_row_adds_up() -> None:
    wanted = Request(Report(ga4_tables.PAGE_DAYS), AS_OF, AS_OF)
    held: list[pa.RecordBatch] = []
    first = page_days([("/", "1"), ("/u/taro@example.com", "2"), ("/u/(redacted)", "4"), ("/05-12-2025", "8")])
    second = page_days([("/u/hanako%40example.com", "16"), ("/call/090-1234-5678", "32")])
    clean = [
        row for page in (first, second) for batch in record_batches(page, wanted, held) for row in batch.to_pylist()
    ]
    (rest,) = summed(held, ga4_tables.PAGE_DAYS)
    found = {row["path"]: (row["page_views"], row["engagement_seconds"]) for row in [*clean, *rest.to_pylist()]}
    assert found == {
        "/": (1, 1.5), "/05-12-2025": (8, 1.5), "/u/(redacted)": (22, 4.5), "/call/(redacted)": (32, 1.5)
    }  # fmt: skip
    assert rest.schema.equals(ga4_tables.PAGE_DAYS.schema)


def test_titles_lose_addresses_and_phone_numbers_and_keep_their_markup() -> None:
    wanted = Request(Report(ga4_tables.PAGE_TITLES, "month", "articles"), AS_OF, AS_OF)
    titles = [
        ("<b>A & B</b>", "1"),
        ("担当 taro@example.com", "2"),
        ("担当 hanako@example.com", "4"),
        ("03-1234-5678", "8"),
    ]
    rows = [(["202611", HOST, "/a", title], [views]) for title, views in titles]
    held: list[pa.RecordBatch] = []
    answer = report(["yearMonth", "hostName", "pagePath", "pageTitle"], ["screenPageViews"], rows)
    clean = [row for batch in record_batches(answer, wanted, held) for row in batch.to_pylist()]
    (rest,) = summed(held, ga4_tables.PAGE_TITLES)
    assert {row["title"]: row["page_views"] for row in [*clean, *rest.to_pylist()]} == {
        "<b>A & B</b>": 1, "担当 (redacted)": 6, "(redacted)": 8
    }  # fmt: skip


def test_clean_paths_are_handed_on_at_once() -> None:
    held: list[pa.RecordBatch] = []
    wanted = Request(Report(ga4_tables.PAGE_DAYS), AS_OF, AS_OF)
    (batch,) = record_batches(page_days([("/a", "1"), ("/2026-11-20/b", "2")]), wanted, held)
    assert (batch.num_rows, held) == (2, [])
    assert list(summed(held, ga4_tables.PAGE_DAYS)) == []


def test_client_ids_are_pseudonyms_and_those_not_set_are_dropped() -> None:
    property = replace(PROPERTY, client_id="customUser:client_id")
    wanted = Request(Report(ga4_tables.CLIENT_DAYS), AS_OF, AS_OF, names=property.names)
    keys = [("1.2", "/a@b.co"), (" 1.2 ", "/c@d.co"), ("", "/x"), ("(not set)", "/x"), ("3.4", "/x")]
    answer = report(
        ["date", "customUser:client_id", "hostName", "pagePath"],
        ["screenPageViews"],
        [(["20261119", client_id, HOST, path], ["5"]) for client_id, path in keys],
    )
    held: list[pa.RecordBatch] = []
    pseudonyms = Pseudonyms(b"k" * 32)
    assert list(record_batches(answer, wanted, held, pseudonyms)) == []
    (batch,) = summed(held, ga4_tables.CLIENT_DAYS)
    assert {(row["client_id"], row["path"]): row["page_views"] for row in batch.to_pylist()} == {
        (pseudonyms.of("1.2"), "/(redacted)"): 10,
        (pseudonyms.of("3.4"), "/x"): 5,
    }


# What reports cost ---------------------------------------------------------------------------------------------------


def test_the_cost_of_a_report_is_that_of_its_nearest_span() -> None:
    wanted = Request(Report(ga4_tables.SITE_DAYS), date(2026, 1, 1), date(2026, 3, 31))  # 90 days
    costs = ga4.Costs()
    assert (costs.expected(wanted).tokens, costs.expected(wanted).is_assumed) == (20, True)
    costs = ga4.Costs([
        ga4.Observed("ga4_site_days", str(wanted), 4, requests=10, tokens=10, seconds=1.0, rows=10),
        ga4.Observed("ga4_site_days", str(wanted), 30, requests=2, tokens=12, seconds=2.0, rows=400_000),
    ])  # fmt: skip
    cost = costs.expected(wanted)
    assert (cost.tokens, cost.seconds, cost.rows, cost.is_assumed) == (18, 3.0, 600_000, False)
    assert costs.expected(replace(wanted, last=date(2026, 1, 1))).tokens == 1  # never less than one
    # Three pages of 250,000 rows: that of the batch, and two more.
    span = (wanted.first, wanted.last, wanted.first, wanted.last)
    assert ga4.plan(PROPERTY, *span, costs).requests == ga4.plan(PROPERTY, *span, ga4.Costs()).requests + 2


def test_a_night_that_was_observed_is_planned_to_the_token(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    costs = ga4.Costs()
    assert ga4.plan(PROPERTY, AS_OF, AS_OF, START, AS_OF, costs).tokens == 18 * 20
    fetches = [fetch for load in night(client) for fetch in load.fetches]
    for fetch in fetches:
        costs.note(fetch)
    planned = ga4.plan(PROPERTY, AS_OF, AS_OF, START, AS_OF, costs)
    assert (planned.requests, planned.assumed, planned.days) == (4, 0, 1)
    assert planned.tokens == sum(fetch.tokens or 0 for fetch in fetches)
