"""What Google Search showed of the site: one row per Pacific day, page, query and device.

Every session that came from Google's results was a click; a few clicks never became a session. Some queries are too
rare to be named: their rows are marked anonymous and no answer by query may hold them.

Beside web search there are images, found now and then, and Discover, which shows an article for a week and then
forgets it. A click in Discover has no referrer: it is one of GA4's direct visits by telephone.
"""

import numpy as np
import pandas as pd

from demo import draws
from demo.season import DAY, visits_level
from demo.site import ANGLES, CLUSTERS, FIRST_ARTICLE, article_weights, site, week_number
from demo.web import DIRECT, GOOGLE

QUERIES_PER_PAGE = 3
ANONYMOUS = QUERIES_PER_PAGE
"""The slot of a page's queries that are too rare to be named."""
_SHARES = np.array([0.30, 0.20, 0.14, 0.36])
"""Of a page's three named queries and of all its anonymous ones together."""
DEVICES = ("DESKTOP", "MOBILE", "TABLET")
FINAL_AFTER_DAYS, FRESH_AFTER_DAYS = 3, 1
KEPT_MONTHS = 16
IMAGE, DISCOVER = "image", "discover"
_MOBILE = 1
_FRESH_SHARE = {1: 0.5, 2: 0.9}
"""How much of a fresh day is there yet, by its age in days."""


