"""Rates of articles: worked out by hand, and what must hold whatever the articles bring."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.articles import MEASURES, article_rates, last_months
from analysis.rates import prior_weight

APRIL, MAY, JUNE = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)


def months(*rows: dict[str, object]) -> pd.DataFrame:
    """Rows of articles in April unless they say otherwise; unknown what they do not name."""
    named = [{"host": "h", "path": f"/{number:03}", "period_start": APRIL, **row} for number, row in enumerate(rows)]
    frame = pd.DataFrame(named).reindex(columns=["host", "path", "period_start", *MEASURES, "is_complete"])
    start = pd.to_datetime(frame["period_start"])
    complete = [bool(row.get("is_complete", True)) for row in rows]
    measured = frame[list(MEASURES)].astype(np.float64)
    return pd.concat([frame[["host", "path"]], measured], axis=1).assign(
        period_start=start, period_end=start + pd.offsets.MonthEnd(1), is_complete=complete
    )


def article(sessions: float, leads: float, views: float | None = None) -> dict[str, object]:
    return {"landing_sessions": sessions, "leads": leads, "page_views": sessions if views is None else views}


def test_sums_are_of_the_last_twelve_complete_months() -> None:
    starts = pd.date_range("2025-01-01", "2026-05-01", freq="MS")
    rows = [{**article(100, 1), "path": "/a", "period_start": start.date()} for start in starts]
    rows[-1]["is_complete"] = False  # May runs
    found = article_rates(last_months(months(*rows)))
    assert found["from_on"].dt.date.tolist() == [date(2025, 5, 1)]
    assert found["to_on"].dt.date.tolist() == [date(2026, 4, 30)]
    assert found[["landing_sessions", "leads", "rate"]].iloc[0].tolist() == [1200, 12, 0.01]
    assert found["orders"].isna().all(), "unknown in all months"
    # GA4 was read from within January 2026 on: February is the first month of which both are known.
    of_ga4 = last_months(months(*rows), date(2026, 1, 15))
    assert of_ga4["period_start"].min() == pd.Timestamp("2026-02-01")


def test_leads_from_before_the_sessions_were_known_make_no_rate() -> None:
    rows = [{"path": "/a", "period_start": APRIL, "leads": 9.0}, {**article(200, 1), "path": "/a", "period_start": MAY}]
    assert article_rates(last_months(months(*rows)))["rate"].tolist() == [1 / 200]
    # Without GA4 there is no rate, and the leads are still to be seen.
    (alone,) = article_rates(last_months(months(rows[0]))).to_dict("records")
    assert (alone["leads"], alone["action"]) == (9, "cannot_tell")
    assert pd.isna([alone[name] for name in ("rate", "shrunk_rate", "line", "median_page_views", "page_views")]).all()


def test_two_articles_by_hand() -> None:
    # 30 leads of 1,000 sessions and 10 of 1,000, in common .02: sum n (p - m)^2 is .2, over .02 x .98 it is 10.204082,
    # less 1 is 9.204082; room 2,000 - 1,000 - 1 = 999: correlation .00921330, weight 107.5388.
    assert prior_weight(np.array([0.03, 0.01]), np.array([1000.0, 1000.0]), 0.02) == pytest.approx(107.5388, abs=1e-4)
    found = article_rates(months(article(1000, 30, 70), article(1000, 10, 50)))
    assert found["shrunk_rate"].tolist() == pytest.approx([(2.150776 + 30) / 1107.5388, (2.150776 + 10) / 1107.5388])
    low, high = stats.beta(2.150776 + 30, 107.5388 - 2.150776 + 970).ppf([0.1, 0.9])
    assert found[["shrunk_low", "shrunk_high"]].iloc[0].tolist() == pytest.approx([low, high], abs=1e-6)
    assert found["median_page_views"].tolist() == [60, 60]
    assert found["action"].tolist() == ["grow", "merge_or_stop"]


def test_articles_that_differ_no_more_than_chance_are_taken_for_one() -> None:
    # Equal shares: all 300 sessions stand behind each, .02 x 300 + 2 of 400.
    found = article_rates(months(article(100, 2), article(200, 4)))
    assert found["shrunk_rate"].tolist() == pytest.approx([0.02, 0.02])
    low, high = stats.beta(8, 392).ppf([0.1, 0.9])
    assert found[["shrunk_low", "shrunk_high"]].iloc[0].tolist() == pytest.approx([low, high])
    assert set(found["action"]) == {"cannot_tell"}


def test_four_corners_and_what_cannot_be_told() -> None:
    found = article_rates(
        months(
            article(20_000, 200, 30_000),
            article(50_000, 50, 80_000),
            article(2_000, 40, 3_000),
            article(3_000, 1, 4_000),
            article(99, 30, 9_000),  # below a hundred sessions nothing is said, whatever they bring
            article(1_000, 4, 2_000),  # the interval contains the line
        )
    )
    assert found["common_rate"].iloc[0] == pytest.approx(325 / 76_099)
    assert found["median_page_views"].iloc[0] == 4_000  # of those with a hundred sessions or more
    assert found["action"].tolist() == [
        "grow", "improve_cta", "attract", "improve_cta", "cannot_tell", "cannot_tell"
    ]  # fmt: skip


def test_what_the_goal_asks_moves_the_line_and_no_rate() -> None:
    rows = months(article(20_000, 100), article(20_000, 60))
    usual, asked = article_rates(rows), article_rates(rows, 1.5)
    assert asked["line"].tolist() == pytest.approx([0.006, 0.006])
    assert (usual["action"].iloc[0], asked["action"].iloc[0]) == ("grow", "improve_cta")
    assert asked["shrunk_rate"].tolist() == usual["shrunk_rate"].tolist()


def test_without_a_lead_there_is_no_line() -> None:
    found = article_rates(months(article(5_000, 0), article(0, 0)))
    assert found["common_rate"].tolist() == [0, 0]
    assert found[["line", "shrunk_rate", "shrunk_high"]].isna().all(axis=None)
    assert found["rate"].isna().tolist() == [False, True]
    assert set(found["action"]) == {"cannot_tell"}


def test_more_leads_than_sessions_and_no_month_at_all() -> None:
    found = article_rates(months(article(0, 3), article(2, 5), article(500, 5)))
    assert found["rate"].isna().tolist() == [True, False, False]
    assert found["rate"].iloc[1] == 2.5
    assert found["shrunk_high"].between(0, 1).all()
    assert article_rates(last_months(months({**article(5, 1), "is_complete": False}))).empty


seen = st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 0.05)), min_size=1, max_size=12)


@given(seen)
def test_a_shrunk_rate_lies_between_its_own_and_the_common_one(articles: list[tuple[int, float]]) -> None:
    found = article_rates(months(*(article(sessions, int(sessions * share)) for sessions, share in articles)))
    known = found.dropna(subset=["shrunk_rate", "rate"])
    rate, common, shrunk = (known[name].to_numpy(np.float64) for name in ("rate", "common_rate", "shrunk_rate"))
    assert (shrunk >= np.minimum(rate, common) - 1e-12).all()
    assert (shrunk <= np.maximum(rate, common) + 1e-12).all()
    assert (known["shrunk_low"] < known["shrunk_high"]).all(), "never certain"


@given(seen, st.integers(200, 5_000))
def test_of_two_articles_with_as_many_sessions_more_leads_are_never_less(
    articles: list[tuple[int, float]], sessions: int
) -> None:
    rows = [article(sessions, 1), article(sessions, 4), *(article(n, int(n * share)) for n, share in articles)]
    found = article_rates(months(*rows))
    for name in ("shrunk_rate", "shrunk_low", "shrunk_high"):
        assert found[name].iloc[0] < found[name].iloc[1]


def test_eight_in_ten_intervals_hold_the_rate_that_made_the_leads() -> None:
    # Forty worlds of a hundred articles: sessions as unequal as those of a site, rates around .5 % (Beta(2, 398)).
    draw, held = np.random.default_rng(7), []
    for _ in range(40):
        sessions = np.round(draw.lognormal(6.5, 1.2, 100)) + 1
        rate = draw.beta(2, 398, 100)
        leads = draw.binomial(sessions.astype(np.int64), rate)
        found = article_rates(months(*(article(*one) for one in zip(sessions, leads, strict=True))))
        held.append(((found["shrunk_low"] <= rate) & (rate <= found["shrunk_high"])).mean())
    assert 0.77 < np.mean(held) < 0.81, "a little narrow, because the prior is taken for known"
