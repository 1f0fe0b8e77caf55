"""One world and its servers for all tests of the demo."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import grpc
import pytest
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataGrpcTransport
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

import demo
from demo.ga4 import Answers

AS_OF = date(2026, 10, 18)


@pytest.fixture(scope="session")
def world() -> demo.World:
    return demo.simulate(AS_OF)


@pytest.fixture(scope="session")
def next_world() -> demo.World:
    return demo.simulate(AS_OF + timedelta(days=1))


@pytest.fixture(scope="session")
def _running(world: demo.World) -> Iterator[demo.Demo]:
    with demo.serve(world=world) as servers:
        yield servers


@pytest.fixture
def servers(_running: demo.Demo) -> Iterator[demo.Demo]:
    yield _running
    _running.faults.clear()
    _running.forget_requests()
    _running.clarity.asked = 0
    for name, value in vars(Answers()).items():
        setattr(_running.answers, name, value)


@pytest.fixture
def ga4(servers: demo.Demo) -> Iterator[BetaAnalyticsDataClient]:
    """Google's own client over gRPC."""
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(servers.ga4_grpc, options=options) as channel:
        yield BetaAnalyticsDataClient(transport=BetaAnalyticsDataGrpcTransport(channel=channel))


@pytest.fixture
def ga4_rest(servers: demo.Demo) -> BetaAnalyticsDataClient:
    return BetaAnalyticsDataClient(
        transport="rest",
        client_options={"api_endpoint": servers.http},
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
    )


@pytest.fixture
def search(servers: demo.Demo) -> Callable[..., Any]:
    """searchanalytics.query of Google's own client: its body as keywords."""
    client = build(
        "searchconsole",
        "v1",
        static_discovery=True,
        cache_discovery=False,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": f"{servers.http}/"},
    )

    def query(site_url: str = "sc-domain:example.co.jp", **body: Any) -> Any:
        return client.searchanalytics().query(siteUrl=site_url, body=body).execute()

    return query
