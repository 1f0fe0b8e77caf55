"""The world is the same every time, and its past does not change when a day is added."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

import demo
from demo import site
from demo.season import DAY, weak_hand_off
from demo.truth import truth
from demo.world import World, day_number


def _same(one: World, other: World) -> None:
    for name in ("visits", "views", "search", "followers"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    for name, table in vars(one.business).items():
        pd.testing.assert_frame_equal(table, getattr(other.business, name))


def test_the_same_seed_and_day_give_the_same_world(world: World) -> None:
    _same(world, demo.simulate(world.as_of))


def test_another_seed_gives_another_world_of_the_same_size(world: World) -> None:
    other = demo.simulate(world.as_of, seed=7)
    assert len(other.visits) != len(world.visits)
    assert len(other.visits) == pytest.approx(len(world.visits), rel=0.01)


@pytest.mark.parametrize("later", [date(2026, 10, 19), date(2026, 11, 2)])
def test_a_later_day_changes_nothing_that_has_happened(world: World, later: date) -> None:
    """Also when the world begins a month later, so that visitors of before its first day are drawn anew."""
    after = demo.simulate(later)
    first, last = day_number(max(world.start, after.start)), day_number(world.as_of)
    for name in ("visits", "views"):
        before_rows, after_rows = (
            table[table["day"].between(first, last)].drop(columns="session", errors="ignore").reset_index(drop=True)
            for table in (getattr(world, name), getattr(after, name))
        )
        pd.testing.assert_frame_equal(before_rows, after_rows)
    end = (last + 1) * DAY
    forms, later_forms = world.business.form_submissions, after.business.form_submissions
    pd.testing.assert_frame_equal(forms, later_forms[later_forms["submitted_at"] < end].reset_index(drop=True))
    changes, later_changes = world.business.stage_changes, after.business.stage_changes
    pd.testing.assert_frame_equal(changes, later_changes[later_changes["entered_at"] < end].reset_index(drop=True))
    orders, later_orders = world.business.orders, after.business.orders
    pd.testing.assert_frame_equal(orders, later_orders[later_orders["ordered_on"] <= last].reset_index(drop=True))
    deals = world.business.deals.set_index("deal_id")
    later_deals = after.business.deals.set_index("deal_id").reindex(deals.index)
    closed = deals["status"] != "open"
    pd.testing.assert_frame_equal(deals[closed], later_deals[closed])


def test_final_search_days_stay_and_fresh_ones_grow(world: World, next_world: World) -> None:
    final = world.search[world.search["is_final"]].reset_index(drop=True)
    same = next_world.search["day"] <= final["day"].max()
    pd.testing.assert_frame_equal(final, next_world.search[same].reset_index(drop=True))
    fresh_days = np.unique(world.search.loc[~world.search["is_final"], "day"])
    assert list(day_number(world.as_of) - fresh_days) == [2, 1]
    for day in fresh_days:
        now, then = (w.search.loc[w.search["day"] == day, "clicks"].sum() for w in (world, next_world))
        assert 0 < now < then


def test_volumes_of_a_month(world: World) -> None:
    """The funnel of a small company: 60,000 sessions bring 250 downloads, 80 MQLs, 30 deals and 8 to 10 orders."""

    def a_month(days: pd.Series) -> float:
        return float(days.between(day_number(date(2025, 7, 1)), day_number(date(2026, 6, 30))).sum()) / 12

    business = world.business
    forms, stages, deals = business.form_submissions, business.stage_changes, business.deals
    new_deals = deals[deals["kind"] == "new"]
    assert a_month(world.visits["day"]) == pytest.approx(60_000, rel=0.08)
    assert a_month(forms.loc[forms["kind"] == 0, "submitted_at"] // DAY) == pytest.approx(265, rel=0.1)
    assert a_month(forms.loc[(forms["kind"] == 2) & (forms["invalid_reason"] == ""), "submitted_at"] // DAY) == (
        pytest.approx(58, rel=0.1)
    )
    assert a_month(stages.loc[stages["stage"] == "mql", "entered_at"] // DAY) == pytest.approx(80, rel=0.1)
    assert a_month(new_deals["created_on"]) == pytest.approx(32, rel=0.15)
    assert 8 <= a_month(new_deals.loc[new_deals["status"] == "won", "closed_on"]) <= 12


def test_the_article_everybody_reads_sells_nothing_and_a_quiet_one_does(world: World) -> None:
    paths = site.site().paths
    heavy, quiet = paths.index(site.PV_HEAVY), paths.index(site.QUIET_EARNER)
    views = world.views.loc[world.views["page"] >= site.FIRST_ARTICLE, "page"].value_counts()
    assert views.index[0] == heavy
    assert views[heavy] > 0.08 * views.sum()
    assert views[quiet] < 0.01 * views.sum()
    landing = world.business.contacts.set_index("contact_id")["landing"]
    new = world.business.deals[world.business.deals["kind"] == "new"]
    came_by = new["contact_id"].map(landing)
    assert (came_by == heavy).sum() == 0
    assert (came_by == quiet).sum() > 20


def test_nobody_reads_an_article_before_it_is_published(world: World) -> None:
    articles = world.views[world.views["page"] >= site.FIRST_ARTICLE]
    published = site.site().published[articles["page"].to_numpy() - site.FIRST_ARTICLE]
    assert (articles["day"].to_numpy() >= published).all()
    assert len(set(site.site().paths)) == len(site.site().paths) == 131


def test_every_eighteen_months_hold_one_weak_quarter() -> None:
    days = np.arange(day_number(date(2023, 1, 1)), day_number(date(2028, 1, 1)))
    weak = days[weak_hand_off(days)].astype("datetime64[D]")
    quarters = sorted({str(day)[:7] for day in weak})
    assert quarters == [
        "2023-07",
        "2023-08",
        "2023-09",
        "2025-01",
        "2025-02",
        "2025-03",
        "2026-07",
        "2026-08",
        "2026-09",
    ]


def test_hand_off_was_weak_in_that_quarter(world: World) -> None:
    table = truth(world)
    rates = table.loc[(table["kpi"] == "deal_rate") & (table["grain"] == "quarter"), "value"].to_list()
    assert len(rates) == 7  # from April 2025; the last but one is July 2026
    assert rates[5] < 0.5 * min(rates[:5])


def test_contacts_without_a_web_session_came_by_phone(world: World) -> None:
    contacts = world.business.contacts
    phone = contacts[contacts["landing"] == -1]
    assert 0 < len(phone) < 0.05 * len(contacts)
    assert not phone["contact_id"].isin(world.business.form_submissions["contact_id"]).any()
    assert phone["contact_id"].isin(world.business.stage_changes["contact_id"]).all()


def test_keys_are_distinct(world: World) -> None:
    business = world.business
    for table, key in (
        (business.contacts, ["contact_id"]),
        (business.form_submissions, ["submission_id"]),
        (business.deals, ["deal_id"]),
        (business.stage_changes, ["contact_id", "stage", "entered_at"]),
        (business.orders, ["order_id"]),
        (business.contracts, ["contract_id"]),
        (world.followers, ["day", "platform", "account"]),
    ):
        assert not table.duplicated(key).any(), key


def test_a_day_before_the_company_is_refused() -> None:
    with pytest.raises(ValueError, match="take 2024 or later"):
        demo.simulate(date(2023, 12, 31))
