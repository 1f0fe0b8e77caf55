"""People who become contacts: when they come, by which article, and the forms they fill in.

A contact is drawn on the day of the first visit with the whole future, so adding a day changes nobody's past.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from demo import draws
from demo.draws import Flags, Ints, Keys
from demo.season import DAY, LAST_SECOND, contacts_level, second_of_day
from demo.site import ASSETS, FIRST_MONDAY, article_weights, site, week_number

FIRST_DAY = FIRST_MONDAY
"""The company's first day."""
NEVER = 1 << 40
"""A moment, or a day, that no export ever reaches."""
CONTACTS_PER_DAY = 12.0
DOWNLOAD, NEWSLETTER, INQUIRY, PHONE = range(4)
"""What a contact came by first; a form is one of the first three."""


@dataclass(frozen=True)
class People:
    """One element per contact ever to come from the days drawn; moments are seconds since 1970 in local time."""

    key: Keys
    contact_id: pd.Series
    account_id: pd.Series
    day: Ints
    """Day of the first visit."""
    kind: Ints
    article: Ints
    """The article that brought the contact here (number among the articles)."""
    touches: Ints
    """Web sessions before the one with the first form."""
    submissions: pd.DataFrame
    """person, slot, kind, asset, started (start of its session), submitted_at, invalid_reason, on_article."""


def people(seed: int, first_day: int, last_day: int) -> People:
    """Everybody whose first visit was on ``first_day..last_day``."""
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    luck = draws.uniform(draws.keys(seed, "contacts a day", days, np.zeros_like(days)), "count")
    counts = np.floor(CONTACTS_PER_DAY * contacts_level(days) * (0.5 + luck) + 0.5).astype(np.int64)
    day = np.repeat(days, counts)
    index = np.arange(len(day)) - np.repeat(np.cumsum(counts) - counts, counts)
    key = draws.keys(seed, "contact", day, index)
    kind = draws.choice(key, "kind", [0.53, 0.28, 0.165, 0.025])
    weeks = week_number(day)
    weights = article_weights(int(weeks.min()), int(weeks.max() - weeks.min()) + 1) * site().persuasion
    article = draws.choice_by_group(key, "article", weights, weeks - weeks.min())
    touches = np.where(kind == PHONE, 0, draws.geometric(key, "touches", 0.5, 4))
    dates = day.astype("datetime64[D]")
    date_text = pd.Series(np.datetime_as_string(dates)).str.replace("-", "")
    number = pd.Series(index).astype(str).str.zfill(3)
    shared = draws.uniform(key, "shared account") < 0.12
    group = pd.Series((draws.uniform(key, "account") * 15).astype(np.int64)).astype(str).str.zfill(2)
    own = "A" + date_text + "-" + number
    account_id = own.where(~shared, "A" + date_text.str[:6] + "G-" + group)
    return People(
        key=key,
        contact_id="C" + date_text + "-" + number,
        account_id=account_id,
        day=day,
        kind=kind,
        article=article,
        touches=touches,
        submissions=_submissions(key, day, kind, touches),
    )


def touch_days(key: Keys, day: Ints, touch: Ints) -> Ints:
    """The day of each contact's touch-th session (0 is the first visit)."""
    total = day.copy()
    for number in range(1, 5):
        gap = 1 + np.minimum(draws.exponential(draws.child(key, np.full(len(key), number)), "gap", 9.0), 40.0)
        total = total + np.where(touch >= number, gap.astype(np.int64), 0)
    return total


def _submissions(key: Keys, day: Ints, kind: Ints, touches: Ints) -> pd.DataFrame:
    person = np.arange(len(key))
    first = touch_days(key, day, touches) * DAY + second_of_day(draws.child(key, touches))
    chance = {name: draws.uniform(key, name) for name in ("download again", "inquire later", "repeat", "again", "join")}
    later = {
        name: first // DAY + 2 + draws.exponential(key, name, mean).astype(np.int64)
        for name, mean in (("days to download", 20.0), ("days to inquiry", 25.0), ("days to join", 30.0))
    }
    second = second_of_day(key)
    asset = draws.choice(key, "asset", [5, 4, 3, 3, 2, 1])
    other_asset = (asset + 1 + draws.choice(key, "other asset", [1.0] * 5)) % len(ASSETS)
    # A repeat of the same download within 24 hours, and for some a third one more than 24 hours after the first.
    repeat = first + 1800 + (draws.uniform(key, "repeat after") * 19 * 3600).astype(np.int64)
    third = first + 26 * 3600 + (draws.uniform(key, "third after") * 14 * 3600).astype(np.int64)
    repeats = (kind == DOWNLOAD) & (chance["repeat"] < 0.07)
    slots: list[tuple[Flags, Ints | int, Ints, Ints]] = [
        (kind != PHONE, kind, asset, first),
        (
            chance["download again"] < np.array([0.25, 0.15, 0.12, 0.0])[kind],
            DOWNLOAD,
            other_asset,
            later["days to download"] * DAY + second,
        ),
        (
            chance["inquire later"] < np.array([0.06, 0.03, 0.0, 0.0])[kind],
            INQUIRY,
            asset,
            later["days to inquiry"] * DAY + second,
        ),
        (repeats, DOWNLOAD, asset, repeat),
        (repeats & (chance["again"] < 0.35), DOWNLOAD, asset, third),
        ((kind == DOWNLOAD) & (chance["join"] < 0.06), NEWSLETTER, asset, later["days to join"] * DAY + second),
    ]
    parts = [
        pd.DataFrame(
            {
                "person": person[chosen],
                "slot": slot,
                "asset": which[chosen],
                "started": moment[chosen],
                "kind": form[chosen] if isinstance(form, np.ndarray) else form,
            }
        )
        for slot, (chosen, form, which, moment) in enumerate(slots)
    ]
    table = pd.concat(parts, ignore_index=True).sort_values(["person", "slot"], ignore_index=True)
    slot_key = draws.child(key[table["person"]], 100 + table["slot"].to_numpy())
    started = table["started"].to_numpy()
    started = np.where(started % DAY > LAST_SECOND, (started // DAY + 1) * DAY + 7200, started)
    # Spam, sales pitches and support requests come through the inquiry form as somebody's first submission.
    reason = draws.choice(slot_key, "invalid", [0.08, 0.12, 0.05, 0.75])
    inquiry = (table["kind"].to_numpy() == INQUIRY) & (table["slot"].to_numpy() == 0)
    table["started"] = started
    table["submitted_at"] = started + 60 + (draws.uniform(slot_key, "fill in") * 840).astype(np.int64)
    table["invalid_reason"] = np.array(["spam", "sales_pitch", "support", ""])[np.where(inquiry, reason, 3)]
    table["on_article"] = np.where(
        table["kind"] == NEWSLETTER, True, (table["kind"] == DOWNLOAD) & (draws.uniform(slot_key, "inline") < 0.5)
    )
    return table
