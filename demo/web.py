"""Visits to the web site: sessions and page views, of people who stay unknown and of those who become contacts."""

import numpy as np
import pandas as pd

from demo import draws
from demo.draws import Ints
from demo.people import PHONE, People, touch_days
from demo.season import DAY, second_of_day, visits_level
from demo.site import (
    ANGLES,
    CLUSTERS,
    CONTACT,
    FIRST_ARTICLE,
    FIRST_DOWNLOAD,
    HOME,
    PRICING,
    PRODUCT,
    THANKS,
    article_weights,
    site,
    week_number,
)

NEWCOMERS_PER_DAY = 1_190.0
LONGEST_RETURN_DAYS = 60
SHORTER_ARTICLES = int(np.datetime64("2026-04-01").astype(np.int64))
"""The day the editors cut their articles down: more readers reach the end from then on."""
CHANNELS = (
    "Organic Search",
    "Organic Search",
    "Organic Search",
    "Direct",
    "Referral",
    "Organic Social",
    "Organic Social",
    "Email",
    "Paid Search",
)
SOURCES = (
    "google / organic",
    "yahoo / organic",
    "bing / organic",
    "(direct) / (none)",
    "itmedia.example / referral",
    "x / social",
    "facebook / social",
    "newsletter / email",
    "google / cpc",
)
GOOGLE, DIRECT = 0, 3
_FIRST_CHANNEL = [0.55, 0.05, 0.04, 0.13, 0.06, 0.05, 0.03, 0.01, 0.08]
_LATER_CHANNEL = [0.30, 0.03, 0.03, 0.36, 0.04, 0.04, 0.03, 0.15, 0.02]
DEVICES, COUNTRIES = ("desktop", "mobile", "tablet"), ("Japan", "United States", "Singapore")
CLIENT_IDS = 2_000_000_011
KEY_EVENTS = ("", "file_download", "generate_lead", "sign_up")
# A million rows: small numbers take little room.
_SMALL = {
    "number": "int16",
    "article": "int16",
    "person": "int32",
    "slot": "int8",
    "conversion": "int8",
    "asset": "int8",
}
_KEY_EVENT_OF_KIND = np.array([1, 3, 2, 0])


def sessions(seed: int, who: People, first_day: int, last_day: int) -> pd.DataFrame:
    """One row per session up to ``last_day``, in order of its start; of strangers only from ``first_day``."""
    parts = [_strangers(seed, first_day, last_day).astype(_SMALL), _contacts(who, last_day).astype(_SMALL)]
    table = pd.concat(parts, ignore_index=True).sort_values("started", ignore_index=True, kind="stable")
    key = table["key"].to_numpy()
    later = (table["number"].to_numpy() > 1).astype(np.int64)
    channel = draws.choice_by_group(key, "channel", np.array([_FIRST_CHANNEL, _LATER_CHANNEL]), later)
    day = table["started"].to_numpy() // DAY
    table["day"] = day.astype(np.int32)
    weeks = week_number(day)
    weights = article_weights(int(weeks.min()), int(weeks.max() - weeks.min()) + 1)
    article = draws.choice_by_group(key, "landing", weights, weeks - weeks.min())
    planned = table["article"].to_numpy()
    landing = FIRST_ARTICLE + np.where(planned >= 0, planned, article)
    elsewhere = draws.uniform(key, "elsewhere") < np.where(channel == DIRECT, 0.5, 0.16)
    other = np.array([HOME, PRODUCT, PRICING])[draws.choice(key, "page", [0.6, 0.25, 0.15])]
    elsewhere &= ~table["on_article"].to_numpy() & (planned < 0)
    table["landing"] = np.where(elsewhere, other, landing).astype(np.int16)
    table["channel"] = channel.astype(np.int8)
    late = draws.choice(key, "arrives late", [0.92, 0.05, 0.02, 0.01])
    table["arrived"] = (day + late).astype(np.int32)
    user_key = table["user_key"].to_numpy()
    table["device"] = draws.choice(user_key, "device", [0.63, 0.35, 0.02]).astype(np.int8)
    table["country"] = draws.choice(user_key, "country", [0.97, 0.02, 0.01]).astype(np.int8)
    # GA4 needs up to twelve days to attribute a key event to its channel; until then the event is Unassigned.
    slow = draws.uniform(key, "slow attribution") < 0.35
    wait = np.where(slow, 1 + (draws.uniform(key, "attribution") * 12).astype(np.int64), 0)
    table["attributed"] = (day + wait).astype(np.int32)
    return table.drop(columns=["user_key", "article"])


