"""Rates from censored observations: the published golden numbers, identities, and little data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis import rates
from analysis.rates import aalen_johansen, horizon, jeffreys, naive_rates, rate_within, shrink, wilson

# 13 leads: days, and 1 = deal, 2 = disqualified, 0 = still open.
DAYS = np.array([5, 10, 12, 15, 20, 20, 25, 30, 30, 40, 45, 60, 90])
STATUS = np.array([0, 1, 2, 0, 1, 1, 2, 0, 0, 1, 2, 0, 0])
spell_lists = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 1, 2])), min_size=1, max_size=60)


def test_thirteen_leads() -> None:
    curve = aalen_johansen(DAYS, STATUS)
    assert curve.converted[[9, 10, 20, 40, 90]] == pytest.approx([0, 0.083333, 0.268519, 0.407407, 0.407407], abs=5e-7)
    assert curve.open[45] == pytest.approx(0.277778, abs=5e-7)
    assert [curve.risk(day) for day in (0, 5, 6, 40, 41, 90, 91)] == [13, 13, 12, 4, 3, 1, 0]
    assert (curve.n, curve.conversions, curve.exits) == (13, 4, 3)


def test_three_other_rates_of_the_same_leads() -> None:
    assert naive_rates(DAYS, STATUS) == pytest.approx(
        {"of_all": 0.307692, "of_closed": 0.571429, "exits_as_open": 0.465278}, abs=5e-7
    )
    assert naive_rates([], []) == {"of_all": None, "of_closed": None, "exits_as_open": None}
    assert naive_rates([3], [0])["of_closed"] is None


def test_the_horizon_is_cut_to_what_five_were_observed_for() -> None:
    curve = aalen_johansen(DAYS, STATUS)
    assert horizon(DAYS, STATUS) == 40
    found = rate_within(curve, 40)
    # Four are at risk on day 40, six on day 30.
    assert (found.horizon_days, found.at_risk, found.is_shortened, found.verdict) == (30, 6, True, "weak")
    assert found.rate == pytest.approx(0.268519, abs=5e-7)


def test_the_horizon_holds_19_of_20_conversions_and_at_most_a_year() -> None:
    assert horizon(range(1, 21), [1] * 20) == 19
    assert horizon([500] * 20, [1] * 20) == 365
    assert horizon([], []) == 365


def test_without_censoring_the_variance_is_binomial() -> None:
    # 12 of 60 convert on different days, the others leave in between: p (1-p) / n = .2 x .8 / 60.
    days, status = np.arange(60), np.where(np.arange(60) % 5 == 0, 1, 2)
    found = rate_within(aalen_johansen(days, status), 55)
    assert found.rate == pytest.approx(0.2)
    curve = aalen_johansen(days, status)
    assert curve.converted[-1] == pytest.approx(0.2)
    assert curve.variance[-1] == pytest.approx(0.2 * 0.8 / 60)


def test_complementary_log_log_interval() -> None:
    # 20 of 100 at once, 80 leave later: se = .04, and .04 / (.8 x -ln .8) = .22407; z = 1.644854.
    found = rate_within(aalen_johansen([1] * 20 + [9] * 80, [1] * 20 + [2] * 80), 1)
    width = 1.644854 * 0.04 / (0.8 * 0.22314355)
    assert (found.low, found.high) == pytest.approx((1 - 0.8 ** np.exp(-width), 1 - 0.8 ** np.exp(width)), abs=1e-6)
    assert found.posterior.a + found.posterior.b == pytest.approx(101)


def test_events_come_before_censorings_of_the_same_day() -> None:
    assert aalen_johansen([7, 7], [1, 0]).converted[7] == 0.5


@given(spell_lists)
def test_shares_add_up_and_never_leave_their_range(spells: list[tuple[int, int]]) -> None:
    days, status = np.array(spells).T
    curve = aalen_johansen(days, status)
    assert curve.converted + curve.left + curve.open == pytest.approx(np.ones(len(curve.open)))
    found = rate_within(curve, horizon(days, status))
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert np.isfinite([found.low, found.high, found.variance, found.posterior.mean]).all()
    assert found.high - found.low > 0.001, "never certain"


@given(spell_lists)
def test_without_exits_it_is_scipys_kaplan_meier(spells: list[tuple[int, int]]) -> None:
    days, status = np.array(spells).T
    moved = status == 1
    if not moved.any():
        return
    other = stats.ecdf(stats.CensoredData(uncensored=days[moved], right=days[~moved]))
    curve = aalen_johansen(days, np.where(moved, 1, 0))
    assert curve.open[np.unique(days)] == pytest.approx(other.sf.evaluate(np.unique(days)))


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1, 2])), min_size=1, max_size=60))
def test_without_censoring_it_is_the_plain_share(spells: list[tuple[int, int]]) -> None:
    days, status = np.array(spells).T
    curve = aalen_johansen(days, status)
    for day in (0, 7, 40):
        assert curve.after(day) == pytest.approx(((days <= day) & (status == 1)).mean())


@pytest.mark.parametrize(
    ("days", "status", "low", "high"),
    [
        ([], [], 0.0, 1.0),
        # One subject, one outcome: Jeffreys' Beta(.5, 1.5) up to x with 2 (asin(x^.5) + (x - x^2)^.5) / pi = .95.
        ([3], [2], 0.0, 0.771480),
        ([3], [1], 0.228520, 1.0),
    ],
)
def test_next_to_nothing_is_never_certain(days: list[int], status: list[int], low: float, high: float) -> None:
    found = rate_within(aalen_johansen(days, status), 365)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert found.verdict == "insufficient_data"


def test_none_of_many_is_a_small_rate_not_zero() -> None:
    found = rate_within(aalen_johansen([200] * 500, [2] * 500), horizon([200] * 500, [2] * 500))
    assert (found.rate, found.low) == (0, 0)
    assert 0 < found.high < 0.006
    assert found.verdict == "weak"


def test_impossible_times_are_refused() -> None:
    for days, status in (([-1], [1]), ([1], [3]), ([1, 2], [1])):
        with pytest.raises(ValueError, match="days from 0 on"):
            aalen_johansen(days, status)


def test_twelve_of_sixty() -> None:
    posterior = jeffreys(12, 60)
    assert posterior.mean == pytest.approx(0.204918, abs=5e-7)
    assert posterior.interval(0.95) == pytest.approx((0.114246, 0.313881), abs=5e-7)
    assert wilson(12, 60, 0.95) == pytest.approx((0.118285, 0.317818), abs=5e-7)
    assert wilson(0, 0) == (0, 1)


def closed(won: int, n: int) -> rates.Rate:
    """All outcomes known at once: the plain share of n."""
    return rate_within(aalen_johansen([1] * n, [1] * won + [2] * (n - won)), 1)


def test_segments_no_more_different_than_chance_lean_fully_on_the_whole() -> None:
    # Equal shares: k is 200, so 10 of 50 with the whole at .2 stays at .2 with 250 subjects behind it.
    found = shrink([closed(10, 50), closed(20, 100)], 0.2)
    assert [posterior.mean for posterior in found] == pytest.approx([0.2, 0.2])
    assert found[0].a + found[0].b == pytest.approx(250)


def test_segments_that_differ_lean_as_little_as_they_agree() -> None:
    # 50 of 100 and 10 of 100 about .3: sum n (p-m)^2 = 8, over .21 is 38.1, less 1 is 37.1; room 200 - 100 - 1 = 99;
    # correlation .37475, k = 1 / .37475 - 1 = 1.668, held at 5. (.3 x 5 + 50) / 105 = .490476.
    found = shrink([closed(50, 100), closed(10, 100)], 0.3)
    assert found[0].mean == pytest.approx(0.490476, abs=1e-6)
    assert found[1].mean == pytest.approx((1.5 + 10) / 105, abs=1e-6)


def test_a_segment_of_nobody_is_the_whole() -> None:
    nobody = rate_within(aalen_johansen([], []), 30)
    assert shrink([closed(10, 50), nobody], 0.2)[1].mean == pytest.approx(0.2)
