"""Definitions of the truth, on worlds small enough to count by hand, and what it says as a whole."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from connectors.plan import KPIS
from demo.people import NEVER
from demo.truth import GRAINS, accepted_downloads, active_accounts, period_end, period_start, truth
from demo.world import World, day_number


def _day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def _second(text: str) -> int:
    """A local moment as the world counts it."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def values(world: World) -> pd.DataFrame:
    return truth(world)


def test_periods_are_iso_weeks_months_and_fiscal_quarters() -> None:
    days = np.array([_day(text) for text in ("2026-01-01", "2026-03-31", "2026-04-01")])
    starts = {grain: [str(day) for day in period_start(days, grain).astype("datetime64[D]")] for grain in GRAINS}
    assert starts == {
        "week": ["2025-12-29", "2026-03-30", "2026-03-30"],
        "month": ["2026-01-01", "2026-03-01", "2026-04-01"],
        "quarter": ["2026-01-01", "2026-01-01", "2026-04-01"],
    }
    february_start = period_start(days, "quarter", fiscal_year_start=2).astype("datetime64[D]")
    assert [str(day) for day in february_start] == ["2025-11-01", "2026-02-01", "2026-02-01"]
    assert str(period_end(period_start(days, "quarter"), "quarter").astype("datetime64[D]")[0]) == "2026-03-31"


def test_a_download_counts_again_a_day_after_the_last_one_that_counted(world: World) -> None:
    """10:00 counts; 9:59:59 the next day does not; 10:00:00 does, as it is 24 hours after the one that counted."""
    moments = [
        "2026-10-01 10:00:00",
        "2026-10-01 20:00:00",
        "2026-10-02 09:59:59",
        "2026-10-02 10:00:00",
        "2026-10-02 11:00:00",
    ]
    forms = pd.DataFrame(
        {
            "contact_id": ["C1"] * 4 + ["C2"],
            "asset": 0,
            "kind": 0,
            "invalid_reason": "",
            "submitted_at": [_second(moment) for moment in moments],
        }
    )
    small = replace(world, business=replace(world.business, form_submissions=forms))
    assert list(accepted_downloads(small).index) == [0, 3, 4]


def test_a_contract_that_ends_on_the_first_of_a_month_is_churn_of_that_month() -> None:
    contracts = pd.DataFrame(
        {
            "account_id": ["A1", "A2", "A2"],
            "started_on": [_day(text) for text in ("2025-01-01", "2025-01-01", "2026-05-01")],
            "ended_on": [_day("2026-04-01"), _day("2026-05-01"), NEVER],
        }
    )
    assert active_accounts(contracts, _day("2026-03-31")) == {"A1", "A2"}
    assert active_accounts(contracts, _day("2026-04-01")) == {"A2"}
    assert active_accounts(contracts, _day("2026-05-01")) == {"A2"}


def test_every_kpi_is_there_at_every_grain(values: pd.DataFrame) -> None:
    for _, of_grain in values.groupby("grain"):
        assert set(of_grain["kpi"]) == set(KPIS)
    assert not values.duplicated(["grain", "period_start", "kpi"]).any()
    assert not values["value"].isna().any()


def test_only_the_period_of_the_last_day_is_running(values: pd.DataFrame, world: World) -> None:
    running = values.loc[~values["is_complete"], ["grain", "period_start"]].drop_duplicates()
    # 18 October 2026 is a Sunday: its week is complete.
    assert {(grain, str(start.date())) for grain, start in running.to_numpy()} == {
        ("month", "2026-10-01"),
        ("quarter", "2026-10-01"),
    }


def test_counts_add_up_over_months_and_users_do_not(values: pd.DataFrame) -> None:
    def of(kpi: str, grain: str) -> "pd.Series[float]":
        return values[(values["kpi"] == kpi) & (values["grain"] == grain)].set_index("period_start")["value"]

    quarter = pd.Timestamp("2026-07-01")
    months = [pd.Timestamp(f"2026-0{month}-01") for month in (7, 8, 9)]
    for kpi in ("page_views", "sessions", "downloads", "mqls", "orders", "order_value", "search_clicks"):
        assert of(kpi, "month")[months].sum() == of(kpi, "quarter")[quarter]
    assert of("users", "month")[months].max() < of("users", "quarter")[quarter] < of("users", "month")[months].sum()


def test_ratios_are_between_their_bounds(values: pd.DataFrame) -> None:
    rates = values[values["kpi"].str.endswith("_rate")]
    assert rates["value"].between(0, 1).all()
    hidden = values[values["kpi"] == "hidden_click_share"]
    assert hidden["value"].between(0.25, 0.5).all()
    np.testing.assert_allclose(rates["value"], rates["numerator"] / rates["denominator"])
    assert (values.loc[values["kpi"] == "search_position", "value"] >= 1).all()


def test_targets_of_the_plan_are_partly_met(values: pd.DataFrame) -> None:
    months = values[(values["grain"] == "month") & values["is_complete"]]
    for kpi, target in (
        ("deals", 30),
        ("mqls", 80),
        ("inquiries", 60),
        ("downloads", 250),
        ("read_through_rate", 0.35),
        ("users", 40_000),
    ):
        met = (months.loc[months["kpi"] == kpi, "value"] >= target).mean()
        assert 0.15 < met < 0.9, (kpi, met)


def test_fresh_search_days_count_only_when_asked_for(world: World, values: pd.DataFrame) -> None:
    final = truth(world, search_state="final")
    at = (values["kpi"] == "search_clicks") & (values["grain"] == "month") & (values["period_start"] == "2026-10-01")
    assert final.loc[at, "value"].item() < values.loc[at, "value"].item()