def _strangers(seed: int, first_day: int, last_day: int) -> pd.DataFrame:
    days = np.arange(first_day - LONGEST_RETURN_DAYS, last_day + 1, dtype=np.int64)
    luck = draws.uniform(draws.keys(seed, "visitors a day", days, np.zeros_like(days)), "count")
    counts = (NEWCOMERS_PER_DAY * visits_level(days) * (0.92 + 0.16 * luck)).astype(np.int64)
    first = np.repeat(days, counts)
    index = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    user_key = draws.keys(seed, "visitor", first, index)
    returns = draws.geometric(user_key, "returns", 0.38, 6)
    visitor = np.repeat(np.arange(len(first)), returns + 1)
    number = np.arange(len(visitor)) - np.repeat(np.cumsum(returns + 1) - (returns + 1), returns + 1)
    key = draws.child(user_key[visitor], number)
    gap = np.where(number == 0, 0, 1 + draws.exponential(key, "gap", 9.0).astype(np.int64))
    run = np.cumsum(gap)
    since_first = run - np.repeat(run[number == 0], returns + 1)
    day = first[visitor] + since_first
    kept = (day >= first_day) & (day <= last_day) & (since_first <= LONGEST_RETURN_DAYS)
    visitor, number, key, day = visitor[kept], number[kept], key[kept], day[kept]
    return pd.DataFrame(
        {
            "key": key,
            "user_key": user_key[visitor],
            "user": first[visitor] * 8192 + index[visitor],
            "number": number + 1,
            "started": day * DAY + second_of_day(key),
            "article": -1,
            "person": -1,
            "slot": -1,
            "conversion": 0,
            "on_article": False,
            "asset": 0,
        }
    )


