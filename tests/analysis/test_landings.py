"""Where shares, stocks, losses and distinct users land: by hand, on series of known law, and at the edges."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.landings import level, losses, share, stock, uniques
from analysis.pace import SHARES, Landing
from analysis.rates import Floats

NOTHING_MOVES = np.full(9, 0.25)


def test_up_to_seven_values_it_is_the_textbook_prediction() -> None:
    # 1, 2, 3, 6: mean 3, sample variance (4 + 1 + 0 + 9) / 3.
    found = level(np.array([1.0, 2.0, 3.0, 6.0]))
    assert (found.mean, found.freedom, found.periods) == (3, 3, 4)
    assert found.spread == pytest.approx((14 / 3) ** 0.5)
    # 3 +- t(.95; 3) x sd x (1 + 1/4)^.5, t = 2.353363.
    landed = share([1.0, 2.0, 3.0, 6.0], None, 0.0)
    assert landed.projected == pytest.approx(3)
    assert landed.high == pytest.approx(3 + 2.353363 * (14 / 3) ** 0.5 * 1.25**0.5, rel=2e-3)
    assert (landed.low, landed.verdict) == (0, "weak"), "a mean of seconds is not negative"


def test_the_level_is_that_of_the_last_six_and_a_trend_widens_it() -> None:
    # 1 to 10: the last six are 7.5 on average. Each forecast was low: by 1 after one value (k = 1), 1.5 after two ...
    # (k + 1) / 2 up to k = 6, then by 3.5 three times more.
    found = level(np.arange(1.0, 11))
    off = [((k + 1) / 2) ** 2 / (1 + 1 / k) for k in (1, 2, 3, 4, 5, 6, 6, 6, 6)]
    assert (found.mean, found.freedom, found.periods) == (7.5, 9, 6)
    assert found.spread == pytest.approx((sum(off) / 9) ** 0.5)
    landed = share(np.arange(1.0, 11), None, 0.0)
    assert landed.high is not None
    assert landed.high > 11, "the next value of the trend"


def test_a_share_weighs_what_came_with_what_is_to_come() -> None:
    # A quarter passed at .4, the rest as before at .25: .25 x .4 + .75 x .25.
    found = share(NOTHING_MOVES, 0.4, 0.25, bounds=(0, 1))
    assert (found.actual, found.verdict) == (0.4, "ok")
    assert (found.low, found.projected, found.high) == pytest.approx((0.2875,) * 3)
    assert share(NOTHING_MOVES, None, 0.25).projected == pytest.approx(0.25), "no deal was closed yet"
    # 0 and .2 in turns: mean .1, and far on only the chance of the rest, in which at most all can be won.
    turns = [0.0, 0.2] * 6
    wide, narrow = (share(turns, 0.9, passed, bounds=(0, 1)) for passed in (0.0, 0.96))
    assert narrow.projected == pytest.approx(0.96 * 0.9 + 0.04 * 0.1)
    assert narrow.totals.max() <= 0.96 * 0.9 + 0.04
    width = [found.totals[-400] - found.totals[400] for found in (wide, narrow)]
    # The root of 1 + 1/6 and of .04 + .04^2/6; neither end is cut at these shares.
    assert width[0] > 2 * width[1]


def test_a_stock_moves_on_from_where_it_stands() -> None:
    # Two more each period.
    past = np.arange(100.0, 120, 2)
    assert stock(past, 121.0, 0.25).projected == pytest.approx(121 + 1.5)
    assert stock(past, None, 0.0).projected == pytest.approx(118 + 2)
    # 119 now, .4 of the running period is left, then a whole one.
    found = stock(past, None, 0.0, latest=119.0, ahead=0.4)
    assert found.actual is None
    assert found.projected == pytest.approx(119 + 2.8)
    # Changes of 1, 3, 1, 3: mean 2, sample variance 4/3 known three times over.
    found = stock([0.0, 1, 4, 5, 8], 8.0, 0.0)
    assert found.high == pytest.approx(10 + 2.353363 * (4 / 3) ** 0.5 * (1 + 1 / 4) ** 0.5, rel=2e-3)
    assert stock([0.9, 0.95, 0.99, 1.0], 1.0, 0.5, bounds=(0, 1)).high == 1


def test_losses_never_fall() -> None:
    found = losses(NOTHING_MOVES / 10, 0.03, 0.6)
    assert found.projected == pytest.approx(0.03 + 0.4 * 0.025)
    assert (found.chance(0.03), found.chance(0.029, "down")) == (1, 0)
    scattered = losses([0.0, 0.06, 0.0, 0.05, 0.01], 0.03, 0.6)
    assert scattered.totals.min() == 0.03
    assert losses([0.5, 0.9, 0.1], 0.99, 0.5).totals.max() == 1
    assert losses([0.0] * 9, None, 0.0).high == 0


def carried(low: float, high: float, actual: float = 0.0) -> Landing:
    """Page views anywhere between the two, each number as likely as the next."""
    totals = low + (high - low) * SHARES
    return Landing(actual, (low + high) / 2, low, high, "ok", totals, actual)


def test_users_are_their_share_of_the_page_views_to_come() -> None:
    # Two users in five views, always.
    views = np.arange(1000.0, 1900, 100)
    found = uniques(0.4 * views, 100.0, 0.5, views, carried(1000, 2000, 200))
    assert (found.low, found.projected, found.high) == pytest.approx((0.4 * 1050, 0.4 * 1500, 0.4 * 1950), rel=1e-3)
    # More have come than that; and no more can come than one for each view still to come.
    late = uniques(0.4 * views, 700.0, 0.9, views, carried(1000, 1001, 900))
    assert 700 <= late.totals.min() < late.totals.max() <= 801
    assert uniques(0.4 * views, 100.0, 0.5, views, carried(1000, 1000.001, 900)).high == pytest.approx(200, rel=0.01)


def test_the_uncertainties_of_views_and_of_users_per_view_add_up() -> None:
    # Logarithms of the ratio -1 + .1 and - .1 in turns (twelve: mean -1), page views log-normal with sigma .2.
    ratios = np.exp(-1 + 0.1 * np.tile([1.0, -1.0], 6))
    views = np.exp(7 + 0.2 * stats.norm.ppf(SHARES))
    found = uniques(1000 * ratios, None, 0.0, np.full(12, 1000.0), Landing(0.0, None, None, None, "ok", views))
    assert found.projected == pytest.approx(np.exp(6), rel=0.01)
    own = level(np.log(ratios))
    variance = own.spread**2 * (1 + 1 / 6) * own.freedom / (own.freedom - 2) + 0.2**2
    assert np.log(found.totals).std() == pytest.approx(variance**0.5, rel=0.03)
    assert uniques(1000 * ratios[:7], None, 0.0, np.full(7, 1000.0), carried(1, 2)).verdict == "weak"


def test_what_the_carrier_does_not_know_users_do_not_know_either() -> None:
    past, views = np.full(9, 4.0), np.full(9, 10.0)
    found = uniques(past, 3.0, 0.5, views, Landing.unknown(5.0))
    assert (found.verdict, found.projected, found.chance(3), found.chance(4)) == ("insufficient_data", None, 1, None)
    weak = Landing(0.0, 10, 9, 11, "weak", np.linspace(9, 11, 20))
    assert uniques(past, None, 0.0, views, weak).verdict == "weak"
    # A period without page views tells nothing of users per view; one without users does.
    assert uniques([4, 4, 0.0], None, 0.0, [10, 10, 0.0], carried(9, 11)).verdict == "insufficient_data"
    assert (uniques([4, 4, 0.0], None, 0.0, [10, 10, 10.0], carried(9, 11)).projected or 9) < 4


Ask = Callable[[Floats, float | None, float], Landing]
KINDS: dict[str, Ask] = {
    "share": lambda past, so_far, passed: share(past, so_far, passed, bounds=(0, 1)),
    "stock": lambda past, so_far, passed: stock(past, so_far, passed, bounds=(0, 1)),
    "losses": losses,
    "uniques": lambda past, so_far, passed: uniques(
        past, so_far, passed, np.full(len(past), 1.0), carried(1.0, 1.2, so_far or 0.0)
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_period_that_is_over_and_one_that_too_little_is_known_of(kind: str) -> None:
    ask = KINDS[kind]
    over = ask(NOTHING_MOVES, 0.3, 1.0)
    assert over == Landing(0.3, 0.3, 0.3, 0.3, "ok")
    assert [over.chance(0.3), over.chance(0.31), over.chance(0.3, "down"), over.chance(0.29, "down")] == [1, 0, 1, 0]
    assert ask(NOTHING_MOVES[:2], 0.3, 1.0).verdict == "ok"
    for too_little in (ask(NOTHING_MOVES[:2], 0.3, 0.5), ask(np.array([0.1, np.nan, 0.1]), 0.3, 0.5)):
        assert too_little == Landing(0.3, None, None, None, "insufficient_data")
    assert ask(NOTHING_MOVES, None, 1.0) == Landing(None, None, None, None, "insufficient_data")
    assert [ask(NOTHING_MOVES[:n], 0.1, 0.5).verdict for n in (3, 7, 8)] == ["weak", "weak", "ok"]


rates = st.floats(0, 1)


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.lists(st.one_of(rates, st.just(0.0), st.just(np.nan)), max_size=15),
    st.one_of(st.none(), rates),
    st.one_of(rates, st.just(1.0)),
    st.lists(rates, min_size=2, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_bounds_are_ordered_and_chances_fall_with_the_target(
    kind: str, past: list[float], so_far: float | None, passed: float, targets: list[float]
) -> None:
    found = KINDS[kind](np.array(past, np.float64), so_far, passed)
    assert found.actual == (so_far if passed < 1 or so_far is not None else None)
    up, down = ([found.chance(target, way) for target in sorted(targets)] for way in ("up", "down"))
    assert all(chance is None or 0 <= chance <= 1 for chance in up + down)
    if found.verdict == "insufficient_data":
        assert (found.projected, found.low, found.high, len(found.totals)) == (None, None, None, 0)
        return
    assert np.isfinite(found.totals).all()
    assert found.low is not None
    assert found.projected is not None
    assert found.high is not None
    assert found.low <= found.projected <= found.high
    assert up == sorted(up, key=lambda chance: -(chance or 0))
    assert down == sorted(down, key=lambda chance: chance or 0)
    if kind in ("losses", "uniques"):
        assert found.totals.min() >= (so_far or 0)
    if kind != "uniques":
        assert found.totals.min() >= 0
        assert found.totals.max() <= 1


def _share(rng: np.random.Generator, n: int, passed: float, trend: float) -> tuple[Landing, float]:
    level_at = 0.3 + 0.03 * trend * np.arange(n + 1)
    came = level_at[n] + 0.03 / max(passed, 0.01) ** 0.5 * rng.standard_normal()
    rest = level_at[n] + 0.03 / (1 - passed) ** 0.5 * rng.standard_normal()
    past = level_at[:n] + 0.03 * rng.standard_normal(n)
    return share(past, came if passed else None, passed, (0, 1)), passed * came + (1 - passed) * rest


def _stock(rng: np.random.Generator, n: int, passed: float, trend: float) -> tuple[Landing, float]:
    past = 1000 + np.cumsum(10 * (trend + rng.standard_normal(n)))
    moves = 10 * (trend * np.array([passed, 1 - passed]) + np.sqrt([passed, 1 - passed]) * rng.standard_normal(2))
    return stock(past, past[-1] + moves[0] if passed else None, passed), float(past[-1] + moves.sum())


def _losses(rng: np.random.Generator, n: int, passed: float, trend: float) -> tuple[Landing, float]:
    # A gamma process: what the parts of a period bring adds up, with a standard deviation of a quarter of its mean.
    mean = 0.02 * (1 + 0.25 * trend * np.arange(n + 1))
    came, rest = rng.gamma(16 * np.array([max(passed, 1e-9), 1 - passed]), mean[n] / 16)
    return losses(rng.gamma(16, mean[:n] / 16), came if passed else None, passed), float(came + rest)


def _uniques(rng: np.random.Generator, n: int, passed: float, trend: float) -> tuple[Landing, float]:
    # Users per view differ by 6 %, views to come by 5 %; users saturate: half the views bring 1 / 2^.92 of them.
    views = rng.poisson(9000 * np.exp(0.1 * rng.standard_normal(n + 1))).astype(float)
    users = rng.poisson(views * 0.45 * np.exp(0.06 * (rng.standard_normal(n + 1) + trend * np.arange(n + 1))))
    seen = views[n] * passed
    expected = (views[n] - seen) * np.exp(0.05 * rng.standard_normal())
    to_come = Landing(seen, None, None, None, "ok", seen + expected * np.exp(0.05 * stats.norm.ppf(SHARES)), seen)
    came = float(users[n] * passed**0.92) if passed else None
    return uniques(users[:n], came, passed, views[:n], to_come), float(users[n])


@pytest.mark.parametrize("trend", [0.0, 0.1], ids=["level", "mild trend"])
@pytest.mark.parametrize("simulate", [_share, _stock, _losses, _uniques])
def test_intervals_hold_what_comes(
    simulate: Callable[[np.random.Generator, int, float, float], tuple[Landing, float]], trend: float
) -> None:
    held = []
    for seed in range(200):
        for n, passed in ((5, 0.0), (12, 0.0), (12, 0.5), (24, 0.5)):
            found, final = simulate(np.random.default_rng([7, seed, n]), n, passed, trend)
            assert found.low is not None
            assert found.high is not None
            held.append(found.low <= final <= found.high)
    assert 0.85 <= np.mean(held) <= 0.97
