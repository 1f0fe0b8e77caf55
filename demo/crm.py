"""What marketing and sales do with the contacts: stages, deals, orders, contracts.

:func:`journeys` knows the whole future of everybody; :func:`as_known` cuts it at a day, as exports of that day show it.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo import draws
from demo.draws import Flags, Floats, Ints
from demo.people import DOWNLOAD, INQUIRY, NEVER, NEWSLETTER, PHONE, People
from demo.season import DAY, second_at_work, weak_hand_off, workday
from demo.site import site

Number = TypeVar("Number", np.int64, np.bool_)
INDUSTRIES = ("製造業", "卸売業", "情報通信業", "サービス業", "建設業", "小売業", "")
JOB_TITLES = ("部長", "課長", "主任", "担当者", "役員", "")
YEARS = 8


@dataclass(frozen=True)
class Business:
    """The exports' tables as known on a day, in our own words (moments in local time)."""

    contacts: pd.DataFrame
    form_submissions: pd.DataFrame
    stage_changes: pd.DataFrame
    deals: pd.DataFrame
    orders: pd.DataFrame
    contracts: pd.DataFrame


@dataclass(frozen=True)
class Journeys:
    """What becomes of each contact, however long it takes: moments in seconds, NEVER for what never happens."""

    created: Ints
    lead: Ints
    lead_again: Ints
    mql: Ints
    mql_again: Ints
    sql: Ints
    deal: Ints
    closed: Ints
    won: Flags
    """Whether the deal is won when it closes."""
    disqualified: Ints
    joined: Ints
    left: Ints
    """Subscribed to the newsletter, and unsubscribed."""
    invalid_reason: NDArray[np.str_]


