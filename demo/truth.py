"""The right value of every KPI, straight from the simulated world and independent of the warehouse's SQL."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo.draws import Flags, Floats, Ints
from demo.search import ANONYMOUS
from demo.season import DAY, weekday, year_month
from demo.site import FIRST_ARTICLE
from demo.world import World, day_number

Grain = Literal["week", "month", "quarter"]
GRAINS: tuple[Grain, ...] = ("week", "month", "quarter")
DEAL_WITHIN_DAYS = 90


ReadThrough = Literal["scrolled_90", "end_of_article"]


def truth(
    world: World,
    fiscal_year_start: int = 4,
    search_state: Literal["final", "all"] = "all",
    read_through: ReadThrough = "scrolled_90",
) -> pd.DataFrame:
    """One row per grain, period and KPI, from the period of the world's first day to the one that ``as_of`` is in.

    Columns: grain, period_start, period_end (dates), kpi, value, numerator, denominator (NaN unless the KPI is a
    ratio), is_complete (the period has ended). What GA4 has not received by ``as_of`` does not count for the KPIs that
    GA4 gives. KPIs of GA4 and Search Console know nothing before ``world.start``, nor Search Console before its 16
    months: a period that begins earlier holds only the days after, and one without any search day has no row. A ratio
    without a denominator has no row. ``search_state`` says whether the fresh days of Search Console count,
    ``read_through`` by which method the read-through rate is measured.
    """
    grains = [_grain(world, grain, fiscal_year_start, search_state, read_through) for grain in GRAINS]
    return pd.concat(grains, ignore_index=True)


def period_start(day: Ints, grain: Grain, fiscal_year_start: int = 4) -> Ints:
    """The first day of the week (Monday), month or fiscal quarter that each day is in."""
    if grain == "week":
        return day - weekday(day)
    year, month = year_month(day)
    months = year * 12 + month - 1
    if grain == "quarter":
        months = months - (months - (fiscal_year_start - 1)) % 3
    return _first_of(months)


def period_end(start: Ints, grain: Grain) -> Ints:
    """The last day of the periods that begin on ``start``."""
    if grain == "week":
        return start + 6
    year, month = year_month(start)
    return _first_of(year * 12 + month - 1 + (1 if grain == "month" else 3)) - 1


def _first_of(months: Ints) -> Ints:
    """The first day of a month, counted from year 0."""
    return (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


class _Periods:
    """The periods of a grain, and how things are counted by them."""

    def __init__(self, world: World, grain: Grain, fiscal_year_start: int) -> None:
        first, last = day_number(world.start), day_number(world.as_of)
        self.grain, self.fiscal_year_start = grain, fiscal_year_start
        self.start = np.unique(period_start(np.arange(first, last + 1), grain, fiscal_year_start))
        self.end = period_end(self.start, grain)
        self.until = np.minimum(self.end, last)
        self._number = np.full(int(self.end[-1] - self.start[0]) + 1, 0)
        for number, (begin, end) in enumerate(zip(self.start, self.end, strict=True)):
            self._number[begin - self.start[0] : end - self.start[0] + 1] = number

    def of(self, day: NDArray[np.integer]) -> tuple[Ints, Flags]:
        """The number of each day's period, and whether it is one of ours at all."""
        place = day.astype(np.int64) - self.start[0]
        inside = (place >= 0) & (place < len(self._number))
        return self._number[np.where(inside, place, 0)], inside

    def sum(self, day: NDArray[np.integer], amount: Floats | Ints | None = None) -> Floats:
        """How many things, or how much of an amount, in each period."""
        number, inside = self.of(day)
        weights = None if amount is None else amount[inside].astype(np.float64)
        return np.bincount(number[inside], weights, minlength=len(self.start)).astype(np.float64)

    def distinct(self, day: NDArray[np.integer], who: NDArray[np.integer]) -> Floats:
        """How many different ones in each period."""
        number, inside = self.of(day)
        pairs = pd.unique((number[inside] << 42) | who[inside].astype(np.int64))
        return np.bincount(pairs >> 42, minlength=len(self.start)).astype(np.float64)


