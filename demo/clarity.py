"""Microsoft Clarity's project-live-insights, without the wire.

It is asked at five in the morning after ``as_of`` in Japan, 20:00 UTC of ``as_of``, and the world stands still since
midnight: the last 24 hours are ``as_of``, the last 72 it and the two days before. It sees each session at once. As at
Microsoft counts are texts, and users and metrics are spelled in two ways: from one day to the next the other one.
"""

import threading
from datetime import UTC, datetime, time
from typing import Any

import numpy as np
import pandas as pd

from demo import draws
from demo.faults import ApiError
from demo.site import HOST, site
from demo.world import World, day_number

PATH = "/export-data/api/v1/project-live-insights"
MAX_ROWS, REQUESTS_A_DAY = 1_000, 10
CAMPAIGNS = {7: "?utm_source=newsletter&utm_medium=email&mail=tantou.1%40example.jp", 8: "?gclid=demo"}
"""By channel: the query string of the landing page."""
SPACED = {"ScrollDepth": "Scroll Depth", "DeadClickCount": "Dead Click Count", "EngagementTime": "Engagement Time"}


class Clarity:
    """One Clarity project over a world. Thread-safe."""

    def __init__(self, world: World, requests_a_day: int = REQUESTS_A_DAY) -> None:
        self.requests_a_day = requests_a_day
        self._lock = threading.Lock()
        self.show(world)

    def show(self, world: World) -> None:
        """Answer from another world, the next day's for one: its quota is whole again."""
        self.world, self.asked = world, 0

    @property
    def now(self) -> datetime:
        """The moment at which it is asked."""
        return datetime.combine(self.world.as_of, time(20), UTC)

    def insights(self, days: str, dimension: str) -> list[dict[str, Any]]:
        """The JSON answer. Raises ApiError as Microsoft would."""
        with self._lock:
            self.asked += 1
            if self.asked > self.requests_a_day:
                raise ApiError("RESOURCE_EXHAUSTED", "Exceeded daily limit")
        if days not in ("1", "2", "3") or dimension != "URL":
            raise ApiError("INVALID_ARGUMENT", "numOfDays is 1, 2 or 3; the demo knows the dimension URL alone.")
        pages = page_sessions(self.world, int(days))
        by_url = pages.groupby("url")
        of = by_url.agg(sessions=("session", "size"), users=("user", "nunique"), scroll=("scroll", "mean"),
                        active=("seconds", "mean"), dead=("dead_clicks", "sum"), rage=("rage_clicks", "sum"),
                        views=("views", "sum")).reset_index()  # fmt: skip
        of = of.sort_values(["sessions", "url"], ascending=[False, True]).head(MAX_ROWS)
        return _answer(of.to_dict("records"), is_odd=self.world.as_of.day % 2 == 1)


def page_sessions(world: World, days: int = 1) -> pd.DataFrame:
    """One row per session and page of the last ``days`` days, with how far (in %) the page was scrolled at most.

    A view that reached the end of its article (``scrolled``) was scrolled to 90 % or more, every other one to less.
    """
    views = world.views[world.views["day"].to_numpy() > day_number(world.as_of) - days]
    visits = world.visits.iloc[views["session"].to_numpy()]
    key = draws.child(visits["key"].to_numpy(), 1000 + views["ordinal"].to_numpy().astype(np.int64))
    seconds, chance = views["seconds"].to_numpy(), draws.uniform(key, "scroll depth")
    depth = np.where(views["scrolled"], 90 + 10 * chance, 89 * chance * np.minimum(1.0, 0.2 + seconds / 60))
    page = views["page"].to_numpy()
    lands = visits["landing"].to_numpy() == page
    query = np.where(lands, visits["channel"].map(CAMPAIGNS).fillna("").to_numpy(), "")
    urls = np.array([f"https://{HOST}{path}" for path in site().paths])[page] + query.astype(str)
    each = pd.DataFrame(
        {
            "session": views["session"].to_numpy(),
            "url": urls,
            "user": views["user"].to_numpy(),
            "page": page,
            "seconds": seconds,
            "scroll": depth,
            "dead_clicks": draws.uniform(key, "dead click") < 0.04,
            "rage_clicks": draws.uniform(key, "rage click") < 0.005,
        }
    )
    return each.groupby(["session", "page"], as_index=False).agg(
        url=("url", "first"), user=("user", "first"), seconds=("seconds", "sum"), scroll=("scroll", "max"),
        dead_clicks=("dead_clicks", "sum"), rage_clicks=("rage_clicks", "sum"), views=("page", "size"),
    )  # fmt: skip


def _answer(pages: list[dict[Any, Any]], is_odd: bool) -> list[dict[str, Any]]:
    users, mean = ("distantUserCount", "Pages") if is_odd else ("distinctUserCount", "pages")
    traffic = [
        {"totalSessionCount": str(page["sessions"]), "totalBotSessionCount": str(page["sessions"] // 25),
         users: str(page["users"]), f"{mean}PerSessionPercentage": page["views"] / page["sessions"], "Url": page["url"]}
        for page in pages
    ]  # fmt: skip
    # There is a row of no page, of sessions that Clarity cannot place.
    traffic.append({"totalSessionCount": "0", "totalBotSessionCount": "0", users: "2", "Url": None})

    def clicks(column: str) -> list[dict[str, Any]]:
        return [
            {"sessionsCount": str(page["sessions"]), "subTotal": str(page[column]), "Url": page["url"]}
            for page in pages
        ]

    metrics: dict[str, list[dict[str, Any]]] = {
        "DeadClickCount": clicks("dead"),
        "RageClickCount": clicks("rage"),
        "Traffic": traffic,
        "ScrollDepth": [{"averageScrollDepth": round(page["scroll"], 2), "Url": page["url"]} for page in pages],
        "EngagementTime": [
            {"totalTime": str(round(1.4 * page["active"])), "activeTime": str(round(page["active"])),
             "Url": page["url"]}
            for page in pages
        ],
    }  # fmt: skip
    names = SPACED if is_odd else {}
    return [{"metricName": names.get(name, name), "information": rows} for name, rows in metrics.items()]
