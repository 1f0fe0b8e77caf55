"""Microsoft Clarity as any HTTP client sees it."""

from typing import Any

import pytest
import requests

import demo
from demo.clarity import page_sessions
from demo.site import FIRST_ARTICLE, site
from demo.world import World, day_number

PATH = "/export-data/api/v1/project-live-insights"


def ask(servers: demo.Demo, days: int = 1, dimension: str = "URL") -> requests.Response:
    return requests.get(servers.http + PATH, {"numOfDays": str(days), "dimension1": dimension}, timeout=10)


def information(answer: requests.Response, name: str) -> list[dict[str, Any]]:
    (rows,) = [metric["information"] for metric in answer.json() if metric["metricName"].replace(" ", "") == name]
    return list(rows)


def test_sessions_of_a_page_are_those_of_the_world(servers: demo.Demo, world: World) -> None:
    answer = ask(servers)
    assert answer.headers["Date"] == "Sun, 18 Oct 2026 20:00:00 GMT"
    views = world.views[world.views["day"] == day_number(world.as_of)]
    sessions = views.drop_duplicates(["session", "page"])["page"].value_counts()
    counted: dict[str, int] = {}
    for row in information(answer, "Traffic"):
        if row["Url"]:
            path = row["Url"].split("example.co.jp")[1].split("?")[0]
            counted[path] = counted.get(path, 0) + int(row["totalSessionCount"])
    assert counted == {site().paths[int(str(page))]: count for page, count in sessions.items()}


def test_pages_whose_readers_reach_the_end_are_scrolled_further(world: World) -> None:
    views = world.views[(world.views["day"] > day_number(world.as_of) - 30) & (world.views["page"] >= FIRST_ARTICLE)]
    reached = views.groupby("page")["scrolled"].mean()
    depth = page_sessions(world, 30).groupby("page")["scroll"].mean()
    both = depth.to_frame().join(reached, how="inner")
    assert both["scroll"].between(5, 95).all()
    assert both["scroll"].corr(both["scrolled"]) > 0.5


def test_spellings_change_from_day_to_day(servers: demo.Demo, world: World, next_world: World) -> None:
    seen = []
    for shown in (world, next_world):
        servers.show(shown)
        answer = ask(servers)
        seen.append((set(information(answer, "Traffic")[0]), {metric["metricName"] for metric in answer.json()}))
    servers.show(world)
    assert "distinctUserCount" in seen[0][0]
    assert "distantUserCount" in seen[1][0]
    assert "ScrollDepth" in seen[0][1]
    assert "Scroll Depth" in seen[1][1]


def test_three_days_hold_more_than_one_and_there_is_a_row_of_no_page(servers: demo.Demo) -> None:
    one, three = (information(ask(servers, days), "Traffic") for days in (1, 3))
    assert sum(int(row["totalSessionCount"]) for row in three) > sum(int(row["totalSessionCount"]) for row in one)
    assert [row["Url"] for row in one].count(None) == 1
    assert any("?gclid=" in (row["Url"] or "") for row in one)


def test_the_quota_and_wrong_questions(servers: demo.Demo, world: World) -> None:
    assert ask(servers, 4).status_code == 400
    assert ask(servers, 1, "Device").status_code == 400
    assert [ask(servers).status_code for _ in range(9)] == [200] * 8 + [429]
    servers.show(world)
    assert ask(servers).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("401", 401), ("429_day", 429), ("503", 503)])
def test_faults(servers: demo.Demo, kind: str, status: int) -> None:
    servers.faults.switch_on(demo.Fault(kind, "clarity"))
    assert [ask(servers).status_code, ask(servers).status_code] == [status, 200]
    assert [request.method for request in servers.requests] == ["insights", "insights"]