def journeys(who: People) -> Journeys:
    """The future of everybody."""
    key, kind, forms = who.key, who.kind, who.submissions

    def first(rows: Flags) -> Ints:
        """The moment of each contact's first such submission."""
        chosen = forms[rows].groupby("person")["submitted_at"].min()
        moments = np.full(len(key), NEVER)
        moments[chosen.index.to_numpy()] = chosen.to_numpy()
        return moments

    def after(moment: Ints, happens: Flags, purpose: str, median: float | Floats, sigma: float) -> Ints:
        """A working moment log-normally many days after another one, and never earlier than it."""
        days = moment // DAY + np.round(draws.log_normal(key, purpose, median, sigma)).astype(np.int64)
        later = np.maximum(moment + 60, workday(days) * DAY + second_at_work(key, purpose))
        return np.where(happens, later, NEVER)

    by_phone = kind == PHONE
    of_kind, valid = forms["kind"].to_numpy(), (forms["invalid_reason"] == "").to_numpy()
    phoned = np.where(by_phone, workday(who.day) * DAY + second_at_work(key, "phone"), NEVER)
    created = np.minimum(first(np.ones(len(forms), bool)), phoned)
    lead = np.minimum(first(valid & (of_kind != NEWSLETTER)), phoned)
    inquired = first(valid & (of_kind == INQUIRY))
    is_lead = lead < NEVER
    reason = np.where(kind == DOWNLOAD, draws.choice(key, "contact invalid", [0.02, 0.03, 0.95]), 2)
    real = reason == 2

    # Who asks becomes an MQL more often than who reads, and readers of some articles more often than of others.
    fit = np.where(by_phone, 1.0, site().fit[who.article])
    asks = (inquired < NEVER) | by_phone
    is_mql = is_lead & real & (draws.uniform(key, "becomes mql") < np.where(asks, 0.64, 0.175) * (0.5 + 0.5 * fit))
    warm = np.where(inquired < NEVER, np.maximum(lead, inquired), lead)
    mql = after(warm, is_mql, "days to mql", np.where(asks, 2.0, 5.0), 0.9)
    weak = weak_hand_off(np.where(is_mql, mql, 0) // DAY)
    has_deal = is_mql & (draws.uniform(key, "becomes deal") < 0.40 * fit * np.where(weak, 0.35, 1.0))
    deal = after(mql, has_deal, "days to deal", np.where(weak, 30.0, 18.0), 0.7)
    is_sql = is_mql & (has_deal | (draws.uniform(key, "becomes sql") < 0.4))
    sql = np.minimum(after(mql, is_sql, "days to sql", 4.0, 0.8), np.where(is_sql, deal - 30, NEVER))

    outcome = draws.choice(key, "outcome", [0.32, 0.60, 0.08])  # won, lost, never closed
    lag = np.where(outcome == 0, 45.0, 55.0)
    closed = after(deal + 3 * DAY, has_deal & (outcome < 2), "days to close", lag, 0.6)
    chance = np.where(is_mql, 0.6, 0.25)
    dropped = is_lead & ~has_deal & (draws.uniform(key, "dropped") < chance) | ~real
    disqualified = after(np.where(is_mql, mql, lead), dropped, "days to drop", np.where(real, 35.0, 2.0), 0.7)
    back = dropped & is_mql & (draws.uniform(key, "comes back") < 0.15)
    again = is_lead & (draws.uniform(key, "lead again") < 0.03)

    ticked = np.where((kind == DOWNLOAD) & (draws.uniform(key, "ticks box") < 0.25), created, NEVER)
    joined = np.minimum(first(of_kind == NEWSLETTER), ticked)
    leaves = (joined < NEVER) & (draws.uniform(key, "leaves") < 0.2)
    stays = (1 + draws.exponential(key, "days to leave", 200.0)).astype(np.int64)
    return Journeys(
        created=created,
        lead=lead,
        lead_again=after(lead, again, "days to lead again", 50.0, 0.5),
        mql=mql,
        mql_again=after(disqualified, back, "days to come back", 80.0, 0.3),
        sql=sql,
        deal=deal,
        closed=closed,
        won=outcome == 0,
        disqualified=disqualified,
        joined=joined,
        left=np.where(leaves, joined + stays * DAY, NEVER),
        invalid_reason=np.array(["competitor", "student", ""])[reason],
    )


def as_known(who: People, as_of: int) -> Business:
    """What the MA, SFA and CRM show at the end of day ``as_of`` (days since 1970-01-01)."""
    paths, end = journeys(who), (as_of + 1) * DAY
    monthly = np.round(draws.log_normal(who.key, "monthly amount", 95_000.0, 0.5) / 1000).astype(np.int64) * 1000
    new_deals = _deal_rows(
        who,
        np.flatnonzero(paths.deal < NEVER),
        "new",
        paths.deal // DAY,
        paths.closed // DAY,
        paths.won,
        monthly * 12,
        as_of,
        suffix="",
        contactless=(who.kind == PHONE) & (draws.uniform(who.key, "no contact") < 0.3),
    )
    bought = np.flatnonzero(paths.won & (paths.closed < end))
    later_deals, contracts = _customers(who, bought, paths.closed[bought] // DAY, monthly[bought], as_of)
    deals = pd.concat([new_deals, *later_deals], ignore_index=True)
    deals = deals[deals["created_on"] <= as_of].sort_values(["created_on", "deal_id"], ignore_index=True)
    return Business(
        _contacts(who, paths, end),
        _form_submissions(who, end),
        _stage_changes(who, paths, end),
        deals.drop(columns=["key"]),
        _orders(deals),
        contracts,
    )


def _contacts(who: People, paths: Journeys, end: int) -> pd.DataFrame:
    key = who.key
    only_reads = (paths.lead == NEVER) & (who.kind == NEWSLETTER) & (draws.uniform(key, "nameless") < 0.4)
    return pd.DataFrame(
        {
            "person": np.arange(len(key)),
            "contact_id": who.contact_id,
            "account_id": who.account_id.where(~only_reads, ""),
            "created_on": paths.created // DAY,
            "industry": np.array(INDUSTRIES)[draws.choice(key, "industry", [5, 3, 4, 4, 2, 2, 1.5])],
            "job_title": np.array(JOB_TITLES)[draws.choice(key, "job title", [3, 4, 3, 6, 1, 1.5])],
            "newsletter_on": np.where(paths.joined < end, paths.joined // DAY, NEVER),
            "unsubscribed_on": np.where(paths.left < end, paths.left // DAY, NEVER),
            "invalid_reason": paths.invalid_reason,
        }
    )[paths.created < end].sort_values(["created_on", "contact_id"], ignore_index=True)


def _form_submissions(who: People, end: int) -> pd.DataFrame:
    table = who.submissions[who.submissions["submitted_at"] < end].reset_index(drop=True)
    table.insert(0, "contact_id", who.contact_id.to_numpy()[table["person"]])
    table.insert(0, "submission_id", "S" + table["contact_id"].str[1:] + "-" + table["slot"].astype(str))
    return table.sort_values(["submitted_at", "submission_id"], ignore_index=True)


def _stage_changes(who: People, paths: Journeys, end: int) -> pd.DataFrame:
    entries = [
        ("lead", paths.lead),
        ("lead", paths.lead_again),
        ("mql", paths.mql),
        ("mql", paths.mql_again),
        ("sql", paths.sql),
        ("deal", paths.deal),
        ("customer", np.where(paths.won, paths.closed, NEVER)),
        ("disqualified", paths.disqualified),
    ]
    return pd.concat(
        [
            pd.DataFrame(
                {"contact_id": who.contact_id[moment < end], "stage": stage, "entered_at": moment[moment < end]}
            )
            for stage, moment in entries
        ],
        ignore_index=True,
    ).sort_values(["entered_at", "contact_id"], ignore_index=True)


def _deal_rows(
    who: People,
    person: Ints,
    kind: str,
    created: Ints,
    closed: Ints,
    won: Flags,
    amount: Ints,
    as_of: int,
    suffix: str,
    contactless: Flags,
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
    return pd.DataFrame(
        {
            "deal_id": "D" + who.contact_id.to_numpy()[person].astype(object) + suffix,
            "contact_id": np.where(contactless[person], "", who.contact_id.to_numpy()[person]),
            "account_id": who.account_id.to_numpy()[person],
            "kind": kind,
            "created_on": created,
            "stage": np.where(is_closed, np.where(won, "受注", "失注"), phase),
            "status": np.where(is_closed, np.where(won, "won", "lost"), "open"),
            "amount": amount,
            "closed_on": np.where(is_closed, closed, expected),
            "key": key,
        }
    )


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
        parts.append(
            _deal_rows(
                who,
                person[upsold],
                "upsell",
                everyone(upsell),
                everyone(upsell_closed),
                everyone(draws.uniform(year_key, "upsell won") < 0.6),
                everyone(monthly * 3),
                as_of,
                suffix=f"-U{year}",
                contactless=nobody,
            )
        )
        renews = draws.uniform(year_key, "renews") < 0.88
        decided = workday(anniversary - 12)
        rise = 1.0 + np.round(draws.uniform(year_key, "rise") * 5) / 100
        parts.append(
            _deal_rows(
                who,
                person[active],
                "renewal",
                everyone(workday(anniversary - 50)),
                everyone(decided),
                everyone(renews),
                everyone((monthly * 12 * rise).astype(np.int64)),
                as_of,
                suffix=f"-R{year}",
                contactless=nobody,
            )
        )
        # A cancelled contract's end is known from the day it was decided, before it comes.
        ended = np.where(active & ~renews, anniversary, ended)
        known = decided <= as_of
        ended = np.where(active & ~renews & ~known, NEVER + 1, ended)
    contracts = pd.DataFrame(
        {
            "contract_id": "K" + who.contact_id.to_numpy()[person].astype(object),
            "account_id": who.account_id.to_numpy()[person],
            "started_on": started,
            "ended_on": np.where(ended < NEVER, ended, NEVER),
            "monthly_amount": monthly,
        }
    )
    contracts = contracts[contracts["started_on"] <= as_of]
    return parts, contracts.sort_values(["started_on", "contract_id"], ignore_index=True)


def _orders(deals: pd.DataFrame) -> pd.DataFrame:
    won = deals[deals["status"] == "won"]
    share = 0.35 + 0.2 * draws.uniform(won["key"].to_numpy().astype(np.uint64), "cost")
    return pd.DataFrame(
        {
            "order_id": "O" + won["deal_id"].str[1:],
            "account_id": won["account_id"],
            "deal_id": won["deal_id"],
            "ordered_on": won["closed_on"],
            "amount": won["amount"],
            "cost": (won["amount"].to_numpy() * share).astype(np.int64),
            "kind": won["kind"],
        }
    ).sort_values(["ordered_on", "order_id"], ignore_index=True)
