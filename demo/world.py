"""One simulated truth: what happened around a B2B software company, as known at the end of a day.

GA4, Search Console and the exports of the demo are three views of this one world, so they agree with each other,
and :mod:`demo.truth` knows the right value of every KPI. What happened on a day does not depend on the day the world
is looked at from: simulated a day later it holds the same past, one more day, and what arrived late.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from demo import crm, people, search, web

MONTHS = 18
SEED = 20260120
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class World:
    """Frames of the world; a ``day`` is days since 1970-01-01, a moment seconds since then, both in Japan.

    ``visits`` has one row per session from ``start`` on, including those that GA4 has not received yet (``arrived``
    is later than ``as_of``); ``views`` one row per page view of them; ``search`` see :func:`demo.search.search_days`;
    ``other_search`` see :func:`demo.search.other_days`.
    """

    start: date
    as_of: date
    seed: int
    visits: pd.DataFrame
    views: pd.DataFrame
    search: pd.DataFrame
    other_search: pd.DataFrame
    business: crm.Business
    followers: pd.DataFrame


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def simulate(as_of: date, seed: int = SEED) -> World:
    """The world from the first of the month ``MONTHS`` before ``as_of``'s month to the end of ``as_of``.

    Raises ValueError for a day before 2024, when the company had not been there for 18 months.
    """
    if as_of < date(2024, 1, 1):
        raise ValueError(f"the demo company began in April 2022: as of {as_of} is too early, take 2024 or later")
    month = as_of.year * 12 + as_of.month - 1 - MONTHS
    start = date(month // 12, month % 12 + 1, 1)
    first, last = day_number(start), day_number(as_of)
    who = people.people(seed, people.FIRST_DAY, last)
    sessions = web.sessions(seed, who, first, last)
    business = _with_pages(crm.as_known(who, last), sessions)
    visits = sessions[sessions["day"].to_numpy() >= first].reset_index(drop=True)
    return World(
        start=start,
        as_of=as_of,
        seed=seed,
        visits=visits,
        views=web.page_views(visits),
        search=search.search_days(seed, visits, first, last),
        other_search=search.other_days(seed, visits, first, last),
        business=business,
        followers=_followers(last),
    )


def _with_pages(business: crm.Business, sessions: pd.DataFrame) -> crm.Business:
    """The page that each form was sent from, and each contact's first landing page and channel (-1: no session)."""
    of_contacts = sessions[sessions["person"] >= 0]
    forms = of_contacts[of_contacts["slot"] >= 0]
    pages = pd.Series(web.form_pages(forms), index=pd.MultiIndex.from_frame(forms[["person", "slot"]]))
    first = of_contacts[of_contacts["number"] == 1].set_index("person")[["landing", "channel"]].astype(np.int64)
    submissions, contacts = business.form_submissions, business.contacts
    keys = pd.MultiIndex.from_frame(submissions[["person", "slot"]])
    return crm.Business(
        contacts=contacts.join(first.reindex(contacts["person"], fill_value=-1).reset_index(drop=True)),
        form_submissions=submissions.assign(page=pages.reindex(keys).to_numpy().astype(np.int64)),
        stage_changes=business.stage_changes,
        deals=business.deals,
        orders=business.orders,
        contracts=business.contracts,
    )


def _followers(last: int) -> pd.DataFrame:
    """Read every Monday by hand; X lost some in a purge of accounts in February 2026."""
    days = np.arange(people.FIRST_DAY, last + 1, 7)
    grown = (days - people.FIRST_DAY).astype(np.float64)
    purge = np.where(days >= 20_490, 140.0, 0.0)
    counts = {
        ("X", "@demo_forms"): 600 + 1.6 * grown - purge,
        ("Facebook", "demo-forms"): 300 + 0.5 * grown,
        ("YouTube", "demo-forms-channel"): 80 + 0.25 * grown,
    }
    return pd.concat(
        [
            pd.DataFrame({"day": days, "platform": platform, "account": account, "followers": count.astype(np.int64)})
            for (platform, account), count in counts.items()
        ],
        ignore_index=True,
    ).sort_values(["day", "platform"], ignore_index=True)
