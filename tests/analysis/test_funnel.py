"""From events to stages, rates by segment, and cohorts."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from analysis import funnel, rates

STAGES = ("inquiry", "mql", "deal", "won")
PIPELINE = Path(__file__).parents[2] / "../shared/data/maven_crm/sales_pipeline.csv"


def moves(*events: tuple[str, str, str], as_of: date = date(2026, 3, 31)) -> list[tuple[object, ...]]:
    """(subject, stage, day of January) -> (subject, stage, entered, moved, left, start), days of January."""
    table = pd.DataFrame(events, columns=["subject_id", "stage", "entered_on"])
    found = funnel.transitions(table, STAGES, as_of)
    days = found[["entered_on", "moved_on", "left_on"]].apply(lambda column: column.dt.strftime("%d"))
    days = days.astype(object).where(days.notna(), "")
    return list(zip(found["subject_id"], found["stage"], *days.to_numpy().T, found["is_start"], strict=True))


def test_one_subject_all_the_way() -> None:
    path = [("a", "inquiry", "2026-01-02"), ("a", "mql", "2026-01-05"), ("a", "deal", "2026-01-20")]
    assert moves(*path) == [
        ("a", "inquiry", "02", "05", "", True),
        ("a", "mql", "05", "20", "", False),
        ("a", "deal", "20", "", "", False),
    ]
    # As known earlier, the deal has not happened yet.
    assert moves(*path, as_of=date(2026, 1, 10))[1:] == [("a", "mql", "05", "", "", False)]


def test_a_skipped_stage_is_passed_on_the_day_of_the_later_one() -> None:
    assert moves(("a", "inquiry", "2026-01-02"), ("a", "deal", "2026-01-09")) == [
        ("a", "inquiry", "02", "09", "", True),
        ("a", "mql", "09", "09", "", False),
        ("a", "deal", "09", "", "", False),
    ]


def test_who_comes_in_late_is_no_subject_of_earlier_stages() -> None:
    assert moves(("a", "deal", "2026-01-09")) == [("a", "deal", "09", "", "", True)]


def test_an_exit_ends_the_stage_it_happens_in_only() -> None:
    left = [("a", "inquiry", "2026-01-02"), ("a", "mql", "2026-01-05"), ("a", "exit", "2026-01-08")]
    assert moves(*left) == [("a", "inquiry", "02", "05", "", True), ("a", "mql", "05", "", "08", False)]
    # A comeback after the exit counts at the later stage, and the exit stays.
    assert moves(*left, ("a", "deal", "2026-01-30"))[1:] == [
        ("a", "mql", "05", "", "08", False),
        ("a", "deal", "30", "", "", False),
    ]
    # On the same day moving comes first; an exit before the entry is of no stage.
    assert moves(("a", "inquiry", "2026-01-02"), ("a", "mql", "2026-01-05"), ("a", "exit", "2026-01-05")) == [
        ("a", "inquiry", "02", "05", "", True),
        ("a", "mql", "05", "", "05", False),
    ]


def test_only_first_entries_count_and_a_stage_out_of_order_is_early() -> None:
    assert moves(("a", "mql", "2026-01-20"), ("a", "mql", "2026-01-09"), ("a", "deal", "2026-01-05")) == [
        ("a", "mql", "05", "05", "", True),
        ("a", "deal", "05", "", "", False),
    ]


def leads() -> pd.DataFrame:
    """The thirteen leads of the golden vector, seen on 31 March."""
    as_of = pd.Timestamp("2026-03-31")
    rows = []
    days_seen = (5, 10, 12, 15, 20, 20, 25, 30, 30, 40, 45, 60, 90)
    statuses = (0, 1, 2, 0, 1, 1, 2, 0, 0, 1, 2, 0, 0)
    for number, (days, status) in enumerate(zip(days_seen, statuses, strict=True)):
        entered = as_of - pd.Timedelta(days=days if status == 0 else 91)
        end = entered + pd.Timedelta(days=days)
        rows.append(
            {
                "stage": "mql",
                "next_stage": "deal",
                "entered_on": entered,
                "moved_on": end if status == 1 else pd.NaT,
                "left_on": end if status == 2 else pd.NaT,
                "channel": ("search", "mail", None)[number % 3],
            }
        )
    return pd.DataFrame(rows)


def test_the_observed_funnel_names_every_rate() -> None:
    found = funnel.observe(leads(), date(2026, 3, 31))
    whole = found[found["segment"] == "all"].iloc[0]
    assert (whole["n"], whole["moved"], whole["exited"], whole["still_open"]) == (13, 4, 3, 6)
    assert (whole["horizon_days"], whole["at_risk"], whole["is_shortened"]) == (30, 6, True)
    assert whole["rate"] == pytest.approx(0.268519, abs=5e-7)
    assert whole["naive_rate_of_all"] == pytest.approx(4 / 13)
    assert whole["naive_rate_of_closed"] == pytest.approx(4 / 7)
    assert whole["naive_rate_exits_as_open"] == pytest.approx(0.465278, abs=5e-7)
    assert (whole["lag_q50_days"], whole["lag_q90_days"]) == (20, 20)
    parts = found[found["segment"] == "channel"]
    assert set(parts["segment_value"]) == {"search", "mail", "unknown"}
    assert parts["n"].sum() == 13
    assert parts["shrunk_rate"].between(0.1, 0.5).all()


def test_what_is_not_known_yet_is_not_seen() -> None:
    # On 8 January: eight had entered on 30 or 31 December (7 resolved later, and the one of 90 days); nobody moved.
    found = funnel.observe(leads(), date(2026, 1, 8)).iloc[0]
    assert (found["n"], found["moved"], found["exited"], found["verdict"]) == (8, 0, 0, "insufficient_data")
    assert found["lag_q50_days"] is pd.NA
    assert found["rate"] == 0
    assert 0.15 < found["ci_high"] < 0.3, "7 were seen for nine days: the rule of three says 3/7, Jeffreys half of it"


def test_nothing_gives_an_empty_funnel() -> None:
    assert funnel.observe(leads(), date(2025, 1, 1)).empty
    assert funnel.cohorts(leads(), date(2025, 1, 1)).empty
    nobody = pd.DataFrame({"subject_id": [], "stage": [], "entered_on": pd.to_datetime([])})
    assert funnel.transitions(nobody, STAGES, date(2026, 1, 1)).empty


def test_cohort_and_period_rate_side_by_side() -> None:
    table = pd.DataFrame(
        {
            "stage": "mql",
            "next_stage": "deal",
            "entered_on": pd.to_datetime(["2026-01-10"] * 4 + ["2026-02-25"] * 2),
            "moved_on": pd.to_datetime(pd.Series(["2026-01-15", "2026-02-09", None, None, "2026-02-26", None])),
            "left_on": pd.to_datetime(pd.Series([None, None, "2026-01-20", None, None, None])),
        }
    )
    january, february = funnel.cohorts(table, date(2026, 2, 28)).to_dict("records")
    # Two of January's four moved, one of them in February; February's two saw one of their own and that one.
    assert (january["cohort_rate"], january["period_rate"], january["still_open"]) == (0.5, 0.25, 1)
    assert (february["cohort_rate"], february["period_rate"], february["moved_in_period"]) == (0.5, 1.0, 2)
    # Lags 1, 5 and 30 days. F1: 1/6 after 1 day, 1/6 + 5/6 x 1/4 = .375 after 5, and after the exit on day 10 (1 of 3)
    # .375 + .625 x 2/3 x 1/2 = .583333 after 30. February is 3 days old: (1/6) / .583333 = .285714.
    assert january["maturity"] == 1
    assert february["maturity"] == pytest.approx(0.285714, abs=1e-6)
    assert (january["is_mature"], february["is_mature"]) == (True, False)


def test_a_published_sales_pipeline() -> None:
    if not PIPELINE.exists():
        pytest.skip("the shared data is not here")
    deals = pd.read_csv(PIPELINE, parse_dates=["engage_date", "close_date"])
    won = deals["deal_stage"] == "Won"
    assert won.sum() / (won | (deals["deal_stage"] == "Lost")).sum() == pytest.approx(0.63150, abs=5e-6)
    assert won.mean() == pytest.approx(0.48159, abs=5e-6)
    engaged = deals[deals["engage_date"].notna()]
    table = pd.DataFrame(
        {
            "stage": "deal",
            "next_stage": "won",
            "entered_on": engaged["engage_date"],
            "moved_on": engaged["close_date"].where(engaged["deal_stage"] == "Won"),
            "left_on": engaged["close_date"].where(engaged["deal_stage"] == "Lost"),
        }
    )
    days, status = funnel.spells(table, date(2017, 12, 31))
    curve = rates.aalen_johansen(days, status)
    # Nobody closes after 138 days, so who is older than that stays open: between the two naive rates.
    assert 0.5106 < curve.converted[-1] < 0.53
    assert max(days[status != 0]) == 138
