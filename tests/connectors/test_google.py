"""Why Google did not answer, told apart from what its own clients raise for its own wire format."""

from collections.abc import Callable, Iterator
from datetime import date

import httplib2
import pytest
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError, TransportError
from googleapiclient.errors import HttpError

import demo
from connectors import ga4, google, search_console
from connectors.google import GA4, SEARCH_CONSOLE
from demo.faults import Fault

READER = "reader@project.iam.gserviceaccount.com"
ANONYMOUS = AnonymousCredentials()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(date(2026, 10, 18)) as servers:
        yield servers


@pytest.fixture
def servers(running: demo.Demo) -> Iterator[demo.Demo]:
    yield running
    running.faults.clear()


@pytest.fixture(params=["grpc", "rest"])
def ask_ga4(request: pytest.FixtureRequest, servers: demo.Demo) -> Iterator[Callable[[str], Exception]]:
    """What a property raises when it is asked for a report over each transport."""
    address = servers.ga4_grpc if request.param == "grpc" else servers.http
    with ga4.client(address, request.param, ANONYMOUS) as client:
        yield lambda property_id: _raised(client, property_id)


def _raised(client: BetaAnalyticsDataClient, property_id: str) -> Exception:
    with pytest.raises(google.ERRORS) as raised:
        client.run_report({"property": f"properties/{property_id}"})
    error: Exception = raised.value
    return error


def ask_search_console(servers: demo.Demo) -> Exception:
    with search_console.service(servers.http, ANONYMOUS) as service, pytest.raises(HttpError) as raised:
        service.sites().list().execute()
    error: Exception = raised.value
    return error


@pytest.mark.parametrize(
    ("fault", "cause", "entry", "remedy"),
    [
        (None, "access", "property_id", f"({READER}) the Viewer role under GA4 Admin > Property access management"),
        ("403_permission", "access", "property_id", "or of nobody"),
        ("403_disabled", "disabled", "credentials",
         "https://console.cloud.google.com/apis/library/analyticsdata.googleapis.com?project=123456789012"),
        ("403_scope", "scope", "credentials", "key file (JSON) of a service account"),
        ("401", "token", "credentials", "has not been revoked"),
        ("429_day", "quota", "", "after midnight Pacific time"),
        ("429_hour", "quota", "", "in an hour"),
        ("503", "server", "", "Google's status"),
    ],
)  # fmt: skip
def test_why_ga4_refuses(
    servers: demo.Demo, ask_ga4: Callable[[str], Exception], fault: str | None, cause: str, entry: str, remedy: str
) -> None:
    if fault:
        servers.faults.switch_on(Fault(fault))
    advice = GA4.advice(ask_ga4("999"), READER)
    assert advice.cause == cause
    assert advice.entry == ".".join(["company.yml: sources.ga4", entry]).rstrip(".")
    assert remedy in advice.remedy.en
    assert advice.problem.ja
    assert "{" not in advice.problem.ja + advice.remedy.ja


def test_an_id_that_is_no_number_is_told_from_a_missing_role(ask_ga4: Callable[[str], Exception]) -> None:
    assert GA4.advice(ask_ga4("G-AB12")).cause == "subject"


def test_the_command_enables_the_api_in_the_key_s_own_project(
    servers: demo.Demo, ask_ga4: Callable[[str], Exception]
) -> None:
    servers.faults.switch_on(Fault("403_disabled"))
    advice = GA4.advice(ask_ga4("1"))
    assert advice.command == "gcloud services enable analyticsdata.googleapis.com --project 123456789012"
    assert advice.problem.ja.startswith("鍵の Google Cloud プロジェクト 123456789012 で")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("403_permission", "access"), ("403_disabled", "disabled"), ("403_scope", "scope"), ("403_quota", "quota"),
     ("403_rate", "quota"), ("401", "token"), ("500", "server")],
)  # fmt: skip
def test_why_search_console_refuses(servers: demo.Demo, fault: str, cause: str) -> None:
    servers.faults.switch_on(Fault(fault, "search_console"))
    advice = SEARCH_CONSOLE.advice(ask_search_console(servers), READER)
    assert advice.cause == cause
    if cause == "disabled":
        assert advice.command == "gcloud services enable searchconsole.googleapis.com --project 123456789012"
    if cause == "access":
        assert READER in advice.remedy.ja


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("invalid_grant: Invalid JWT Signature.", "key"),
        ("invalid_grant: Invalid grant: account not found", "key"),
        (
            "invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim.",
            "clock",
        ),
    ],
)
def test_a_refused_key_is_told_from_a_wrong_clock(said: str, cause: str) -> None:
    error = RefreshError(said, {"error": "invalid_grant"})  # type: ignore[no-untyped-call]
    assert google.cause_of(error) == cause


NO_ROUTE = TransportError("no route")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), httplib2.ServerNotFoundError(), NO_ROUTE])
def test_no_answer_is_no_refusal(error: Exception) -> None:
    assert google.cause_of(error) == "unreachable"


def test_the_nightly_error_tells_the_causes_apart_too(servers: demo.Demo) -> None:
    servers.faults.switch_on(Fault("403_disabled", "search_console"))
    said = str(SEARCH_CONSOLE.explain(ask_search_console(servers), "what was there"))
    assert said == (
        "company.yml: sources.search_console.credentials: the Google Search Console API is not enabled in the key's "
        "Google Cloud project 123456789012\n  -> enable it at "
        "https://console.cloud.google.com/apis/library/searchconsole.googleapis.com?project=123456789012 "
        "and wait a few minutes"
    )