def _grain(
    world: World, grain: Grain, fiscal_year_start: int, search_state: str, read_through: ReadThrough
) -> pd.DataFrame:
    periods = _Periods(world, grain, fiscal_year_start)
    parts = []
    for kpi, numerator, denominator in (
        *_web(world, periods, read_through),
        *_search(world, periods, search_state),
        *_leads(world, periods),
        *_sales(world, periods),
        *_retention(world, periods),
    ):
        known = np.ones(len(numerator), bool) if denominator is None else denominator > 0
        if kpi.startswith("search"):
            known &= periods.sum(world.search["day"].to_numpy()) > 0
        below = np.full(len(numerator), np.nan) if denominator is None else denominator
        value = numerator if denominator is None else numerator / np.where(known, denominator, 1.0)
        parts.append(
            pd.DataFrame(
                {
                    "grain": grain,
                    "period_start": periods.start.astype("datetime64[D]"),
                    "period_end": periods.end.astype("datetime64[D]"),
                    "kpi": kpi,
                    "value": value,
                    "numerator": np.where(np.isnan(below), np.nan, numerator),
                    "denominator": below,
                    "is_complete": periods.end <= day_number(world.as_of),
                }
            )[known]
        )
    return pd.concat(parts, ignore_index=True)


Measures = Iterator[tuple[str, Floats, Floats | None]]
"""KPI, its value or numerator by period, its denominator by period."""


def _web(world: World, periods: _Periods, read_through: ReadThrough) -> Measures:
    received = world.visits["arrived"].to_numpy() <= day_number(world.as_of)
    visits = world.visits[received]
    views = world.views[received[world.views["session"].to_numpy()]]
    day, user = views["day"].to_numpy(), views["user"].to_numpy()
    seconds = views["seconds"].to_numpy()
    active, on_article = seconds > 0, views["page"].to_numpy() >= FIRST_ARTICLE
    yield "page_views", periods.sum(day), None
    yield "users", periods.distinct(day[active], user[active]), None
    yield "sessions", periods.sum(visits["day"].to_numpy()), None
    readers = periods.distinct(day[active & on_article], user[active & on_article])
    yield "engagement_seconds", periods.sum(day[on_article], seconds[on_article]), readers
    read = {"scrolled_90": "scrolled", "end_of_article": "finished"}[read_through]
    finished = views[read].to_numpy() & active & on_article
    yield "read_through_rate", periods.distinct(day[finished], user[finished]), readers
    landed = visits["landing"].to_numpy() >= FIRST_ARTICLE
    second = views[views["ordinal"].to_numpy() == 1]
    went_on = second[world.visits["landing"].to_numpy()[second["session"].to_numpy()] >= FIRST_ARTICLE]
    yield "onward_rate", periods.sum(went_on["day"].to_numpy()), periods.sum(visits["day"].to_numpy()[landed])
    minute = seconds >= 60
    yield "users_over_one_minute", periods.distinct(day[minute], user[minute]), None


def _search(world: World, periods: _Periods, state: str) -> Measures:
    found = world.search[world.search["is_final"]] if state == "final" else world.search
    day, shown = found["day"].to_numpy(), found["property_impressions"].to_numpy()
    impressions = periods.sum(day, shown)
    yield "search_impressions", impressions, None
    clicks = found["clicks"].to_numpy()
    yield "search_clicks", periods.sum(day, clicks), None
    is_hidden = found["slot"].to_numpy() == ANONYMOUS
    yield "hidden_click_share", periods.sum(day[is_hidden], clicks[is_hidden]), periods.sum(day, clicks)
    yield "search_position", periods.sum(day, shown * found["position"].to_numpy()), impressions


