import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

import demo
from connectors import clarity
from connectors.clarity import Client, page_batch, parse
from connectors.errors import OutOfQuota, SourceError
from connectors.table import Load
from demo.clarity import page_sessions
from demo.site import HOST, site

AS_OF = date(2026, 10, 18)
DAY = timedelta(days=1)
REAL = Path(__file__).parents[2] / "../shared/data/clarity/clarity_live_20260814.json"
READ_AT = datetime(2026, 8, 14, 20)


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(AS_OF) as servers:
        yield servers


@pytest.fixture
def servers(running: demo.Demo) -> Iterator[demo.Demo]:
    running.clarity.asked = 0
    running.forget_requests()
    yield running
    running.faults.clear()


@pytest.fixture
def client(servers: demo.Demo) -> Client:
    return Client(servers.http, None, pause_seconds=0.01)


def never(before: date) -> None:
    return None


def drawn(load: Load) -> list[dict[str, Any]]:
    return [row for batch in load.batches for row in batch.to_pylist()]


def rows(answer: Any, days: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page_batch(date(2026, 8, 14), READ_AT, days, parse(answer)).to_pylist()
    return found


def metric(name: str, *information: dict[str, Any]) -> dict[str, Any]:
    return {"metricName": name, "information": list(information)}


@pytest.mark.skipif(not REAL.exists(), reason="the real answer is not here")
def test_a_real_answer() -> None:
    assert parse(json.loads(REAL.read_text())) == {
        None: {
            "sessions": 85, "bot_sessions": 34, "users": 120, "dead_clicks": 8, "rage_clicks": 0, "quickbacks": 0,
            "excessive_scrolls": 0, "script_errors": 30, "error_clicks": 0, "scroll_depth": 35.38,
            "active_seconds": 109, "total_seconds": 157, "pages_per_session": 1.0166666666666666,
        }
    }  # fmt: skip


@pytest.mark.parametrize("users", ["distantUserCount", "distinctUserCount", "Distinct User Count"])
@pytest.mark.parametrize("pages", ["PagesPerSessionPercentage", "pagesPerSessionPercentage"])
@pytest.mark.parametrize("url", ["Url", "URL", "url"])
@pytest.mark.parametrize("scroll", ["ScrollDepth", "Scroll Depth", "scroll depth"])
def test_every_spelling_is_read(users: str, pages: str, url: str, scroll: str) -> None:
    page = {url: "https://www.example.com/a"}
    answer = [
        metric("Traffic", {"totalSessionCount": "1,200", users: "900", pages: 1.5, **page}),
        metric(scroll, {"averageScrollDepth": "54.2", **page}),
    ]
    assert parse(answer) == {
        "https://www.example.com/a": {"sessions": 1200, "users": 900, "pages_per_session": 1.5, "scroll_depth": 54.2}
    }


def test_urls_of_one_page_are_merged_and_what_may_be_personal_is_cut_off() -> None:
    answer = [
        metric(
            "Traffic",
            {"totalSessionCount": "30", "totalBotSessionCount": "1", "distinctUserCount": "20",
             "Url": "https://WWW.example.com/a?mail=x@example.com"},
            {"totalSessionCount": "10", "totalBotSessionCount": "2", "distinctUserCount": "5",
             "Url": "https://www.example.com/a#top"},
            {"totalSessionCount": "1", "Url": "https://www.example.com/users/x@example.com/"},
            {"totalSessionCount": "2", "Url": "https://www.example.com/users/090-1234-5678/"},
            {"totalSessionCount": "7", "Url": None},
            {"totalSessionCount": "7", "Url": "about:blank"},
        ),
        metric(
            "ScrollDepth",
            {"averageScrollDepth": 40, "Url": "https://WWW.example.com/a?mail=x@example.com"},
            {"averageScrollDepth": 80, "Url": "https://www.example.com/a#top"},
        ),
        metric("DeadClickCount", {"sessionsCount": "30", "subTotal": "", "Url": "https://www.example.com/a#top"}),
    ]  # fmt: skip
    first, second = rows(answer)
    assert (first["host"], first["path"], second["path"]) == ("www.example.com", "/a", "/users/(redacted)/")
    assert (first["sessions"], first["bot_sessions"], first["users"]) == (40, 3, 25)
    assert first["scroll_depth"] == pytest.approx((30 * 40 + 10 * 80) / 40)
    assert second["sessions"] == 1 + 2
    assert (first["dead_clicks"], first["rage_clicks"], second["scroll_depth"]) == (None, None, None)
    assert (first["date_on"], first["read_at"], first["window_days"]) == (date(2026, 8, 14), READ_AT, 1)


def test_without_traffic_sessions_come_from_another_metric() -> None:
    (row,) = rows([metric("Dead Click Count", {"sessionsCount": "9", "subTotal": "2", "Url": "https://a.example/"})])
    assert (row["sessions"], row["dead_clicks"], row["users"]) == (9, 2, None)


def test_a_mean_of_pages_without_sessions_weighs_each_url_the_same() -> None:
    depths = [{"averageScrollDepth": depth, "Url": f"https://a.example/?{depth}"} for depth in (20, 60)]
    (row,) = rows([metric("ScrollDepth", *depths)])
    assert row["scroll_depth"] == pytest.approx(40)


@pytest.mark.parametrize("value", [None, "", "NaN", "many"])
def test_no_number_is_no_value(value: Any) -> None:
    (row,) = rows(
        [metric("Traffic", {"totalSessionCount": "1", "distinctUserCount": value, "Url": "https://a.example/"})]
    )
    assert row["users"] is None


@pytest.mark.parametrize(
    "answer",
    [
        {"error": 1},
        "x",
        None,
        [1],
        [{}],
        [{"metricName": "Traffic"}],
        [metric("Traffic", {"totalSessionCount": "1", "Page": "https://a.example/"})],
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_not_an_empty_day(answer: Any) -> None:
    with pytest.raises(SourceError, match="not as documented"):
        rows(answer)


def test_a_night_is_one_request_and_equals_the_world(servers: demo.Demo, client: Client) -> None:
    (load,) = clarity.load(client, lambda before: before - DAY)
    found = {row["path"]: row for row in drawn(load)}
    assert (load.start, load.end, load.warnings) == (AS_OF, AS_OF, [])
    assert len(servers.requests) == 1
    truth = page_sessions(servers.world).groupby("page")
    assert len(found) == len(truth) > 100
    assert {row["host"] for row in found.values()} == {HOST}
    for number, sessions in truth:
        row = found[site().paths[int(str(number))]]
        assert row["sessions"] == len(sessions)
        assert row["scroll_depth"] == pytest.approx(sessions["scroll"].mean(), abs=0.006)
        assert row["active_seconds"] == pytest.approx(sessions["seconds"].mean(), abs=0.51)
        assert row["dead_clicks"] == sessions["dead_clicks"].sum()
        assert row["users"] >= sessions["user"].nunique()
        assert (row["read_at"], row["window_days"]) == (datetime(2026, 10, 18, 20), 1)
    (fetch,) = load.fetches
    assert (fetch.window_start, fetch.window_end, fetch.flags) == (AS_OF, AS_OF, ())
    assert fetch.row_count == servers.requests[0].rows


def test_the_first_night_asks_for_a_day(servers: demo.Demo, client: Client) -> None:
    (load,) = clarity.load(client, never)
    assert (load.warnings, load.fetches[-1].flags, len(servers.requests)) == ([], (), 1)


@pytest.mark.parametrize(
    ("days_back", "window", "flags", "said"),
    [
        (2, 2, ("days_joined",), "was not read for 1 days before 2026-10-18: the last 2 of its days"),
        (3, 3, ("days_joined",), "a gap of 3 would lose one for good"),
        (4, 3, ("days_joined", "days_lost"), "1 are lost"),
        (30, 3, ("days_joined", "days_lost"), "27 are lost"),
    ],
)
def test_missed_days_are_joined_while_they_are_there_and_their_loss_is_said(
    servers: demo.Demo, client: Client, days_back: int, window: int, flags: tuple[str, ...], said: str
) -> None:
    (load,) = clarity.load(client, lambda before: before - days_back * DAY)
    found = drawn(load)
    assert {row["window_days"] for row in found} == {window}
    assert sum(row["sessions"] for row in found) == len(page_sessions(servers.world, window))
    assert (load.start, load.end, load.fetches[-1].flags) == (AS_OF, AS_OF, flags)
    assert said in load.warnings[0]
    assert [request.what for request in servers.requests] == ["numOfDays=1 URL", f"numOfDays={window} URL"]


def test_an_answer_without_rows_replaces_nothing(client: Client, servers: demo.Demo, monkeypatch: Any) -> None:
    monkeypatch.setattr(servers.clarity, "insights", lambda *_: [metric("Traffic")])
    (load,) = clarity.load(client, never)
    assert (load.start, load.end, drawn(load)) == (None, None, [])
    assert load.fetches[0].window_end == AS_OF


def test_a_thousand_rows_may_be_cut_off(client: Client, servers: demo.Demo, monkeypatch: Any) -> None:
    many = [{"totalSessionCount": "1", "Url": f"https://a.example/{number}"} for number in range(1000)]
    monkeypatch.setattr(servers.clarity, "insights", lambda *_: [metric("Traffic", *many)])
    (load,) = clarity.load(client, never)
    assert load.fetches[0].flags == ("truncated",)


@pytest.mark.parametrize("kind", ["500", "503", "reset", "truncated", "truncated_json"])
def test_a_passing_fault_is_asked_over_twice_and_no_more(client: Client, servers: demo.Demo, kind: str) -> None:
    servers.faults.switch_on(demo.Fault(kind, api="clarity", times=2))
    (load,) = clarity.load(client, never)
    assert len(drawn(load)) > 100
    assert load.fetches[0].retries == 2
    servers.forget_requests()
    servers.faults.switch_on(demo.Fault(kind, api="clarity", times=9))
    (load,) = clarity.load(client, never)
    assert load.start is None
    with pytest.raises(SourceError, match=r"sources\.clarity: Clarity gave no answer"):
        drawn(load)
    assert len(servers.requests) == 3
    assert load.fetches[0].error is not None


@pytest.mark.parametrize(
    ("kind", "error", "where"),
    [("429_day", OutOfQuota, "clarity: the 10"), ("401", SourceError, r"clarity\.credentials:"),
     ("403_quota", SourceError, r"clarity\.credentials:")],
)  # fmt: skip
def test_what_no_further_try_mends_is_asked_once(
    servers: demo.Demo, kind: str, error: type[SourceError], where: str
) -> None:
    servers.faults.switch_on(demo.Fault(kind, api="clarity", times=9))
    (load,) = clarity.load(Client(servers.http, "SECRET", pause_seconds=0.01), never)
    with pytest.raises(error, match=where) as raised:
        drawn(load)
    assert len(servers.requests) == 1
    assert "SECRET" not in str(raised.value) + repr(load.fetches)


def test_the_eleventh_request_of_a_day_is_refused(client: Client, servers: demo.Demo) -> None:
    for _ in range(10):
        drawn(*clarity.load(client, never))
    with pytest.raises(OutOfQuota):
        drawn(*clarity.load(client, never))


def test_the_token_is_sent_and_never_shown(monkeypatch: Any, tmp_path: Path) -> None:
    """A password of ~/.netrc does not take its place."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent: list[requests.PreparedRequest] = []

    def send(session: Any, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        sent.append(request)
        answer = requests.Response()
        answer.status_code, answer._content = 200, b"[]"
        return answer

    monkeypatch.setattr(requests.Session, "send", send)
    client = Client(None, "SECRET")
    client.get(3)
    assert sent[0].headers["Authorization"] == "Bearer SECRET"
    assert sent[0].url == "https://www.clarity.ms/export-data/api/v1/project-live-insights?numOfDays=3&dimension1=URL"
    assert "SECRET" not in repr(client)
