"""Each fault as Google's own clients meet it, and the log of requests."""

import json
import time
from collections.abc import Callable
from http.client import IncompleteRead
from typing import Any
from urllib.request import Request, urlopen

import pytest
import requests
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from googleapiclient.errors import HttpError

import demo
from demo import servers as demo_servers
from demo.faults import Fault
from tests.demo.ga4_requests import report, rows

BODY = {"startDate": "2026-10-07", "endDate": "2026-10-07", "dimensions": ["page"]}


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("429_concurrent", exceptions.TooManyRequests, "Exhausted concurrent requests quota."),
        ("429_project_hour", exceptions.TooManyRequests, "Exhausted property tokens for a project per hour."),
        ("429_hour", exceptions.TooManyRequests, "Exhausted property tokens per hour."),
        ("429_day", exceptions.TooManyRequests, "These quota tokens will return in under 24 hours."),
        ("429_thresholded", exceptions.TooManyRequests, "Exhausted potentially thresholded requests quota."),
        ("500", exceptions.InternalServerError, "Internal error"),
        ("503", exceptions.ServiceUnavailable, "unavailable"),
    ],
)
@pytest.mark.parametrize("client", ["ga4", "ga4_rest"])
def test_ga4_errors(
    client: str, request: pytest.FixtureRequest, servers: demo.Demo, kind: str, error: type[Exception], message: str
) -> None:
    api: BetaAnalyticsDataClient = request.getfixturevalue(client)
    servers.faults.switch_on(Fault(kind))
    with pytest.raises(error, match=message):
        api.run_report(report("date", "sessions"))
    assert len(rows(api.run_report(report("date", "sessions")))) == 30
    assert [one.status for one in servers.requests] == [kind, "OK"]


def test_ga4_reset_and_truncated_over_grpc(ga4: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    asked = report("date pagePath", "screenPageViews", limit=250_000)
    for kind in ("reset", "truncated"):
        servers.faults.switch_on(Fault(kind))
        with pytest.raises(exceptions.ServiceUnavailable):
            ga4.run_report(asked)
        # The next request may still be written to the connection that was cut.
        again = Retry(predicate=if_exception_type(exceptions.ServiceUnavailable), initial=0.05, timeout=10)
        assert len(ga4.run_report(asked, retry=again).rows) > 3000


def test_ga4_cut_over_rest(ga4_rest: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    for kind in ("reset", "truncated"):
        servers.faults.switch_on(Fault(kind))
        with pytest.raises(requests.exceptions.RequestException):
            ga4_rest.run_report(report("date", "sessions"))


def test_a_slow_answer_runs_into_the_deadline(ga4: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    servers.faults.switch_on(Fault("slow", seconds=0.4))
    with pytest.raises(exceptions.DeadlineExceeded):
        ga4.run_report(report("date", "sessions"), timeout=0.1)
    servers.faults.switch_on(Fault("slow", seconds=0.4))
    began = time.monotonic()
    ga4.run_report(report("date", "sessions"))
    assert time.monotonic() - began > 0.4


def test_faults_wait_for_their_method_and_number(ga4: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    servers.faults.switch_on(Fault("503", method="BatchRunReports"))
    servers.faults.switch_on(Fault("500", times=2, skip=1))
    asked, statuses = report("date", "sessions"), []
    for _ in range(4):
        try:
            ga4.run_report(asked)
            statuses.append("OK")
        except exceptions.InternalServerError:
            statuses.append("500")
    assert statuses == ["OK", "500", "500", "OK"]
    with pytest.raises(exceptions.ServiceUnavailable):
        ga4.batch_run_reports({"property": "properties/400000001", "requests": []})


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("403_quota", 403, "load quota exceeded"),
        ("403_rate", 403, "Queries per minute"),
        ("429_concurrent", 429, "Exhausted"),
        ("500", 500, "Internal error"),
        ("503", 503, "unavailable"),
    ],
)
def test_search_console_errors(
    search: Callable[..., Any], servers: demo.Demo, kind: str, status: int, message: str
) -> None:
    servers.faults.switch_on(Fault(kind, "search_console"))
    with pytest.raises(HttpError, match=message) as raised:
        search(**BODY)
    assert raised.value.resp.status == status
    if kind == "403_quota":
        assert json.loads(raised.value.content)["error"]["errors"][0]["reason"] == "quotaExceeded"
    assert len(search(**BODY)["rows"]) > 100


@pytest.mark.parametrize(("kind", "error"), [("truncated", IncompleteRead), ("reset", ConnectionResetError)])
def test_search_console_cuts(search: Callable[..., Any], servers: demo.Demo, kind: str, error: type[Exception]) -> None:
    servers.faults.switch_on(Fault(kind, "search_console"))
    with pytest.raises(error):
        search(**BODY)


def test_half_of_the_json_is_text_to_the_client(search: Callable[..., Any], servers: demo.Demo) -> None:
    servers.faults.switch_on(Fault("truncated_json", "search_console"))
    assert isinstance(search(**BODY), str)


def test_requests_are_logged(ga4: BetaAnalyticsDataClient, search: Callable[..., Any], servers: demo.Demo) -> None:
    part = report("date", "sessions", property="")
    ga4.batch_run_reports({"property": "properties/400000001", "requests": [part, part]})
    search(**BODY)
    batch, query = servers.requests
    assert (batch.api, batch.method, batch.rows, batch.status) == ("ga4", "BatchRunReports", 60, "OK")
    assert batch.what == "; ".join(["2026-09-01..2026-09-30 date | sessions @0"] * 2)
    assert (query.api, query.method, query.what) == ("search_console", "query", "2026-10-07..2026-10-07 page web")
    assert demo_servers.count(servers.requests) == {("ga4", "BatchRunReports"): 1, ("search_console", "query"): 1}


def test_faults_and_log_from_another_process(ga4: BetaAnalyticsDataClient, servers: demo.Demo) -> None:
    def call(verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{servers.http}/demo/{path}", data=data, method=verb)) as answer:
            return json.load(answer)

    assert call("POST", "faults", {"kind": "429_day", "times": 3})[0]["times"] == 3
    with pytest.raises(exceptions.TooManyRequests):
        ga4.run_report(report("date", "sessions"))
    assert [one["status"] for one in call("GET", "requests")] == ["429_day"]
    assert call("DELETE", "faults") == []
    assert call("DELETE", "requests") == []
    with pytest.raises(OSError, match="400"):
        call("POST", "faults", {"kind": "420"})


def test_one_in_three_requests_is_befallen(search: Callable[..., Any], servers: demo.Demo) -> None:
    servers.faults.switch_on(Fault("truncated_json", "search_console", times=2, skip=1, every=3))
    assert [isinstance(search(**BODY), str) for _ in range(9)] == [False, True, False, False, True, *[False] * 4]


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault is called '420'"):
        Fault("420")


def test_a_taken_port_is_named(servers: demo.Demo) -> None:
    for name, address in (("ga4_port", servers.ga4_grpc), ("http_port", servers.http)):
        port = int(address.rsplit(":", 1)[1])
        with pytest.raises(demo.PortError, match=f"port {port} on 127.0.0.1.*is in use"):
            demo.Demo(servers.world, **{name: port})
