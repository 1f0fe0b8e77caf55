"""People who become contacts, and what sales does with them: stages, deals, orders, contracts.

A contact is drawn on the day of the first visit with the whole future: which forms, when, whether and when the
contact becomes an MQL, a deal, a customer, and whether each year's renewal comes. :func:`as_known` cuts that future
at a day, as an export of that day would show it.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo import draws
from demo.draws import Flags, Floats, Ints, Keys
from demo.season import DAY, LAST_SECOND, contacts_level, second_at_work, second_of_day, weak_hand_off, workday
from demo.site import ASSETS, FIRST_MONDAY, article_weights, site, week_number

NEVER = 1 << 40
"""A moment that no export ever reaches."""
Number = TypeVar("Number", np.int64, np.bool_)
CONTACTS_PER_DAY = 12.0
KINDS = ("download", "newsletter", "inquiry", "phone")
DOWNLOAD, NEWSLETTER, INQUIRY, PHONE = range(4)
INDUSTRIES = ("製造業", "卸売業", "情報通信業", "サービス業", "建設業", "小売業", "")
JOB_TITLES = ("部長", "課長", "主任", "担当者", "役員", "")
YEARS = 8


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
        key=key, contact_id="C" + date_text + "-" + number, account_id=account_id, day=day, kind=kind,
        article=article, touches=touches, submissions=_submissions(key, day, kind, touches),
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
    later = {name: first // DAY + 2 + draws.exponential(key, name, mean).astype(np.int64)
             for name, mean in (("days to download", 20.0), ("days to inquiry", 25.0), ("days to join", 30.0))}
    second = second_of_day(key)
    asset = draws.choice(key, "asset", [5, 4, 3, 3, 2, 1])
    other_asset = (asset + 1 + draws.choice(key, "other asset", [1.0] * 5)) % len(ASSETS)
    # A repeat of the same download within 24 hours, and for some a third one more than 24 hours after the first.
    repeat = first + 1800 + (draws.uniform(key, "repeat after") * 19 * 3600).astype(np.int64)
    third = first + 26 * 3600 + (draws.uniform(key, "third after") * 14 * 3600).astype(np.int64)
    repeats = (kind == DOWNLOAD) & (chance["repeat"] < 0.07)
    slots: list[tuple[Flags, Ints | int, Ints, Ints]] = [
        (kind != PHONE, kind, asset, first),
        (chance["download again"] < np.array([0.25, 0.15, 0.12, 0.0])[kind], DOWNLOAD, other_asset,
         later["days to download"] * DAY + second),
        (chance["inquire later"] < np.array([0.06, 0.03, 0.0, 0.0])[kind], INQUIRY, asset,
         later["days to inquiry"] * DAY + second),
        (repeats, DOWNLOAD, asset, repeat),
        (repeats & (chance["again"] < 0.35), DOWNLOAD, asset, third),
        ((kind == DOWNLOAD) & (chance["join"] < 0.06), NEWSLETTER, asset, later["days to join"] * DAY + second),
    ]
    parts = [
        pd.DataFrame({"person": person[chosen], "slot": slot, "asset": which[chosen], "started": moment[chosen],
                      "kind": form[chosen] if isinstance(form, np.ndarray) else form})
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
        table["kind"] == NEWSLETTER, True, (table["kind"] == DOWNLOAD) & (draws.uniform(slot_key, "inline") < 0.5))
    return table


@dataclass(frozen=True)
class Business:
    """The exports' tables as known on a day, in our own words (moments in local time)."""

    contacts: pd.DataFrame
    form_submissions: pd.DataFrame
    stage_changes: pd.DataFrame
    deals: pd.DataFrame
    orders: pd.DataFrame
    contracts: pd.DataFrame


