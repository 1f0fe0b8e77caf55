"""From the goal backwards: golden numbers, and what must hold for every funnel."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import lags
from analysis.backcalculation import enough, forward, lagged, no_one, probabilistic, product, static
from analysis.chain import Step, Waiting, landing, reach
from analysis.rates import Beta

AS_OF, DEADLINE = date(2025, 12, 31), date(2026, 4, 1)  # 91 days lie between
steps_of = st.lists(
    st.tuples(st.floats(0.02, 1), st.lists(st.floats(0.01, 1), min_size=1, max_size=60)), min_size=1, max_size=4
).map(lambda found: [Step.sure(rate, np.array(lag) / sum(lag)) for rate, lag in found])


def test_the_articles_example() -> None:
    assert static(10, [0.01, 0.5, 0.4, 0.25]) == pytest.approx([20_000, 200, 100, 40, 10])
    assert static(10, [0.5, 0.0, 0.25]) == [None, None, 40, 10]
    assert static(0, [0.5]) == [0, 0]


def test_enough_for_ten_with_four_in_five_confidence() -> None:
    rate = Beta(12.5, 48.5)
    assert enough(10, rate) == 67
    assert probabilistic(10, [rate]) == [67, 10]
    assert enough(0, rate) == 0
    assert enough(1, Beta(0.5, 1e9), most=1000) is None


def test_a_chain_needs_enough_for_the_goal_not_enough_for_enough() -> None:
    rates = [Beta(40, 60), Beta(12.5, 48.5)]
    found = probabilistic(10, rates)
    assert found[1:] == [67, 10]
    # Against 200,000 draws: 172 entries reach ten in 80 % of them, 171 in fewer.
    rng = np.random.default_rng(1)
    p = rng.beta(40, 60, 200_000) * rng.beta(12.5, 48.5, 200_000)
    assert found[0] is not None
    assert (rng.binomial(found[0], p) >= 10).mean() == pytest.approx(0.8, abs=0.006)
    assert (rng.binomial(enough(67, rates[0]) or 0, p) >= 10).mean() > 0.85, "stacked confidence asks for too much"


def test_a_product_keeps_mean_and_variance() -> None:
    # Means 1/2 and 1/2, E[p^2] = 1/3 each: mean 1/4, E = 1/9; size = (1/4 - 1/9) / (1/9 - 1/16) = 20/7.
    found = product([Beta(1, 1), Beta(1, 1)])
    assert (found.mean, found.a + found.b) == pytest.approx((0.25, 20 / 7))


def test_how_much_of_an_even_intake_still_lands() -> None:
    share = lags.log_normal(56, 0.6, np.arange(900))
    slow = Step.sure(1.0, np.diff(share, prepend=0.0))
    top, goal = lagged(10, 0, [slow], no_one(), AS_OF, DEADLINE)
    assert top.useful_share == pytest.approx(0.357043, abs=5e-7)
    assert top.extra == pytest.approx(10 / 0.357043, rel=1e-5), "2.8 times what dividing by the rate says"
    assert top.coin_flip_date == DEADLINE - timedelta(days=56)
    assert top.last_useful_date == DEADLINE - timedelta(days=121)  # 56 exp(.6 x 1.281552) = 120.8
    assert (goal.extra, goal.verdict) == (10, "ok")


@given(steps_of, st.floats(1, 1000))
def test_forward_of_backward_is_the_goal(steps: list[Step], goal: float) -> None:
    for found in lagged(goal, 0, steps, no_one(), AS_OF, DEADLINE):
        if found.extra is None:
            assert found.verdict == "too_late"
            continue
        assert forward(np.full(91, found.extra / 91), steps, found.stage) == pytest.approx(goal, rel=0.005)


@given(steps_of, st.floats(1, 1000))
def test_more_goal_needs_more_and_a_better_rate_less(steps: list[Step], goal: float) -> None:
    base = lagged(goal, 0, steps, no_one(), AS_OF, DEADLINE)
    more = lagged(goal * 1.5, 0, steps, no_one(), AS_OF, DEADLINE)
    better = [Step.sure(min(1.0, steps[0].rate * 1.2), steps[0].moves / steps[0].whole), *steps[1:]]
    easier = lagged(goal, 0, better, no_one(), AS_OF, DEADLINE)
    for one, two, three in zip(base, more, easier, strict=True):
        if one.extra is None:
            continue
        assert (two.extra or 0) > one.extra
        assert (three.extra or 0) <= one.extra * (1 + 1e-9)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5), st.floats(1, 1000))
def test_without_lags_it_is_the_static_result(rates: list[float], goal: float) -> None:
    found = lagged(goal, 0, [Step.sure(rate) for rate in rates], no_one(), AS_OF, DEADLINE)
    assert [one.extra for one in found] == pytest.approx(static(goal, rates))


def test_what_is_open_is_counted() -> None:
    # Half convert, evenly on day 1 or day 21. Open at 10 days: .25 of the .75 who are left, all within 91 days.
    step = Step.sure(0.5, [0, 0.5, *[0] * 19, 0.5])
    waiting, place = Waiting.of([0, 0, 0], [10, 10, 30])
    assert (waiting.count.tolist(), place.tolist()) == ([2, 1], [0, 0, 1])
    assert landing([step], waiting, 91)[0] == pytest.approx([1 / 3, 0])
    assert landing([step], waiting, 10)[0] == pytest.approx([0, 0]), "the slow half is 11 days away"
    assert landing([step], waiting, 11)[0] == pytest.approx([1 / 3, 0])
    found = lagged(10, 4, [step], waiting, AS_OF, DEADLINE)[0]
    assert found.from_pipeline == pytest.approx(2 / 3)
    assert found.extra == pytest.approx((6 - 2 / 3) / found.useful_share)


def test_reach_of_a_chain() -> None:
    # Half after a day, then a fifth after two more: a tenth from the third day on.
    found = reach([Step.sure(0.5, [0, 1]), Step.sure(0.2, [0, 0, 1])], 4)
    assert found == pytest.approx(np.array([[0, 0, 0, 0.1, 0.1], [0, 0, 0.2, 0.2, 0.2], [1, 1, 1, 1, 1]]))


def test_verdicts() -> None:
    slow = Step.sure(0.5, [*[0] * 200, 1])
    too_late, possible = lagged(10, 0, [slow], no_one(), AS_OF, DEADLINE)
    assert (too_late.verdict, too_late.extra, too_late.extra_per_week) == ("too_late", None, None)
    assert too_late.last_useful_date == DEADLINE - timedelta(days=200)
    assert possible.verdict == "ok"
    # Ten in 13 weeks is .77 a week; with at most .2 in the best weeks three times that is not enough.
    history = [[0.2] * 20, [0.2] * 20]
    assert lagged(10, 0, [Step.sure(1.0)], no_one(), AS_OF, DEADLINE, history)[0].verdict == "out_of_reach"
    assert lagged(10, 12, [slow], no_one(), AS_OF, DEADLINE)[0].verdict == "covered"
    assert [one.verdict for one in lagged(10, 0, [slow], no_one(), DEADLINE, AS_OF)] == ["too_late", "too_late"]