def _contacts(who: People, last_day: int) -> pd.DataFrame:
    """Sessions of contacts: those before the first form, and one for each form."""
    person = np.repeat(np.arange(len(who.key)), who.touches)
    touch = np.arange(len(person)) - np.repeat(np.cumsum(who.touches) - who.touches, who.touches)
    key = draws.child(who.key[person], touch)
    started = touch_days(who.key[person], who.day[person], touch) * DAY + second_of_day(key)
    before = pd.DataFrame(
        {"person": person, "key": key, "started": started, "slot": -1, "kind": PHONE, "asset": 0, "on_article": False}
    )
    forms = who.submissions
    during = pd.DataFrame(
        {
            "person": forms["person"],
            "key": draws.child(who.key[forms["person"]], 10 + forms["slot"].to_numpy()),
            "started": forms["started"],
            "slot": forms["slot"],
            "kind": forms["kind"],
            "asset": forms["asset"],
            "on_article": forms["on_article"],
        }
    )
    table = pd.concat([before, during], ignore_index=True).sort_values(["person", "started"], ignore_index=True)
    table["number"] = table.groupby("person").cumcount() + 1
    key, person = table["key"].to_numpy(), table["person"].to_numpy()
    # The article that brought a contact here is where the first visit begins, and often where the later ones do.
    same = (table["number"].to_numpy() == 1) | (draws.uniform(key, "same article") < 0.5)
    repeated = table["slot"].isin([3, 4]).to_numpy()
    table["article"] = np.where(same | repeated, who.article[person], -1)
    table["user_key"] = who.key[person]
    table["user"] = (1 << 40) + person
    table["conversion"] = _KEY_EVENT_OF_KIND[table["kind"]]
    return table[table["started"] // DAY <= last_day].drop(columns="kind")


def page_views(visits: pd.DataFrame) -> pd.DataFrame:
    """One row per page view of ``sessions``, in their order; ``session`` is the row number there."""
    key, landing = visits["key"].to_numpy(), visits["landing"].to_numpy()
    conversion, inline = visits["conversion"].to_numpy(), visits["on_article"].to_numpy()
    lands_on_article = landing >= FIRST_ARTICLE
    goes_on = draws.uniform(key, "goes on") < np.where(lands_on_article, 0.30, 0.5)
    read = 1 + np.where(goes_on, 1 + draws.geometric(key, "pages", 0.45, 8), 0)
    # A form on its own page is followed by the page that says thanks; a form within an article opens no page.
    own_page = (conversion > 0) & ~inline
    form = form_pages(visits)
    count = read + 2 * own_page
    session = np.repeat(np.arange(len(visits)), count)
    ordinal = np.arange(len(session)) - np.repeat(np.cumsum(count) - count, count)
    view_key = draws.child(key[session], 1000 + ordinal)
    day = visits["day"].to_numpy()[session]

    weeks = week_number(day)
    first_week = int(weeks.min())
    by_topic = article_weights(first_week, int(weeks.max()) - first_week + 1).reshape(-1, len(ANGLES))
    near = landing[session] - FIRST_ARTICLE
    any_topic = (draws.uniform(view_key, "topic") * len(CLUSTERS)).astype(np.int64)
    topic = np.where(near >= 0, near // len(ANGLES), any_topic)
    article = (
        FIRST_ARTICLE
        + topic * len(ANGLES)
        + draws.choice_by_group(view_key, "next article", by_topic, (weeks - first_week) * len(CLUSTERS) + topic)
    )
    other = np.array([HOME, PRODUCT, PRICING])[draws.choice(view_key, "next page", [0.3, 0.45, 0.25])]
    page = np.where(draws.uniform(view_key, "reads on") < 0.7, article, other)
    page = np.where(ordinal == 0, landing[session], page)
    page = np.where(own_page[session] & (ordinal == read[session]), form[session], page)
    page = np.where(own_page[session] & (ordinal == read[session] + 1), THANKS, page)
    converts = (conversion > 0)[session] & (ordinal == np.where(inline, 0, read)[session])

    on_article = page >= FIRST_ARTICLE
    of_article = np.maximum(page - FIRST_ARTICLE, 0)
    active = converts | (draws.uniform(view_key, "active") >= 0.1)
    median = np.where(on_article, site().reading[of_article], 18.0)
    seconds = np.where(active, np.clip(draws.log_normal(view_key, "seconds", median, 0.9), 1, 1500), 0).astype(np.int64)
    reach = site().scroll[of_article] * np.minimum(1.0, 0.3 + seconds / 45.0)
    reach *= np.where(day >= SHORTER_ARTICLES, 1.12, 1.0)
    scrolled = active & (draws.uniform(view_key, "scroll") < np.where(on_article, reach, 0.25))
    # The text ends above the footer: some reach its end who never see 90 % of the page.
    finished = on_article & (scrolled | (active & (draws.uniform(view_key, "end of text") < 0.4 * reach)))
    return pd.DataFrame(
        {
            "session": session.astype(np.int32),
            "user": visits["user"].to_numpy()[session],
            "day": day.astype(np.int32),
            "ordinal": ordinal.astype(np.int16),
            "page": page.astype(np.int16),
            "seconds": seconds.astype(np.int32),
            "scrolled": scrolled,
            "finished": finished,
            "conversion": np.where(converts, conversion[session], 0).astype(np.int8),
        }
    )


def client_id(user: int) -> str:
    """GA4's client id of a user number, as the cookie and a form's hidden field hold it."""
    return f"{user % CLIENT_IDS}.{1_600_000_000 + user // CLIENT_IDS}"


def form_pages(visits: pd.DataFrame) -> Ints:
    """The page that each session's form is on; the landing page where it has none."""
    own_page = np.where(visits["conversion"] == 1, FIRST_DOWNLOAD + visits["asset"], CONTACT)
    inline = visits["on_article"] | (visits["conversion"] == 0)
    return np.where(inline, visits["landing"], own_page).astype(np.int64)