def as_known(who: People, as_of: int) -> Business:
    """What the MA, SFA and CRM show at the end of day ``as_of`` (days since 1970-01-01)."""
    end = (as_of + 1) * DAY
    key, kind, n = who.key, who.kind, len(who.key)
    forms = who.submissions

    def moment_of(rows: Flags) -> Ints:
        """The first such submission of each contact, or NEVER."""
        chosen = forms[rows].groupby("person")["submitted_at"].min()
        result = np.full(n, NEVER)
        result[chosen.index.to_numpy()] = chosen.to_numpy()
        return result

    def after(moment: Ints, purpose: str, median: float | Floats, sigma: float) -> Ints:
        """A working moment some days after another one; never earlier than it."""
        days = moment // DAY + np.round(draws.log_normal(key, purpose, median, sigma)).astype(np.int64)
        later: Ints = np.maximum(moment + 60, workday(days) * DAY + second_at_work(key, purpose))
        return later

    invalid = (forms["invalid_reason"] != "").to_numpy()
    lead_form = (forms["kind"] != NEWSLETTER).to_numpy() & ~invalid
    phoned = np.where(kind == PHONE, workday(who.day) * DAY + second_at_work(key, "phone"), NEVER)
    created = np.minimum(moment_of(np.ones(len(forms), bool)), phoned)
    lead = np.minimum(moment_of(lead_form), phoned)
    inquired = moment_of(lead_form & (forms["kind"] == INQUIRY).to_numpy())
    reason = np.where(kind == DOWNLOAD, draws.choice(key, "contact invalid", [0.02, 0.03, 0.95]), 2)
    real = reason == 2

    fit = np.where(kind == PHONE, 1.0, site().fit[who.article])
    talks = (inquired < NEVER) | (kind == PHONE)
    likely = np.where(talks, 0.64, np.array([0.175, 0.175, 0.0, 0.6])[kind]) * (0.5 + 0.5 * fit)
    is_mql = (lead < NEVER) & real & (draws.uniform(key, "becomes mql") < likely)
    warm = np.where(inquired < NEVER, np.maximum(lead, inquired), lead)
    mql = np.where(is_mql, after(warm, "days to mql", np.where(talks, 2.0, 5.0), 0.9), NEVER)

    weak = weak_hand_off(np.minimum(mql, end) // DAY)
    has_deal = is_mql & (draws.uniform(key, "becomes deal") < 0.40 * fit * np.where(weak, 0.35, 1.0))
    deal = np.where(has_deal, after(mql, "days to deal", np.where(weak, 30.0, 18.0), 0.7), NEVER)
    sql = np.where(is_mql & (has_deal | (draws.uniform(key, "becomes sql") < 0.4)),
                   np.minimum(after(mql, "days to sql", 4.0, 0.8), deal - 30), NEVER)
    outcome = draws.choice(key, "outcome", [0.32, 0.60, 0.08])
    closed = np.where(has_deal & (outcome < 2),
                      after(deal, "days to close", np.where(outcome == 0, 45.0, 55.0), 0.6) + 3 * DAY, NEVER)
    closed = np.where(closed < NEVER, workday(closed // DAY) * DAY + closed % DAY, NEVER)
    won = outcome == 0
    dropped = (lead < NEVER) & ~has_deal & (draws.uniform(key, "dropped") < np.where(is_mql, 0.6, 0.25)) | ~real
    disqualified = np.where(dropped, after(np.where(is_mql, mql, lead), "days to drop", np.where(real, 35.0, 2.0), 0.7),
                            NEVER)
    back = dropped & is_mql & (draws.uniform(key, "comes back") < 0.15)
    mql_again = np.where(back, after(disqualified, "days to come back", 80.0, 0.3), NEVER)
    lead_again = np.where((lead < NEVER) & (draws.uniform(key, "lead again") < 0.03),
                          after(lead, "days to lead again", 50.0, 0.5), NEVER)

    stages = [("lead", lead), ("lead", lead_again), ("mql", mql), ("mql", mql_again), ("sql", sql), ("deal", deal),
              ("customer", np.where(won, closed, NEVER)), ("disqualified", disqualified)]
    changes = pd.concat([
        pd.DataFrame({"contact_id": who.contact_id[moment < end], "stage": stage, "entered_at": moment[moment < end]})
        for stage, moment in stages
    ], ignore_index=True).sort_values(["entered_at", "contact_id"], ignore_index=True)

    joined = np.minimum(moment_of((forms["kind"] == NEWSLETTER).to_numpy()),
                        np.where((kind == DOWNLOAD) & (draws.uniform(key, "ticks box") < 0.25), created, NEVER))
    left = np.where((joined < NEVER) & (draws.uniform(key, "leaves") < 0.2),
                    joined + (1 + draws.exponential(key, "days to leave", 200.0)).astype(np.int64) * DAY, NEVER)
    nameless = (kind == NEWSLETTER) & (lead == NEVER) & (draws.uniform(key, "nameless") < 0.4)
    known = created < end
    contacts = pd.DataFrame({
        "person": np.arange(n), "contact_id": who.contact_id, "account_id": who.account_id.where(~nameless, ""),
        "created_on": created // DAY,
        "industry": np.array(INDUSTRIES)[draws.choice(key, "industry", [5, 3, 4, 4, 2, 2, 1.5])],
        "job_title": np.array(JOB_TITLES)[draws.choice(key, "job title", [3, 4, 3, 6, 1, 1.5])],
        "newsletter_on": np.where(joined < end, joined // DAY, NEVER),
        "unsubscribed_on": np.where(left < end, left // DAY, NEVER),
        "invalid_reason": np.array(["competitor", "student", ""])[reason],
    })[known].sort_values(["created_on", "contact_id"], ignore_index=True)
    submissions = forms[forms["submitted_at"] < end].reset_index(drop=True)
    submissions.insert(0, "contact_id", who.contact_id.to_numpy()[submissions["person"]])
    slot = submissions["slot"].astype(str)
    submissions.insert(0, "submission_id", submissions["contact_id"].str.replace("C", "S") + "-" + slot)
    submissions = submissions.sort_values(["submitted_at", "submission_id"], ignore_index=True)

    monthly = np.round(draws.log_normal(key, "monthly amount", 95_000.0, 0.5) / 1000).astype(np.int64) * 1000
    new_deals = _deal_rows(
        who, np.arange(n)[has_deal], "new", deal // DAY, closed // DAY, won, monthly * 12, as_of,
        suffix="", contactless=(kind == PHONE) & (draws.uniform(key, "no contact") < 0.3))
    bought = np.flatnonzero(has_deal & won & (closed < end))
    later_deals, contracts = _customers(who, bought, closed[bought] // DAY, monthly[bought], as_of)
    deals = pd.concat([new_deals, *later_deals], ignore_index=True)
    deals = deals[deals["created_on"] <= as_of].sort_values(["created_on", "deal_id"], ignore_index=True)
    return Business(contacts, submissions, changes, deals.drop(columns=["key"]), _orders(deals), contracts)


def _deal_rows(
    who: People, person: Ints, kind: str, created: Ints, closed: Ints, won: Flags, amount: Ints, as_of: int,
    suffix: str, contactless: Flags,
) -> pd.DataFrame:
    """Deals of ``person`` as known at ``as_of``; every array but ``person`` has one element per contact."""
    created, closed, won, amount = created[person], closed[person], won[person], amount[person]
    key = draws.child(who.key[person], np.full(len(person), 1000 + sum(suffix.encode())))
    is_closed = closed <= as_of
    share = (as_of - created) / np.maximum(1, np.minimum(closed, created + 90) - created)
    phase = np.select([share < 0.33, share < 0.66], ["初回訪問", "提案"], "見積")
    # While a deal is open the SFA holds the date that the salesperson expects, and for some none.
    hoped = created + 30 * (1 + draws.choice(key, "months", [2, 3, 1]))
    expected = np.where(draws.uniform(key, "expects") < 0.7, hoped, NEVER)
    return pd.DataFrame({
        "deal_id": "D" + who.contact_id.to_numpy()[person].astype(object) + suffix,
        "contact_id": np.where(contactless[person], "", who.contact_id.to_numpy()[person]),
        "account_id": who.account_id.to_numpy()[person],
        "kind": kind, "created_on": created,
        "stage": np.where(is_closed, np.where(won, "受注", "失注"), phase),
        "status": np.where(is_closed, np.where(won, "won", "lost"), "open"),
        "amount": amount, "closed_on": np.where(is_closed, closed, expected), "key": key,
    })


def _customers(
    who: People, person: Ints, bought: Ints, monthly: Ints, as_of: int
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Renewal and upsell deals, and the contracts, of those who bought."""
    key, n = who.key[person], len(who.key)
    # Half of the contracts begin on the day of the order, half on the first of the next month.
    month = bought.astype("datetime64[D]").astype("datetime64[M]")
    day_of_month = np.minimum((bought.astype("datetime64[D]") - month).astype(np.int64), 27)
    first_of_next = draws.uniform(key, "starts") < 0.5
    months = month + first_of_next.astype(np.int64)
    days = np.where(first_of_next, 0, day_of_month)
    started = months.astype("datetime64[D]").astype(np.int64) + days
    started = np.maximum(started, bought)
    ended = np.full(len(person), NEVER)
    parts: list[pd.DataFrame] = []

    def everyone(values: NDArray[Number]) -> NDArray[Number]:
        whole = np.zeros(n, values.dtype)
        whole[person] = values
        return whole

    nobody = np.zeros(n, bool)
    for year in range(1, YEARS + 1):
        active = ended == NEVER
        year_key = draws.child(key, np.full(len(person), 2000 + year))
        upsold = active & (draws.uniform(year_key, "upsell") < 0.15)
        begin = (months + 12 * (year - 1)).astype("datetime64[D]").astype(np.int64) + days
        anniversary = (months + 12 * year).astype("datetime64[D]").astype(np.int64) + days
        upsell = workday(begin + 20 + (draws.uniform(year_key, "upsell day") * 220).astype(np.int64))
        upsell_closed = workday(upsell + 5 + draws.log_normal(year_key, "upsell lag", 25.0, 0.5).astype(np.int64))
        parts.append(_deal_rows(
            who, person[upsold], "upsell", everyone(upsell), everyone(upsell_closed),
            everyone(draws.uniform(year_key, "upsell won") < 0.6),
            everyone(monthly * 3), as_of, suffix=f"-U{year}", contactless=nobody))
        renews = draws.uniform(year_key, "renews") < 0.88
        decided = workday(anniversary - 12)
        rise = 1.0 + np.round(draws.uniform(year_key, "rise") * 5) / 100
        parts.append(_deal_rows(
            who, person[active], "renewal", everyone(workday(anniversary - 50)), everyone(decided),
            everyone(renews), everyone((monthly * 12 * rise).astype(np.int64)), as_of,
            suffix=f"-R{year}", contactless=nobody))
        # A cancelled contract's end is known from the day it was decided, before it comes.
        ended = np.where(active & ~renews, anniversary, ended)
        known = decided <= as_of
        ended = np.where(active & ~renews & ~known, NEVER + 1, ended)
    contracts = pd.DataFrame({
        "contract_id": "K" + who.contact_id.to_numpy()[person].astype(object),
        "account_id": who.account_id.to_numpy()[person],
        "started_on": started, "ended_on": np.where(ended < NEVER, ended, NEVER), "monthly_amount": monthly,
    })
    contracts = contracts[contracts["started_on"] <= as_of]
    return parts, contracts.sort_values(["started_on", "contract_id"], ignore_index=True)


def _orders(deals: pd.DataFrame) -> pd.DataFrame:
    won = deals[deals["status"] == "won"]
    share = 0.35 + 0.2 * draws.uniform(won["key"].to_numpy().astype(np.uint64), "cost")
    return pd.DataFrame({
        "order_id": "O" + won["deal_id"].str[1:], "account_id": won["account_id"], "deal_id": won["deal_id"],
        "ordered_on": won["closed_on"], "amount": won["amount"],
        "cost": (won["amount"].to_numpy() * share).astype(np.int64), "kind": won["kind"],
    }).sort_values(["ordered_on", "order_id"], ignore_index=True)


FIRST_DAY = FIRST_MONDAY
"""The company's first day."""
