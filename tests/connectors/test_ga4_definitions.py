"""What a property is asked of our reports before any data, over both transports, and who it says it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.auth.credentials import AnonymousCredentials

import demo
from connectors import ga4
from connectors.errors import SourceError
from connectors.ga4_api import Source
from connectors.ga4_definitions import Definition, definitions, property_facts
from connectors.personal import Pseudonyms
from demo import web
from demo.site import FIRST_ARTICLE, HOST, site

DAY = timedelta(days=1)
AS_OF = date(2026, 11, 20)
EVENTS = {"end_of_article": "article_end", "one_minute": "engaged_60s", "second_page": "second_page_view"}
PROPERTY = ga4.Property("400000001", (HOST,), ("/articles/",), EVENTS, 4, timezone="Asia/Tokyo")
QUICK = ga4.Limits(timeout_seconds=30.0, pause_seconds=0.01)
CLIENT_ID = "customEvent:client_id"


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(AS_OF) as servers:
        yield servers


@pytest.fixture
def servers(running: demo.Demo) -> Iterator[demo.Demo]:
    before = vars(running.answers).copy()
    running.forget_requests()
    yield running
    vars(running.answers).update(before)


@pytest.fixture(params=["grpc", "rest"])
def client(servers: demo.Demo, request: pytest.FixtureRequest) -> Iterator[BetaAnalyticsDataClient]:
    endpoint = servers.ga4_grpc if request.param == "grpc" else servers.http
    with ga4.client(endpoint, request.param, AnonymousCredentials()) as connected:  # type: ignore[no-untyped-call]
        yield connected


def asked(servers: demo.Demo) -> list[str]:
    return [request.method for request in servers.requests]


def test_each_definition_is_asked_about_once_and_kept(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    before = servers.analytics.spent("day")
    property, load = ga4.checked(client, PROPERTY, limits=QUICK)
    # 18 reports of the events and articles, and 4 more for the end of articles.
    assert asked(servers) == ["GetMetadata"] + ["CheckCompatibility"] * 22
    assert servers.analytics.spent("day") > before
    assert property.renamed == {}
    assert load is not None
    (batch,) = load.batches
    kept = [Definition.of_row(row) for row in batch.to_pylist()]
    assert len(kept) == 22
    servers.forget_requests()
    assert ga4.checked(client, PROPERTY, kept) == (PROPERTY, None)
    assert asked(servers) == []
    ga4.checked(client, replace(PROPERTY, client_id=CLIENT_ID), kept, QUICK)  # one more report
    assert asked(servers) == ["GetMetadata", "CheckCompatibility"]


@pytest.mark.parametrize(
    ("option", "names"),
    [("renamed", {"keyEvents": "goalEvents", "hostName": "host"}), ("former", {"keyEvents": "conversions"})],
)
def test_a_renamed_field_is_asked_for_by_the_propertys_name(
    servers: demo.Demo, client: BetaAnalyticsDataClient, option: str, names: dict[str, str]
) -> None:
    setattr(servers.answers, option, names)
    property, _ = ga4.checked(client, PROPERTY, limits=QUICK)
    assert property.renamed == names
    servers.forget_requests()
    day = AS_OF - 20 * DAY
    rows = {
        load.table.name: [row for batch in load.batches for row in batch.to_pylist()]
        for load in ga4.load(client, property, day, day, day, limits=QUICK)
    }
    (site_day,) = rows["ga4_site_days"]
    assert site_day["key_events"] > 0
    assert all(name in servers.requests[0].what for name in names.values())
    assert "keyEvents" not in servers.requests[0].what


def test_a_field_that_the_property_does_not_know_is_named_with_its_report(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    servers.answers.former = {"scrolledUsers": "fullScrolls"}
    with pytest.raises(SourceError, match="report ga4_article_users by week: .* knows no field scrolledUsers"):
        ga4.checked(client, PROPERTY, limits=QUICK)
    assert not {"RunReport", "BatchRunReports"} & set(asked(servers))


def test_fields_that_do_not_go_together_are_named_before_any_data_is_asked_for(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    servers.answers.incompatible = (("landingPage", "sessionSourceMedium"),)
    message = r"sources\.ga4: report ga4_landing_days by day: .*Please remove sessionSourceMedium"
    with pytest.raises(SourceError, match=message):
        ga4.checked(client, PROPERTY, limits=QUICK)
    assert not {"RunReport", "BatchRunReports"} & set(asked(servers))
    found = definitions(Source(client, PROPERTY, QUICK))
    assert len(found.problems) == 1
    assert len(found.definitions) == 21


def test_a_client_id_that_is_not_registered_says_where_to_register_it(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    servers.answers.custom_dimensions = ()
    message = r"sources\.ga4\.client_id: customEvent:client_id is not a custom dimension .*\n.*Custom definitions"
    with pytest.raises(SourceError, match=message):
        ga4.checked(client, replace(PROPERTY, client_id=CLIENT_ID), limits=QUICK)


def test_a_property_says_its_zone_and_which_events_it_saw(servers: demo.Demo, client: BetaAnalyticsDataClient) -> None:
    property = replace(PROPERTY, events={**EVENTS, "inquiry": "no_such_event"})
    facts = property_facts(Source(client, property, QUICK))
    assert (facts.time_zone, facts.currency) == ("Asia/Tokyo", "JPY")
    assert "no_such_event" not in facts.events
    views, visits = servers.world.views, servers.world.visits
    last = (AS_OF - date(1970, 1, 1)).days
    received = visits["arrived"].to_numpy()[views["session"].to_numpy()] <= last
    recent = views[received & (views["day"] > last - 28)]
    assert facts.events["article_end"] == recent["finished"].sum()
    assert asked(servers) == ["BatchRunReports"]


def test_client_days_hold_pseudonyms_of_the_clients_on_articles(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    day = AS_OF - 20 * DAY
    pseudonyms = Pseudonyms(b"k" * 32)
    property = replace(PROPERTY, client_id=CLIENT_ID)
    loads = ga4.load(client, property, day, day, day, limits=QUICK, pseudonyms=pseudonyms)
    rows = {load.table.name: [row for batch in load.batches for row in batch.to_pylist()] for load in loads}
    views = servers.world.views
    on_day = views[(views["day"] == (day - date(1970, 1, 1)).days) & (views["page"] >= FIRST_ARTICLE)]
    on_day = on_day[on_day["user"] % 29 != 0]  # the others are (not set)
    pairs = Counter(zip(on_day["user"].tolist(), on_day["page"].tolist(), strict=True))
    expected = {
        (pseudonyms.of(web.client_id(user)), site().paths[page]): count for (user, page), count in pairs.items()
    }
    assert {(row["client_id"], row["path"]): row["page_views"] for row in rows["ga4_client_days"]} == expected


def test_a_property_in_another_time_zone_is_warned_of_once_and_flagged(
    servers: demo.Demo, client: BetaAnalyticsDataClient
) -> None:
    servers.answers.time_zone = "America/Los_Angeles"
    loads = []
    for load in ga4.load(client, PROPERTY, AS_OF, AS_OF, AS_OF - 9 * DAY, limits=QUICK):
        list(load.batches)
        loads.append(load)
    (warning,) = [warning for load in loads for warning in load.warnings]
    assert "days in America/Los_Angeles, and company.yml says timezone Asia/Tokyo" in warning
    assert {fetch.flags for load in loads for fetch in load.fetches} == {("timezone_differs",)}
    servers.answers.time_zone = "Japan"  # another name of the same days
    assert next(ga4.load(client, PROPERTY, AS_OF, AS_OF, AS_OF, limits=QUICK)).warnings == []
