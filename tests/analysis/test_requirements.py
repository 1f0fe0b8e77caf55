"""What a goal requires, worked out by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import requirements, tree
from analysis.rates import Beta
from analysis.requirements import Goal, Link, Needed, amount_link, ratio_link, ratio_links, step_links, walk_back

GOAL = Goal("orders", "quarter", date(2026, 4, 1), date(2026, 6, 30), 10)


def sure(kpi: str, leads_to: str, rate: float) -> Link:
    """A link that is as good as known."""
    return Link(kpi, leads_to, "given", rate, rate, rate, 0.0, 10**9, "ok", Beta(rate * 1e9, (1 - rate) * 1e9))


def test_the_articles_example_down_to_users() -> None:
    steps = [sure("leads", "mqls", 0.5), sure("mqls", "deals", 0.4), sure("deals", "orders", 0.25)]
    found = walk_back(GOAL, steps, None, [sure("users", "leads", 0.01), sure("page_views", "users", 0.5)])
    assert {one.kpi: one.required for one in found} == pytest.approx(
        {"orders": 10, "deals": 40, "mqls": 100, "leads": 200, "users": 20_000, "page_views": 40_000}
    )


def test_enough_for_the_goal_with_four_in_five() -> None:
    step = Link("deals", "orders", "aalen_johansen", 0.2, 0.1, 0.3, 0.2, 60, "ok", Beta(12.5, 48.5))
    users = Link("users", "deals", "period_ratio", 0.01, 0.005, 0.02, 0.1, 6, "ok")
    orders, deals, top = walk_back(GOAL, [step], None, [users])
    assert (orders.required_probable, deals.required) == (10, 50)
    assert deals.required_probable == pytest.approx(67)
    # The margins of both, as variances: ln(67/50) = .29267 and .8416 x .1.
    assert top.required == pytest.approx(5_000)
    assert top.required_probable == pytest.approx(5_000 * np.exp(np.hypot(np.log(67 / 50), stats.norm.ppf(0.8) * 0.1)))


def test_a_goal_of_money_goes_through_the_value_of_an_order() -> None:
    goal = Goal("order_value", "quarter", GOAL.start, GOAL.end, 10_000)
    amount = amount_link(np.array([800.0, 1_000.0, 1_200.0, 900.0, 1_100.0]))
    # Mean 1,000, standard deviation 158.11, error 70.71, t(4; .95) = 2.1318.
    assert (amount.rate, amount.low, amount.high) == pytest.approx((1_000, 849.26, 1_150.74), abs=0.01)
    assert amount.verdict == "weak"
    found = {one.kpi: one for one in walk_back(goal, [sure("deals", "orders", 0.25)], amount, [])}
    assert (found["orders"].required, found["deals"].required) == pytest.approx((10, 40))
    # The error of the mean and the spread of ten amounts: sqrt(.07071^2 + .15811^2 / 10) = .0866.
    assert found["orders"].required_probable == pytest.approx(10 * np.exp(0.841621 * 0.0866025), rel=1e-5)


@pytest.mark.parametrize("amounts", [[], [0.0, 0.0], [500.0]])
def test_a_value_of_nothing_known(amounts: list[float]) -> None:
    found = amount_link(np.array(amounts))
    assert found.verdict == "insufficient_data"
    goal = Goal("order_value", "quarter", GOAL.start, GOAL.end, 10_000)
    needed = walk_back(goal, [sure("deals", "orders", 0.25)], found, [])
    expected: list[float | None] = [10_000, 20, 80] if amounts == [500.0] else [10_000, None]
    assert [one.required for one in needed] == expected


def test_nothing_gets_through_a_rate_of_zero() -> None:
    steps = [
        sure("mqls", "deals", 0.4),
        Link("deals", "orders", "given", 0.0, 0, 0.1, 1.0, 20, "weak", Beta(0.5, 20.5)),
    ]
    found = walk_back(GOAL, steps, None, [sure("leads", "mqls", 0.5)])
    assert [(one.kpi, one.required, one.required_probable) for one in found] == [
        ("orders", 10, 10), ("deals", None, None), ("mqls", None, None), ("leads", None, None)
    ]  # fmt: skip
    assert [
        one.required for one in walk_back(Goal("orders", "month", GOAL.start, GOAL.end, 0), steps[:1], None, [])
    ] == [0, 0]


def test_a_ratio_is_as_uncertain_as_the_periods_differ() -> None:
    found = ratio_link("users", "leads", np.array([1_000.0, 2_000.0, 1_000.0]), np.array([100.0, 200.0, 100.0]))
    # No difference between the periods: chance alone, sqrt((1/4000 + 1/400) x 3 x 4/3) = .104881.
    assert (found.rate, found.verdict) == (0.1, "ok")
    assert found.deviation == pytest.approx(0.104881, abs=1e-6)
    assert found.high == pytest.approx(0.1 * np.exp(stats.t.ppf(0.95, 2) * 0.104881), rel=1e-5)
    wide = ratio_link("users", "leads", np.array([1_000.0, 1_000.0]), np.array([50.0, 150.0]))
    assert wide.deviation > 0.9
    assert wide.verdict == "weak"
    assert ratio_link("users", "leads", np.zeros(3), np.ones(3)).rate is None


def test_ratios_of_complete_periods_that_were_known() -> None:
    months = pd.date_range("2025-08-01", periods=9, freq="MS")
    values = pd.DataFrame(
        [
            {
                "kpi": kpi,
                "grain": "month",
                "period_start": start,
                "period_end": start + pd.offsets.MonthEnd(1),
                "value": value,
            }
            for number, start in enumerate(months)
            for kpi, value in (("leads", 10.0 + number), ("users", 1_000.0))
        ]
    )
    (link,) = ratio_links([("users", "leads")], values, "month", date(2026, 3, 31))
    # October to March: 12 to 17 leads for 1,000 users each; April is not over.
    assert link.rate == pytest.approx(87 / 6_000)
    assert link.n == 6
    (none,) = ratio_links([("sessions", "users")], values, "month", date(2026, 3, 31))
    assert (none.rate, none.verdict) == (None, "insufficient_data")


def test_a_month_requires_its_share_of_the_quarters_counted_days() -> None:
    counted = {day.date(): day.weekday() < 5 for day in pd.date_range("2026-01-01", "2026-09-30")}
    april = sum(counted[day.date()] for day in pd.date_range("2026-04-01", "2026-04-30"))
    quarter = sum(counted[day.date()] for day in pd.date_range("2026-04-01", "2026-06-30"))
    assert (april, quarter) == (22, 65)
    needed = [
        Needed(date(2026, 1, 1), date(2026, 3, 31), {"leads": (640.0, 704.0)}),  # 64 counted days
        Needed(date(2026, 4, 1), date(2026, 6, 30), {"leads": (650.0, 780.0), "orders": (10.0, None)}),
    ]
    periods = [
        ("month", date(2026, 4, 1), date(2026, 4, 30)),
        ("week", date(2026, 3, 30), date(2026, 4, 5)),  # two days of the old quarter, three of the new
        ("week", date(2026, 6, 29), date(2026, 7, 5)),  # ends where no goal is
        ("quarter", date(2026, 4, 1), date(2026, 6, 30)),
    ]
    ratios = {"month": [sure("users", "leads", 0.01)], "week": [sure("users", "leads", 0.008)], "quarter": []}
    found = requirements.spread(needed, ratios, counted, periods)
    assert {(one.grain, one.kpi): (one.required, one.required_probable) for one in found} == {
        ("month", "leads"): pytest.approx((650 * 22 / 65, 780 * 22 / 65)),
        ("month", "orders"): (pytest.approx(10 * 22 / 65), None),
        ("month", "users"): pytest.approx((22_000, 26_400)),
        ("week", "leads"): pytest.approx((640 * 2 / 64 + 650 * 3 / 65, 704 * 2 / 64 + 780 * 3 / 65)),
        ("week", "users"): pytest.approx((50 / 0.008, 58 / 0.008)),
        ("quarter", "leads"): pytest.approx((650, 780)),
        ("quarter", "orders"): (10, None),
    }
    assert {one.goal_start for one in found} == {date(2026, 4, 1)}


def test_links_of_stages_rest_on_what_was_known() -> None:
    days = pd.to_datetime(["2026-01-01"] * 10)
    moved = pd.to_datetime(pd.Series(["2026-01-11"] * 4 + ["2026-04-20"] + [None] * 5))
    moves = pd.DataFrame({"stage": "deal", "entered_on": days, "moved_on": moved, "left_on": pd.NaT})
    (early,) = step_links(moves, ("deal", "won"), GOAL.known_on(date(2026, 5, 31)))
    assert (early.kpi, early.leads_to, early.n, early.rate, early.lag_q50_days) == ("deals", "orders", 10, 0.4, 10)
    (late,) = step_links(moves, ("deal", "won"), date(2026, 5, 31))
    assert late.rate == 0.5
    (nothing,) = step_links(moves[:0], ("deal", "won"), date(2026, 5, 31))
    assert (nothing.rate, nothing.n, nothing.verdict) == (None, 0, "insufficient_data")


def test_the_tree_adapts_to_what_is_measured() -> None:
    all_of_it = {"leads", "mqls", "deal_rate", "deals", "orders"}
    assert tree.stages("orders", all_of_it) == ("lead", "mql", "deal", "won")
    assert tree.stages("deals", all_of_it) == ("lead", "mql", "deal")
    assert tree.stages("order_value", all_of_it - {"mqls"}) == ("lead", "deal", "won")
    assert tree.stages("orders", all_of_it - {"deal_rate"}) == ("deal", "won"), "deals do not know their contacts"
    assert tree.stages("orders", {"leads", "mqls"}) == ()
    assert tree.above(("deals", "orders"), {"users", "mqls", "page_views"}) == [
        ("mqls", "deals"), ("users", "mqls"), ("page_views", "users")
    ]  # fmt: skip
    assert tree.is_ancestor("page_views", "orders")
    assert tree.is_ancestor("win_rate", "order_value")
    assert not tree.is_ancestor("churn_rate", "orders")
    assert not tree.is_ancestor("orders", "deals")
    assert not tree.is_ancestor("orders", "orders")


def test_what_a_goal_may_rest_on() -> None:
    assert GOAL.known_on(date(2026, 5, 10)) == date(2026, 3, 31)
    assert GOAL.known_on(date(2026, 3, 1)) == date(2026, 3, 1)
    assert set(requirements.RATIO_PERIODS) == {"week", "month", "quarter"}
