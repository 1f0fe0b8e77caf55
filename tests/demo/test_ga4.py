"""GA4 as Google's own clients see it: agreement with the truth, limits, paging, errors, metadata, restatement."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import grpc
import pandas as pd
import pytest
from google.analytics.data_v1beta import BetaAnalyticsDataClient, types
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataGrpcTransport
from google.api_core import exceptions

import demo
from demo.site import FORMER_TITLE, RETITLED, SCRIPTED, SCRIPTED_TITLE, site
from demo.world import World
from tests.demo.ga4_requests import report, rows, string_filter
from tests.demo.months import monthly

PROPERTY = "properties/400000001"


Months = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def truly(world: World) -> Months:
    return monthly(world)


@pytest.mark.parametrize("client", ["ga4", "ga4_rest"])
def test_months_are_the_truth(client: str, request: pytest.FixtureRequest, truly: Months) -> None:
    api: BetaAnalyticsDataClient = request.getfixturevalue(client)
    asked = report("yearMonth", "screenPageViews activeUsers sessions", "2025-04-01", "yesterday")
    found = rows(api.run_report(asked))
    assert len(found) == 19
    for (month,), values in found.items():
        assert values == tuple(truly[kpi, month] for kpi in ("page_views", "users", "sessions"))


def test_article_kpis_are_the_truth(ga4: BetaAnalyticsDataClient, truly: Months) -> None:
    articles = string_filter("pagePath", "/articles/", "BEGINS_WITH")
    asked = report("yearMonth", "activeUsers scrolledUsers userEngagementDuration", dimension_filter=articles)
    users, scrolled, seconds = rows(ga4.run_report(asked))["202609",]
    assert scrolled / users == pytest.approx(truly["read_through_rate", "202609"], rel=1e-12)
    assert seconds / users == pytest.approx(truly["engagement_seconds", "202609"], rel=1e-12)
    landed = string_filter("landingPage", "/articles/", "BEGINS_WITH")
    sessions = rows(ga4.run_report(report("yearMonth", "sessions", dimension_filter=landed)))["202609",][0]
    both = types.FilterExpression(
        and_group=types.FilterExpressionList(expressions=[landed, string_filter("eventName", "second_page_view")])
    )
    onward = rows(ga4.run_report(report("yearMonth", "sessions", dimension_filter=both)))["202609",][0]
    assert onward / sessions == pytest.approx(truly["onward_rate", "202609"], rel=1e-12)
    minute = string_filter("eventName", "engaged_60s")
    found = rows(ga4.run_report(report("eventName", "activeUsers", dimension_filter=minute)))
    assert found == {("engaged_60s",): (truly["users_over_one_minute", "202609"],)}


def test_a_page_is_called_what_it_was_called_when_it_was_viewed(ga4: BetaAnalyticsDataClient, world: World) -> None:
    of_page = string_filter("pagePath", RETITLED)
    asked = report("pageTitle", "screenPageViews", dimension_filter=of_page)
    found = {title: views for (title,), (views,) in rows(ga4.run_report(asked)).items()}
    by_day = rows(ga4.run_report(report("date", "screenPageViews", dimension_filter=of_page)))
    before = sum(views for (day,), (views,) in by_day.items() if day < "20260916")
    assert found == {FORMER_TITLE: before, "請求書にかかる費用の目安": sum(v for (v,) in by_day.values()) - before}
    scripted = report("pageTitle", "screenPageViews", dimension_filter=string_filter("pagePath", SCRIPTED))
    assert [title for (title,) in rows(ga4.run_report(scripted))] == [SCRIPTED_TITLE]


def test_form_events_are_the_submissions_of_the_exports(ga4: BetaAnalyticsDataClient, world: World) -> None:
    """One event per form on the web, spam and repeats included, on the page that the MA names."""
    named = types.FilterExpression(
        filter=types.Filter(
            field_name="eventName",
            in_list_filter=types.Filter.InListFilter(values=["file_download", "generate_lead", "sign_up"]),
        )
    )
    found = rows(ga4.run_report(report("date pagePath eventName", "keyEvents", dimension_filter=named)))
    forms = world.business.form_submissions
    day = pd.to_datetime(forms["submitted_at"], unit="s")
    event = forms["kind"].map({0: "file_download", 1: "sign_up", 2: "generate_lead"})
    path = forms["page"].map(dict(enumerate(site().paths)))
    expected = pd.Series(list(zip(day.dt.strftime("%Y%m%d"), path, event, strict=True)))
    counts = expected[day.dt.strftime("%Y%m") == "202609"].value_counts()
    assert found == {key: (count,) for key, count in counts.items()}


def test_users_are_fewer_than_the_sum_of_their_days(ga4: BetaAnalyticsDataClient) -> None:
    by_day = rows(ga4.run_report(report("date", "activeUsers")))
    whole = rows(ga4.run_report(report("", "activeUsers")))[()][0]
    assert whole < sum(users for (users,) in by_day.values())


def test_new_and_returning_people_overlap(ga4: BetaAnalyticsDataClient) -> None:
    found = rows(ga4.run_report(report("newVsReturning", "activeUsers")))
    whole = rows(ga4.run_report(report("", "activeUsers")))[()][0]
    assert set(found) == {("new",), ("returning",)}
    assert sum(users for (users,) in found.values()) > whole


def test_sessions_of_landing_pages_add_up_and_those_of_pages_do_not(ga4: BetaAnalyticsDataClient) -> None:
    whole = rows(ga4.run_report(report("", "sessions engagedSessions keyEvents")))[()]
    landing = rows(
        ga4.run_report(
            report("landingPage sessionDefaultChannelGroup sessionSourceMedium", "sessions engagedSessions keyEvents")
        )
    )
    assert tuple(sum(column) for column in zip(*landing.values(), strict=True)) == whole
    pages = rows(ga4.run_report(report("pagePath", "sessions")))
    assert sum(sessions for (sessions,) in pages.values()) > whole[0]


def _pages(ga4: BetaAnalyticsDataClient, size: int, **more: Any) -> Iterator[types.RunReportResponse]:
    offset = 0
    while True:
        answer = ga4.run_report(report("date pagePath", "screenPageViews", limit=size, offset=offset, **more))
        yield answer
        offset += size
        if offset >= answer.row_count:
            return


def test_paging_in_order_gives_every_row_once(ga4: BetaAnalyticsDataClient) -> None:
    whole = rows(ga4.run_report(report("date pagePath", "screenPageViews", limit=250_000)))
    by = types.OrderBy.DimensionOrderBy
    order = [types.OrderBy(dimension=by(dimension_name=name)) for name in ("date", "pagePath")]
    pages = list(_pages(ga4, 1000, order_bys=order))
    assert {page.row_count for page in pages} == {len(whole)}
    keys = [key for page in pages for key in rows(page)]
    assert keys == sorted(whole)


def test_paging_without_order_loses_rows(ga4: BetaAnalyticsDataClient) -> None:
    keys = [key for page in _pages(ga4, 1000) for key in rows(page)]
    assert len(set(keys)) < len(keys)


def test_without_a_limit_there_are_ten_thousand_rows_at_most(ga4: BetaAnalyticsDataClient) -> None:
    answer = ga4.run_report(report("date pagePath", "screenPageViews", "2026-05-01", "2026-09-30"))
    assert len(answer.rows) == 10_000 < answer.row_count


def test_more_than_the_largest_limit_is_cut_to_it(ga4: BetaAnalyticsDataClient) -> None:
    asked = report("date landingPage sessionSourceMedium deviceCategory", "sessions", "2025-04-01", limit=300_000)
    answer = ga4.run_report(asked)
    assert len(answer.rows) == 250_000 < answer.row_count


def test_several_date_ranges_add_their_dimension(ga4: BetaAnalyticsDataClient) -> None:
    ranges = [
        types.DateRange(start_date="2026-09-01", end_date="2026-09-30", name="now"),
        types.DateRange(start_date="2025-09-01", end_date="2025-09-30"),
    ]
    answer = ga4.run_report(report("deviceCategory", "sessions", date_ranges=ranges))
    assert [header.name for header in answer.dimension_headers] == ["deviceCategory", "dateRange"]
    found = rows(answer)
    assert {name for _, name in found} == {"now", "date_range_1"}
    alone = rows(ga4.run_report(report("deviceCategory", "sessions", date_ranges=ranges[1:])))
    assert alone["desktop",] == found["desktop", "date_range_1"]


def test_relative_days_count_from_the_morning_after(ga4: BetaAnalyticsDataClient) -> None:
    found = rows(ga4.run_report(report("date", "sessions", "3daysAgo", "today")))
    assert sorted(found) == [("20261016",), ("20261017",), ("20261018",)]


def test_values_are_as_in_the_real_api(ga4: BetaAnalyticsDataClient) -> None:
    answer = ga4.run_report(
        report("date yearMonth isoYearIsoWeek hostName", "sessions userEngagementDuration", "2025-12-29", "2025-12-29")
    )
    assert list(rows(answer)) == [("20251229", "202512", "202601", "www.example.co.jp")]
    assert [header.type_.name for header in answer.metric_headers] == ["TYPE_INTEGER", "TYPE_SECONDS"]
    assert (answer.metadata.time_zone, answer.metadata.currency_code) == ("Asia/Tokyo", "JPY")
    assert answer.kind == "analyticsData#runReport"


@pytest.mark.parametrize(
    ("filter_", "kept"),
    [
        (string_filter("pagePath", "/PRICING"), {"/pricing"}),
        (string_filter("pagePath", "/PRICING", case_sensitive=True), set()),
        (string_filter("pagePath", "-list", "ENDS_WITH"), {"/download/price-list"}),
        (string_filter("pagePath", "ROI", "CONTAINS"), {"/download/roi-sheet"}),
        (string_filter("pagePath", "/(pricing|product)", "FULL_REGEXP"), {"/pricing", "/product"}),
        (string_filter("pagePath", "^/p.*g$", "PARTIAL_REGEXP"), {"/pricing"}),
        (types.FilterExpression(filter={"field_name": "pagePath", "empty_filter": {}}), set()),
        (
            types.FilterExpression(
                and_group=types.FilterExpressionList(
                    expressions=[
                        string_filter("pagePath", "/p", "BEGINS_WITH"),
                        types.FilterExpression(not_expression=string_filter("pagePath", "/product")),
                    ]
                )
            ),
            {"/pricing"},
        ),
        (
            types.FilterExpression(
                or_group=types.FilterExpressionList(
                    expressions=[string_filter("pagePath", "/"), string_filter("pagePath", "/thanks")]
                )
            ),
            {"/", "/thanks"},
        ),
    ],
)
def test_filters(ga4: BetaAnalyticsDataClient, filter_: types.FilterExpression, kept: set[str]) -> None:
    found = rows(ga4.run_report(report("pagePath", "screenPageViews", dimension_filter=filter_)))
    assert {path for (path,) in found} == kept


def test_metric_filter_and_metric_order(ga4: BetaAnalyticsDataClient) -> None:
    number = {"operation": "GREATER_THAN", "value": {"int64_value": 2000}}
    more_than = types.FilterExpression(filter={"field_name": "screenPageViews", "numeric_filter": number})
    order = [types.OrderBy(metric=types.OrderBy.MetricOrderBy(metric_name="screenPageViews"), desc=True)]
    asked = report("pagePath", "screenPageViews", metric_filter=more_than, order_bys=order)
    views = [value for (value,) in rows(ga4.run_report(asked)).values()]
    assert len(views) > 3
    assert views == sorted(views, reverse=True)
    assert min(views) > 2000


def test_rows_without_anything_appear_only_when_asked_for(ga4: BetaAnalyticsDataClient) -> None:
    asked = report("pagePath", "keyEvents")
    some = rows(ga4.run_report(asked))
    asked.keep_empty_rows = True
    whole = rows(ga4.run_report(asked))
    assert 0 < len(some) < len(whole)
    assert (0,) not in some.values()


def test_a_span_without_data_has_no_rows(ga4: BetaAnalyticsDataClient) -> None:
    answer = ga4.run_report(report("date", "sessions", "2020-01-01", "2020-01-31"))
    assert (answer.row_count, len(answer.rows)) == (0, 0)


@pytest.mark.parametrize("client", ["ga4", "ga4_rest"])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dimensions": [types.Dimension(name="pagepath")]}, "Field pagepath is not a valid dimension"),
        ({"metrics": [types.Metric(name="pv")]}, "Field pv is not a valid metric"),
        ({"dimensions": [types.Dimension(name="date")] * 10}, "limited to 9 dimensions"),
        ({"metrics": [types.Metric(name="sessions")] * 11}, "limited to 10 metrics"),
        ({"date_ranges": [types.DateRange(start_date="today", end_date="today")] * 5}, "limited to 4 dateRanges"),
        ({"date_ranges": [types.DateRange(start_date="2026-13-01", end_date="today")]}, "Invalid date"),
        ({"date_ranges": [types.DateRange(start_date="today", end_date="yesterday")]}, "is after the end date"),
        ({"property": "properties/G-ABC123"}, "A numeric Property ID is required"),
        ({"limit": -1}, "must not be negative"),
    ],
)
def test_invalid_requests(
    client: str, request: pytest.FixtureRequest, changed: dict[str, object], message: str
) -> None:
    asked = report("date", "sessions")
    for name, value in changed.items():
        setattr(asked, name, value)
    with pytest.raises(exceptions.BadRequest, match=message):
        request.getfixturevalue(client).run_report(asked)


@pytest.mark.parametrize("client", ["ga4", "ga4_rest"])
def test_another_property_is_forbidden(client: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(exceptions.Forbidden, match="does not have sufficient permissions for this property"):
        request.getfixturevalue(client).run_report(report("date", "sessions", property="properties/1"))


@pytest.mark.parametrize("client", ["ga4", "ga4_rest"])
def test_batches_of_up_to_five(client: str, request: pytest.FixtureRequest) -> None:
    api: BetaAnalyticsDataClient = request.getfixturevalue(client)
    parts = [report("date", "sessions", property=""), report("pagePath", "screenPageViews", property="")]
    answer = api.batch_run_reports({"property": PROPERTY, "requests": parts})
    assert [part.row_count for part in answer.reports] == [30, 131]
    with pytest.raises(exceptions.BadRequest, match="at most 5"):
        api.batch_run_reports({"property": PROPERTY, "requests": parts * 3})


@pytest.mark.parametrize("client", ["ga4", "ga4_rest"])
def test_metadata_and_compatibility(client: str, request: pytest.FixtureRequest) -> None:
    api: BetaAnalyticsDataClient = request.getfixturevalue(client)
    metadata = api.get_metadata(name=f"{PROPERTY}/metadata")
    assert {"date", "pagePath", "sessionDefaultChannelGroup"} <= {field.api_name for field in metadata.dimensions}
    renamed = {field.api_name: list(field.deprecated_api_names) for field in metadata.metrics}
    assert renamed["keyEvents"] == ["conversions"]
    compatible = api.check_compatibility(
        {"property": PROPERTY, "dimensions": [{"name": "date"}], "metrics": [{"name": "sessions"}]}
    )
    assert {field.compatibility.name for field in compatible.dimension_compatibilities} == {"COMPATIBLE"}
    with pytest.raises(exceptions.BadRequest, match="Field nothing is not a valid dimension"):
        api.check_compatibility({"property": PROPERTY, "dimensions": [{"name": "nothing"}]})


def test_a_deprecated_name_still_works(ga4: BetaAnalyticsDataClient) -> None:
    older, newer = (rows(ga4.run_report(report("", name)))[()] for name in ("conversions", "keyEvents"))
    assert older == newer > (0,)


def test_quota_goes_down_with_every_request_and_ends_them(ga4: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    asked = report("date", "sessions", return_property_quota=True)
    first, second = (ga4.run_report(asked).property_quota for _ in range(2))
    assert second.tokens_per_day.consumed > 0
    assert first.tokens_per_day.remaining - second.tokens_per_day.remaining == second.tokens_per_day.consumed
    assert second.tokens_per_project_per_hour.remaining < second.tokens_per_hour.remaining
    assert "property_quota" not in ga4.run_report(report("date", "sessions"))
    servers.answers.tokens_per_project_per_hour = 1
    with pytest.raises(exceptions.ResourceExhausted, match="tokens for a project per hour"):
        ga4.run_report(asked)
    servers.answers.tokens_per_day = 1
    with pytest.raises(exceptions.ResourceExhausted, match="tokens per day"):
        ga4.run_report(asked)


def test_what_ga4_says_of_its_own_answers(ga4: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    plain = ga4.run_report(report("pagePath", "screenPageViews")).metadata
    assert not plain.subject_to_thresholding and not plain.data_loss_from_other_row
    assert not plain.sampling_metadatas and not plain.data_truncation_reasons
    servers.answers.thresholded, servers.answers.sampling_rate = True, 0.25
    servers.answers.other_row_beyond, servers.answers.truncated = 20, True
    answer = ga4.run_report(report("pagePath", "screenPageViews"))
    assert answer.metadata.subject_to_thresholding and answer.metadata.data_loss_from_other_row
    sampled = answer.metadata.sampling_metadatas[0]
    assert sampled.samples_read_count / sampled.sampling_space_size == 0.25
    assert answer.metadata.data_truncation_reasons[0].data_truncation_type.name == "DATA_TRUNCATION_TYPE_PROPERTY"
    found = rows(answer)
    assert len(found) == 21
    assert found["(other)",] > (0,)


def test_recent_days_are_restated(world: World, next_world: World) -> None:
    """Sessions come up to three days late; key events wait up to twelve days for their channel."""
    with demo.serve(world=world) as servers, grpc.insecure_channel(servers.ga4_grpc) as channel:
        ga4 = BetaAnalyticsDataClient(transport=BetaAnalyticsDataGrpcTransport(channel=channel))
        first, last = (world.as_of - timedelta(days=20)).isoformat(), world.as_of.isoformat()
        days, attributed = (
            report("date", "sessions", first, last),
            report(
                "date sessionDefaultChannelGroup",
                "keyEvents",
                first,
                last,
                dimension_filter=string_filter("eventName", "file_download"),
            ),
        )
        days_before, channels_before = rows(ga4.run_report(days)), rows(ga4.run_report(attributed))
        servers.show(next_world)
        days_after, channels_after = rows(ga4.run_report(days)), rows(ga4.run_report(attributed))
    changed = sorted(key for key in days_before if days_before[key] != days_after[key])
    assert changed == [("20261016",), ("20261017",), ("20261018",)]
    assert all(days_before[key] < days_after[key] for key in changed)

    def unassigned(of: dict[tuple[str, ...], tuple[int, ...]]) -> int:
        return sum(count for (day, channel), (count,) in of.items() if channel == "Unassigned" and day <= "20261014")

    assert unassigned(channels_before) > unassigned(channels_after) > 0
    assert all(day >= "20261006" for day, channel in channels_before if channel == "Unassigned")

    def total(of: dict[tuple[str, ...], tuple[int, ...]]) -> int:
        return sum(count for (day, _), (count,) in of.items() if day <= "20261014")

    assert total(channels_before) == total(channels_after)