def query(page: int, slot: int) -> str:
    """The words of a page's slot-th query ('' for its anonymous ones)."""
    if slot == ANONYMOUS:
        return ""
    if page < FIRST_ARTICLE:
        return f"デモ帳票クラウド{('', ' ログイン', ' 評判')[slot]}" + ("" if page == 0 else f" {site().titles[page]}")
    article = page - FIRST_ARTICLE
    topic, words = CLUSTERS[article // len(ANGLES)][1], ANGLES[article % len(ANGLES)][1]
    return (f"{topic} {words}", f"{words} {topic}", f"{topic} {words} おすすめ")[slot]


def pacific_day(started: draws.Ints) -> draws.Ints:
    """The day in California of a moment in Japan: 16 hours behind in summer, 17 in winter."""
    moment = started - 9 * 3600
    year = (moment // DAY).astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)

    def sunday(first_of: int, number: int) -> draws.Ints:
        month = year.astype("datetime64[D]").astype("datetime64[M]") + first_of - 1
        start = month.astype("datetime64[D]").astype(np.int64)
        return start + (6 - (start + 3) % 7) % 7 + 7 * (number - 1)

    # Clocks change at two in the morning, which is 10:00 UTC in March and 9:00 UTC in November.
    summer = (moment >= sunday(3, 2) * DAY + 10 * 3600) & (moment < sunday(11, 1) * DAY + 9 * 3600)
    result: draws.Ints = (moment - np.where(summer, 7, 8) * 3600) // DAY
    return result


def kept_from(as_of: int) -> int:
    """The first day that Search Console still has on ``as_of``."""
    month = np.datetime64(as_of, "D").astype("datetime64[M]") - KEPT_MONTHS
    return int(month.astype("datetime64[D]").astype(np.int64))


def search_days(seed: int, visits: pd.DataFrame, first_day: int, as_of: int) -> pd.DataFrame:
    """Clicks, impressions and position as known on ``as_of``, final days and fresh ones.

    Columns: day, page, slot, device, clicks, impressions, property_impressions (counting a result page that shows two
    of our pages once), position, is_final.
    """
    first, last = max(first_day, kept_from(as_of)), as_of - FRESH_AFTER_DAYS
    found = visits[visits["channel"] == GOOGLE]
    key = found["key"].to_numpy()
    day = pacific_day(found["started"].to_numpy())
    slot = draws.choice(key, "query", _SHARES)
    clicks = 1 + (draws.uniform(key, "lost click") < 0.06).astype(np.int64)
    shape = (last - first + 1, len(site().paths), QUERIES_PER_PAGE + 1, len(DEVICES))
    inside = (day >= first) & (day <= last)
    page, device = found["landing"].to_numpy()[inside], found["device"].to_numpy()[inside]
    cell = np.ravel_multi_index((day[inside] - first, page, slot[inside], device), shape)
    clicked = np.bincount(cell, clicks[inside], minlength=int(np.prod(shape))).reshape(shape)

    days = np.arange(first, last + 1)
    weeks = week_number(days)
    found_share = np.zeros((len(days), len(site().paths)))
    by_week = article_weights(int(weeks.min()), int(weeks.max() - weeks.min()) + 1)
    found_share[:, FIRST_ARTICLE:] = (by_week / by_week.sum(axis=1, keepdims=True))[weeks - weeks.min()]
    found_share[:, :3] = 0.05
    device_share = np.array([0.63, 0.35, 0.02])
    expected = (
        (850.0 * visits_level(days))[:, None, None, None]
        * found_share[:, :, None, None]
        * _SHARES[None, None, :, None]
        * device_share
    )
    # A page's queries keep their places in the results, drifting over the months; far down fewer people click.
    place = draws.keys(
        seed, "query", np.arange(shape[1])[:, None].repeat(shape[2], 1).ravel(), np.tile(np.arange(shape[2]), shape[1])
    )
    base = (1.5 + 14.0 * draws.uniform(place, "position") ** 1.5).reshape(1, shape[1], shape[2], 1)
    phase = (2 * np.pi * draws.uniform(place, "drift")).reshape(1, shape[1], shape[2], 1)
    position = base * (1.0 + 0.15 * np.sin(days[:, None, None, None] / 90.0 + phase))
    each_day = int(np.prod(shape[1:]))
    cells = draws.keys(seed, "search", np.repeat(days, each_day), np.tile(np.arange(each_day), len(days)))
    position = np.maximum(1.0, position * (0.85 + 0.3 * draws.uniform(cells, "position").reshape(shape)))
    rate = 0.32 / position**0.9
    impressions = clicked + np.floor(
        expected * (1.0 / rate - 1.0) * (0.6 + 0.8 * draws.uniform(cells, "impressions").reshape(shape))
        + draws.uniform(cells, "one more").reshape(shape)
    )
    age = as_of - days
    share = np.select([age == 1, age == 2], [_FRESH_SHARE[1], _FRESH_SHARE[2]], 1.0)[:, None, None, None]
    part = draws.uniform(cells, "fresh").reshape(shape)  # rounds up or down at random, so that single clicks are left
    clicked, impressions = np.floor(clicked * share + part), np.floor(impressions * share + part)
    at = np.nonzero(impressions)
    shown = impressions[at].astype(np.int64)
    hits = clicked[at].astype(np.int64)
    return pd.DataFrame(
        {
            "day": days[at[0]],
            "page": at[1],
            "slot": at[2],
            "device": at[3],
            "clicks": hits,
            "impressions": shown,
            "property_impressions": np.maximum(hits, shown - shown // 12),
            "position": np.round(position[at], 4),
            "is_final": age[at[0]] >= FINAL_AFTER_DAYS,
        }
    )


def other_days(seed: int, visits: pd.DataFrame, first_day: int, as_of: int) -> pd.DataFrame:
    """What was shown elsewhere than in web search, as known on ``as_of``; on many days nothing was.

    Columns: day, search_type, page, clicks, impressions, position (NaN in Discover), is_final.
    """
    first, last = max(first_day, kept_from(as_of)), as_of - FRESH_AFTER_DAYS
    days, pages = np.arange(first, last + 1), len(site().paths)
    shape = (len(days), pages)
    page = np.tile(np.arange(pages), len(days))
    cells = draws.keys(seed, "elsewhere", np.repeat(days, pages), page)
    is_article = page >= FIRST_ARTICLE
    images = np.where(
        is_article & (draws.uniform(cells, "image") < 0.003), 1 + draws.geometric(cells, "images", 0.6, 9), 0
    )
    image_clicks = np.minimum(images, (draws.uniform(cells, "image click") < 0.2).astype(np.int64))
    # The week of an article in Discover is drawn for the article and the week, not for the day.
    weeks = draws.keys(seed, "discover", np.repeat(week_number(days), pages), page)
    is_shown = is_article & (draws.uniform(weeks, "shown") < 0.003)
    found = visits[(visits["channel"] == DIRECT) & (visits["device"] == _MOBILE)]
    day = pacific_day(found["started"].to_numpy())
    inside = (day >= first) & (day <= last)
    clicked = np.zeros(shape, np.int64)
    np.add.at(clicked, (day[inside] - first, found["landing"].to_numpy()[inside]), 1)
    feed_clicks = np.where(is_shown, clicked.ravel(), 0)
    shown = np.where(is_shown, feed_clicks + (draws.uniform(cells, "shown to") * 400).astype(np.int64), 0)
    parts = []
    for kind, impressions, clicks, position in (
        (IMAGE, images, image_clicks, np.round(1 + 90 * draws.uniform(cells, "image position"), 4)),
        (DISCOVER, shown, feed_clicks, np.full(len(cells), np.nan)),
    ):
        at = np.nonzero(impressions)[0]
        of_day = days[at // pages]
        parts.append(
            pd.DataFrame(
                {
                    "day": of_day,
                    "search_type": kind,
                    "page": page[at],
                    "clicks": clicks[at],
                    "impressions": impressions[at],
                    "position": position[at],
                    "is_final": as_of - of_day >= FINAL_AFTER_DAYS,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
