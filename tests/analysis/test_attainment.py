"""The chance of reaching the goal: golden numbers, edges, and a back-test on somebody else's sales."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import attainment, funnel
from analysis.attainment import Outlook, Pipeline, Window, changed, count_distribution, drivers, outlook, value_outlook
from analysis.calibration import UNKNOWN, Dispersion
from analysis.chain import Step

OPEN_DEALS = [0.6, 0.5, 0.5, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
EXACT = Dispersion(0.0, 0.0, 1e6, 10.0)
PIPELINE = Path(__file__).parents[2] / "../shared/data/maven_crm/sales_pipeline.csv"


def pipeline(open_: int = 0, starts: float = 0, won: float = 0, rate: float = 0.5) -> Pipeline:
    """Deals that are won by ``rate`` after ten days, ``open_`` of them five days old; ``starts`` came in 90 days."""
    nothing: list[float] = [np.nan] * open_
    return Pipeline(
        (Step.sure(rate, [*[0] * 10, 1]),),
        np.zeros(open_, np.int64),
        np.full(open_, 5),
        np.array(nothing, np.float64),
        np.array([starts, 0.0]),
        90,
        won,
        won * 100,
        np.full(30, 100.0),
        30,
    )


def test_ten_open_deals() -> None:
    first, mass = count_distribution(OPEN_DEALS)
    assert first == 0
    assert mass[4:].sum() == pytest.approx(0.313477, abs=5e-7)
    assert mass @ np.arange(len(mass)) + 4 == pytest.approx(6.9)
    _, with_new = count_distribution(OPEN_DEALS, 1.2)
    assert with_new[4:].sum() == pytest.approx(0.617839, abs=5e-7)


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0, 20))
def test_the_distribution_is_the_convolution(chances: list[float], new: float) -> None:
    expected = np.ones(1)
    for chance in chances:
        expected = np.convolve(expected, [1 - chance, chance])
    poisson = np.exp(-new) * np.cumprod(np.concatenate(([1.0], new / np.arange(1, 80))))
    expected = np.convolve(expected, poisson)
    first, mass = count_distribution(chances, new)
    assert mass[: 60 - first] == pytest.approx(np.pad(expected, (0, 60))[first:60][: len(mass)], abs=1e-9)


def test_many_deals_by_the_normal_distribution() -> None:
    counts = np.array([1500, 1400])
    exact_first, exact = count_distribution([0.1, 0.3], 5.0, counts / 2)
    first, mass = count_distribution([0.1, 0.3], 5.0, counts)
    totals = np.arange(first, first + len(mass))
    assert mass @ totals == pytest.approx(575, abs=0.05)
    assert mass @ (totals - 575) ** 2 == pytest.approx(135 + 294 + 5, rel=0.01)
    assert exact @ np.arange(exact_first, exact_first + len(exact)) == pytest.approx(290)


def test_sure_rates_give_the_exact_chance() -> None:
    # Ten deals of .5, each won or not within ten days: P(at least 5 more) = 638/1024.
    found = outlook(pipeline(open_=10, won=4), Window(10), EXACT)
    assert found.chance(9) == pytest.approx(638 / 1024, abs=1e-4)
    assert found.mean == pytest.approx(9, abs=1e-3)
    assert (found.quantile(0.5), found.quantile(0.1)) == (9, 7)


def test_only_facts_are_certain() -> None:
    found = outlook(pipeline(open_=10, won=4), Window(10), EXACT)
    assert found.chance(4) == 1.0, "already won"
    assert found.chance(15) == 0.01, "eleven of ten is what the model calls impossible"
    assert outlook(pipeline(open_=10), Window(10), EXACT).chance(0) == 1
    many = outlook(pipeline(open_=400), Window(10), EXACT)
    assert many.chance(100) == 0.99
    over = outlook(pipeline(open_=10, won=4), Window(0), EXACT)
    assert (over.chance(4), over.chance(5), over.quantile(0.9)) == (1.0, 0.0, 4)
    assert outlook(pipeline(open_=10, won=4), Window(-30), EXACT).chance(5) == 0


def test_what_is_still_to_come_counts_as_far_as_it_lands() -> None:
    # One a day, half won after ten days, 30 days left: entries on days 1 to 20 land, 10 wins; the start is known
    # from 90, so its mean is 90.5 / 90.
    found = outlook(pipeline(starts=90), Window(30), EXACT)
    assert found.mean == pytest.approx(10 * 90.5 / 90, rel=0.02)


def test_less_known_history_is_wider() -> None:
    sure, unknown = (outlook(pipeline(open_=200), Window(10), spread) for spread in (EXACT, UNKNOWN))
    assert unknown.quantile(0.9) - unknown.quantile(0.1) > 2 * (sure.quantile(0.9) - sure.quantile(0.1))
    assert (unknown.verdict, sure.verdict) == ("insufficient_data", "ok")
    assert unknown.reason == "short_history"


def test_value_by_the_amounts_of_won_deals() -> None:
    found = value_outlook(pipeline(open_=10, won=4), Window(10), EXACT)
    assert found.mean == pytest.approx(900, rel=0.02)
    assert (found.chance(400), found.quantile(0.5)) == (1, 900)
    assert found.chance(900) == pytest.approx(638 / 1024, abs=0.03)


def test_value_with_few_or_no_amounts() -> None:
    known = pipeline(open_=10)
    few = value_outlook(Pipeline(**{**vars(known), "amounts": np.array([90.0, 100.0, 110.0])}), Window(10), EXACT)
    assert 300 < few.quantile(0.5) < 800
    none = value_outlook(Pipeline(**{**vars(known), "amounts": np.zeros(0)}), Window(10), EXACT)
    assert (none.verdict, none.chance(1)) == ("insufficient_data", 0.01)
    priced = Pipeline(**{**vars(known), "amount": np.full(10, 7.0), "amounts": np.zeros(0)})
    own = value_outlook(priced, Window(10), EXACT)
    assert own.mean == pytest.approx(35, rel=0.05)


def test_drivers_say_what_a_tenth_more_buys() -> None:
    # Twenty open deals and hardly any new ones: the win rate matters, the intake does not.
    found = drivers(pipeline(open_=20, starts=1), Window(12), 11, EXACT)
    assert [(one.kind, one.stage) for one in found] == [("rate", 0), ("intake", 0)]
    # P(Bin(20, p) >= 11) is .4119 at .5; deals that were not won in ten days of .5 at .55 are at most .55: .5914.
    assert found[0].gain == pytest.approx(0.5914 - 0.4119, abs=0.02)
    assert 0 <= found[1].gain < 0.01


def test_what_if_the_rate_were_another() -> None:
    found = outlook(changed(pipeline(open_=10), {0: 0.8}), Window(10), EXACT)
    assert found.mean == pytest.approx(8, abs=0.01)


@pytest.mark.parametrize("deals", [0, 1, 5])
def test_little_data_is_said_and_never_certain(deals: int) -> None:
    days = pd.date_range("2026-01-05", periods=deals, freq="7D")
    events = pd.DataFrame(
        {
            "subject_id": [*range(deals), *range(deals // 2)],
            "stage": ["deal"] * deals + ["won"] * (deals // 2),
            "entered_on": [*days, *(days[: deals // 2] + pd.Timedelta(days=20))],
        }
    ).astype({"entered_on": "datetime64[s]"})
    as_of = date(2026, 2, 28)
    moves = funnel.transitions(events, ("deal", "won"), as_of)
    known, spread, left = attainment.forecast(moves, ("deal", "won"), as_of, (date(2026, 1, 1), date(2026, 3, 31)))
    found = outlook(known, left, spread)
    assert (left.days, found.verdict) == (31, "insufficient_data")
    assert 0.01 <= found.chance(3) <= 0.99
    assert np.isfinite([found.mean, found.quantile(0.1), found.quantile(0.9)]).all()
    value = value_outlook(known, left, spread)
    assert np.isfinite([value.mean, value.quantile(0.9)]).all()
    assert isinstance(found, Outlook)
    assert all(np.isfinite(one.gain) for one in drivers(known, left, 3, spread))


@pytest.mark.parametrize(
    ("as_of", "quarter", "actual", "is_too_short"),
    [
        (date(2017, 5, 15), (date(2017, 4, 1), date(2017, 6, 30)), 1254, True),
        (date(2017, 8, 15), (date(2017, 7, 1), date(2017, 9, 30)), 1257, False),
        (date(2017, 11, 15), (date(2017, 10, 1), date(2017, 12, 31)), 1196, False),
    ],
)
def test_quarters_that_somebody_else_lived_through(
    as_of: date, quarter: tuple[date, date], actual: int, is_too_short: bool
) -> None:
    if not PIPELINE.exists():
        pytest.skip("the shared data is not here")
    deals = pd.read_csv(PIPELINE, parse_dates=["engage_date", "close_date"]).dropna(subset="engage_date")
    ends = deals.dropna(subset="close_date")
    stages = ends["deal_stage"].map({"Won": "won", "Lost": "exit"})
    events = pd.concat(
        [
            pd.DataFrame({"subject_id": deals["opportunity_id"], "stage": "deal", "entered_on": deals["engage_date"]}),
            pd.DataFrame({"subject_id": ends["opportunity_id"], "stage": stages, "entered_on": ends["close_date"]}),
        ]
    )
    earlier = [day for day in (date(2017, 3, 31), date(2017, 6, 30), date(2017, 9, 30)) if day < as_of]
    moves = funnel.transitions(events, ("deal", "won"), as_of)
    known, spread, left = attainment.forecast(moves, ("deal", "won"), as_of, quarter, earlier)
    found = outlook(known, left, spread)
    assert found.quantile(0.05) <= actual <= found.quantile(0.95)
    assert (found.verdict == "insufficient_data") == is_too_short
    # Deals taken as independent give an interval less than half as wide.
    alone = outlook(known, left, EXACT)
    assert alone.quantile(0.95) - alone.quantile(0.05) < 0.5 * (found.quantile(0.95) - found.quantile(0.05))