def _leads(world: World, periods: _Periods) -> Measures:
    of = world.business
    yield "newsletter_signups", periods.sum(of.contacts["newsletter_on"].to_numpy()), None
    readings = world.followers.pivot_table(index="day", columns=["platform", "account"], values="followers").ffill()
    last = np.searchsorted(readings.index.to_numpy(), periods.until, side="right") - 1
    yield "social_followers", readings.to_numpy()[last].sum(axis=1), None
    valid = of.form_submissions[of.form_submissions["invalid_reason"] == ""]
    yield "downloads", periods.sum(accepted_downloads(world)["submitted_at"].to_numpy() // DAY), None
    yield "inquiries", periods.sum(valid.loc[valid["kind"] == 2, "submitted_at"].to_numpy() // DAY), None
    yield "leads", periods.sum(first_entries(world, "lead").to_numpy()), None
    mqls = first_entries(world, "mql")
    yield "mqls", periods.sum(mqls.to_numpy()), None
    new = of.deals[(of.deals["kind"] == "new") & (of.deals["contact_id"] != "")]
    lag = new["created_on"].to_numpy() - mqls.reindex(new["contact_id"]).to_numpy()
    in_time = new.loc[(lag >= 0) & (lag <= DEAL_WITHIN_DAYS), "contact_id"]
    yield "deal_rate", periods.sum(mqls[mqls.index.isin(in_time)].to_numpy()), periods.sum(mqls.to_numpy())


def _sales(world: World, periods: _Periods) -> Measures:
    new = world.business.deals[world.business.deals["kind"] == "new"]
    won, closed = new[new["status"] == "won"], new[new["status"] != "open"]
    orders = periods.sum(won["closed_on"].to_numpy())
    yield "deals", periods.sum(new["created_on"].to_numpy()), None
    yield "win_rate", orders, periods.sum(closed["closed_on"].to_numpy())
    yield "orders", orders, None
    yield "order_value", periods.sum(won["closed_on"].to_numpy(), won["amount"].to_numpy()), None


def _retention(world: World, periods: _Periods) -> Measures:
    orders, contracts = world.business.orders, world.business.contracts
    profit, buyers, repeaters, customers, before, lost = (np.zeros(len(periods.until)) for _ in range(6))
    for number, (start, until) in enumerate(zip(periods.start, periods.until, strict=True)):
        to_date = orders[orders["ordered_on"] <= until]
        times = to_date["account_id"].value_counts()
        profit[number] = (to_date["amount"] - to_date["cost"]).sum()
        buyers[number], repeaters[number] = len(times), int((times >= 2).sum())
        at_end, at_start = active_accounts(contracts, until), active_accounts(contracts, int(start) - 1)
        customers[number], before[number], lost[number] = len(at_end), len(at_start), len(at_start - at_end)
    yield "customers", customers, None
    yield "ltv", profit, buyers
    yield "repeat_rate", repeaters, buyers
    yield "churn_rate", lost, before


def active_accounts(contracts: pd.DataFrame, day: int) -> set[str]:
    """Accounts with a contract at the end of a day; a period's start is the end of the day before it."""
    return set(contracts.loc[(contracts["started_on"] <= day) & (contracts["ended_on"] > day), "account_id"])


def first_entries(world: World, stage: str) -> "pd.Series[int]":
    """The day on which each contact first entered a stage."""
    changes = world.business.stage_changes
    return changes[changes["stage"] == stage].groupby("contact_id")["entered_at"].min() // DAY


def accepted_downloads(world: World) -> pd.DataFrame:
    """Valid downloads without those within 24 hours of the last accepted one of the same contact and asset."""
    forms = world.business.form_submissions
    downloads = forms[(forms["kind"] == 0) & (forms["invalid_reason"] == "")].sort_values("submitted_at")
    accepted: list[bool] = []
    last: dict[tuple[str, int], int] = {}
    rows = zip(downloads["contact_id"], downloads["asset"], downloads["submitted_at"], strict=True)
    for contact, asset, moment in rows:
        accepted.append(moment - last.get((contact, asset), -DAY) >= DAY)
        if accepted[-1]:
            last[contact, asset] = moment
    return downloads[np.array(accepted, bool)]
