"""The analysis of the plan on companies small enough to work out by hand, and at its edges."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.pace import Landing
from analysis.requirements import Requirement
from pipelines.company import Calendar
from pipelines.plan import analysis, forecasts, landings, required, smart, tables, whatif
from pipelines.plan.forecasts import Forecast
from pipelines.plan.inputs import Inputs, Kpi, Period, PlanTarget, Review
from pipelines.plan.landings import Landings
from pipelines.plan.required import WalkedBack, walked_back

AS_OF = date(2026, 5, 15)
Q1, Q2, Q3 = (
    (date(2026, 1, 1), date(2026, 3, 31)),
    (date(2026, 4, 1), date(2026, 6, 30)),
    (date(2026, 7, 1), date(2026, 9, 30)),
)
PLAN_FROM = date(2026, 5, 1)
STAGES = {"leads": "lead", "mqls": "mql", "deals": "deal", "orders": "won"}


def kpi(name: str, landing: str = "days", first_on: date | None = date(2025, 1, 1), unit: str = "count") -> Kpi:
    return Kpi(name, landing, unit, "up", 0, name, name, first_on is not None, None, first_on, AS_OF)


def goal(quarter: tuple[date, date], target: float = 10, name: str = "orders") -> PlanTarget:
    return PlanTarget(
        PLAN_FROM, 0, name, True, "number", "quarter", Q1[0], Q3[1], None, None, None, "Sales", True, *quarter, target
    )


def company(
    entries: Sequence[tuple[str, str, date]],
    kpis: Sequence[Kpi] = (),
    targets: Sequence[PlanTarget] | None = None,
    amounts: Mapping[str, float] | None = None,
) -> Inputs:
    """What is known of a company whose funnel had these entries (subject, stage, day)."""
    days = pd.date_range("2025-01-01", "2026-12-31")
    frame = pd.DataFrame(entries, columns=["subject_id", "stage", "entered_on"])
    frame["entered_on"] = pd.to_datetime(frame["entered_on"])
    subjects = pd.DataFrame({"subject_id": frame["subject_id"].unique()})
    subjects["amount"] = [float((amounts or {}).get(name, math.nan)) for name in subjects["subject_id"]]
    for segment in ("channel", "article_cluster", "persona"):
        subjects[segment] = None
    known = [*kpis, *(kpi(name) for name in ("leads", "mqls", "deals", "orders"))]
    known.append(kpi("deal_rate", "share", unit="ratio"))
    listed = list(targets) if targets is not None else [goal(quarter) for quarter in (Q1, Q2, Q3)]
    quarters = [Period("quarter", start, end, _pace(start, end)) for start, end in (Q1, Q2, Q3)]
    months = [
        Period("month", start.date(), (start + pd.offsets.MonthEnd(1)).date(), _pace(start.date(), start.date()))
        for start in pd.date_range("2025-01-01", "2026-12-01", freq="MS")
    ]
    quarters_before = [(date(2025, 7, 1), date(2025, 9, 30)), (date(2025, 10, 1), date(2025, 12, 31)), Q1]
    won = frame[frame["stage"] == "won"]["entered_on"]
    values = pd.DataFrame(
        [
            ("orders", "quarter", start, end, float(won.between(str(start), str(end)).sum()), True)
            for start, end in quarters_before
        ],
        columns=["kpi", "grain", "period_start", "period_end", "value", "is_complete"],
    ).astype({"period_start": "datetime64[s]", "period_end": "datetime64[s]"})
    counts: pd.DataFrame = pd.concat(
        [
            frame.loc[frame["stage"] == stage, ["entered_on"]].assign(kpi=name, count=1.0)
            for name, stage in STAGES.items()
        ]
    ).rename(columns={"entered_on": "date_on"})
    return Inputs(
        as_of=AS_OF,
        fiscal_year_start=4,
        calendar=Calendar(),
        counted={day.date(): day.weekday() < 5 for day in days},
        entries=frame,
        subjects=subjects,
        values=values,
        days=pd.DataFrame(counts.groupby(["kpi", "date_on"])["count"].sum()).reset_index(),
        articles=article_months([]),
        kpis={one.kpi: one for one in known},
        periods=[*quarters, *months],
        targets=listed,
        reviews=[Review("month", None, 3)],
    )


def article_months(rows: Sequence[tuple[str, date, int, int, int]]) -> pd.DataFrame:
    """Complete months of articles: path, first day, page views, landing sessions, leads."""
    names = ["path", "period_start", "page_views", "landing_sessions", "leads"]
    frame = pd.DataFrame(rows, columns=names).assign(host="h", is_complete=True, mqls=0, deals=0, orders=0)
    starts = pd.to_datetime(frame["period_start"])
    return frame.assign(period_start=starts, period_end=starts + pd.offsets.MonthEnd(1), order_value=np.nan)


def _pace(start: date, end: date) -> float:
    return min(max(((AS_OF - start).days + 1) / ((end - start).days + 1), 0.0), 1.0)


def deals(count: int, won: int, first: date = date(2025, 4, 1), every: int = 3) -> list[tuple[str, str, date]]:
    """One deal every few days; the first ones of each five are won after 20 days, the others lost after 30."""
    found = []
    for number in range(count):
        day = first + timedelta(days=every * number)
        found.append((f"deal {number}", "deal", day))
        outcome = ("won", day + timedelta(days=20)) if number % 5 < won else ("exit", day + timedelta(days=30))
        if outcome[1] <= AS_OF:
            found.append((f"deal {number}", *outcome))
    return found


def assert_loadable(given: Inputs) -> dict[str, list[dict[str, Any]]]:
    """All rows fit their tables: no NaN, nothing missing that must be there."""
    goals = given.goals
    known = {planned.goal.start: walked_back(given, planned.goal) for planned in goals}
    shares = required.share_rows(given, goals, known, [])
    made = [Forecast.of(given, planned, draws=200) for planned in given.live]
    landed = Landings(given, {one.key: Landing.of(one.outlook, 0.8) for one in made})
    rows = {
        "funnel": analysis.funnel_rows(given),
        "funnel_cohorts": analysis.cohort_rows(given),
        "required": [row for one in goals for row in required.required_rows(one, known)],
        "required_periods": shares,
        "forecasts": [one.row(given.as_of) for one in made],
        "remaining": [row for one in made for row in forecasts.remaining_rows(given, one, known)],
        "drivers": [row for one in made[:1] for row in forecasts.driver_rows(one)],
        "landings": landings.landing_rows(landed),
        "smart_checks": smart.smart_rows(landed, shares, known),
        "article_rates": analysis.article_rows(landed, known),
    }
    for table in tables.TABLES:
        for row in rows[table.name]:
            needed = {field.name for field in table.schema if not field.nullable}
            if table.name != "smart_checks":
                assert needed <= set(row), table.name
            for name, value in row.items():
                assert not (isinstance(value, float) and not math.isfinite(value)), (table.name, name)
                assert value is not None or name not in needed, (table.name, name)
    return rows


@pytest.mark.parametrize("count", [0, 1, 5])
def test_little_data_is_said_and_never_certain(count: int) -> None:
    rows = assert_loadable(company(deals(count, 3, AS_OF - timedelta(days=60))))
    assert {row["verdict"] for row in rows["forecasts"]} == {"insufficient_data"}
    assert [row["chance"] for row in rows["forecasts"]] == [None, None]
    assert rows["drivers"] == []
    assert {row["verdict"] for row in rows["required"] if row["kpi"] in ("leads", "mqls")} == {"insufficient_data"}
    assert {row["verdict"] for row in rows["required"] if row["kpi"] == "deals"} <= {"insufficient_data", "weak"}
    (check,) = rows["smart_checks"]
    assert check["chance"] is None
    assert check["verdict"] != "smart"


def test_the_goal_is_walked_back_by_what_was_known_when_its_period_began() -> None:
    # Of the deals begun by the end of March and known then, four of ten were won in 20 days.
    given = company(deals(120, 2), targets=[goal(Q2)])
    rows = assert_loadable(given)
    by_kpi = {row["kpi"]: row for row in rows["required"]}
    assert by_kpi["deals"]["rate"] == pytest.approx(0.4, abs=0.02)
    assert by_kpi["deals"]["required"] == pytest.approx(10 / by_kpi["deals"]["rate"])
    assert by_kpi["deals"]["required_probable"] > by_kpi["deals"]["required"]
    assert (by_kpi["deals"]["lag_q50_days"], by_kpi["deals"]["known_on"]) == (20, date(2026, 3, 31))
    # No lead or MQL was ever seen, so nothing is known of them.
    assert (by_kpi["mqls"]["required"], by_kpi["mqls"]["verdict"]) == (None, "insufficient_data")
    # May has 21 of the quarter's 65 weekdays.
    shares = {(row["grain"], row["period_start"], row["kpi"]): row["required"] for row in rows["required_periods"]}
    assert shares["month", date(2026, 5, 1), "orders"] == pytest.approx(10 * 21 / 65)
    assert shares["quarter", Q2[0], "deals"] == pytest.approx(by_kpi["deals"]["required"])


def test_what_is_open_counts_and_late_stages_are_told_apart() -> None:
    rows = assert_loadable(company(deals(136, 2), targets=[goal(Q2, 30)]))
    remaining = {row["kpi"]: row for row in rows["remaining"]}
    assert remaining["deals"]["won"] == sum(stage == "won" and Q2[0] <= day <= AS_OF for _, stage, day in deals(136, 2))
    assert remaining["deals"]["from_pipeline"] > 0
    assert remaining["deals"]["coin_flip_on"] == Q2[1] - timedelta(days=20)
    assert remaining["orders"]["verdict"] == "ok"
    assert remaining["orders"]["extra"] == pytest.approx(
        30 - remaining["orders"]["won"] - remaining["orders"]["from_pipeline"]
    )


def test_a_target_below_what_is_already_won_is_reached() -> None:
    (row,) = assert_loadable(company(deals(136, 2), targets=[goal(Q2, 1)]))["forecasts"]
    assert row["won"] >= 1
    assert row["chance"] == 1.0


def test_a_goal_in_the_past_has_a_requirement_and_no_forecast() -> None:
    rows = assert_loadable(company(deals(136, 2), targets=[goal(Q1)]))
    assert rows["forecasts"] == rows["remaining"] == rows["drivers"] == []
    assert {row["goal_start"] for row in rows["required"]} == {Q1[0]}


def test_a_plan_without_a_goal_that_is_measured() -> None:
    given = company([], targets=[goal(Q2)])
    nothing = replace(given, kpis={name: replace(one, is_measurable=False) for name, one in given.kpis.items()})
    rows = assert_loadable(nothing)
    assert rows["funnel"] == []
    assert [row["kpi"] for row in rows["required"]] == ["orders"]
    (check,) = rows["smart_checks"]
    assert check["verdict"] == "not_measurable"
    assert assert_loadable(company(deals(50, 2), targets=[]))["forecasts"] == []


def test_deals_that_no_lead_came_before_begin_the_way_themselves() -> None:
    known = company(deals(100, 2))
    linked = [("c1", "lead", date(2026, 1, 5)), ("c1", "deal", date(2026, 1, 20)), ("c1", "won", date(2026, 2, 1))]
    rows = assert_loadable(replace(company([*deals(100, 2), *linked])))
    steps = {(row["stage"], row["next_stage"]): (row["n"], row["moved"]) for row in rows["funnel"]}
    assert steps["lead", "mql"] == steps["mql", "deal"] == (1, 1), "who skips a stage passed it"
    assert steps["deal", "won"][0] == 101
    # Deals that do not know their contacts: two ways that do not meet.
    kpis = {name: one for name, one in known.kpis.items() if name != "deal_rate"}
    assert replace(known, kpis=kpis).ways == [("lead", "mql"), ("deal", "won")]
    assert replace(known, kpis=kpis).way == ("deal", "won")


def test_a_goal_of_money_goes_by_the_amounts_of_orders() -> None:
    entries = deals(136, 2)
    amounts = {name: 100.0 for name, stage, _ in entries if stage == "won"}
    given = company(entries, [kpi("order_value")], [goal(Q2, 2_000, "order_value")], amounts)
    rows = assert_loadable(given)
    by_kpi = {row["kpi"]: row for row in rows["required"]}
    assert (by_kpi["orders"]["rate"], by_kpi["orders"]["required"]) == (100, 20)
    assert by_kpi["orders"]["method"] == "mean_amount"
    assert by_kpi["deals"]["required"] == pytest.approx(20 / by_kpi["deals"]["rate"])
    (row,) = rows["forecasts"]
    won = sum(stage == "won" and Q2[0] <= day <= AS_OF for _, stage, day in entries)
    assert row["won"] == 100 * won
    assert row["p50"] % 100 == 0


def test_hindcasts_know_no_more_than_was_known() -> None:
    entries, later = deals(136, 2), date(2026, 2, 14)
    then = [(name, stage, day) for name, stage, day in entries if day <= later]
    now = company(entries, targets=[goal(Q1)])
    past = replace(company(then, targets=[goal(Q1)]), as_of=later)
    known, knew = (Forecast.of(given, given.goals[0], later, 200).row(later) for given in (now, past))
    assert known == knew


def test_what_if_more_deals_were_won() -> None:
    given = company(deals(136, 2), targets=[goal(Q2, 20)])
    found = whatif.compare(given, given.live[0], {"win_rate": 0.8, "deals": 7.0})
    assert found.changes["win_rate"][0] == pytest.approx(0.4, abs=0.02)
    assert found.changes["win_rate"][1] == 0.8
    assert found.changes["deals"][0] == pytest.approx(7 / 3, rel=0.05)
    assert found.before.required["deals"] == pytest.approx(20 / 0.4, rel=0.05)
    assert found.after.required["deals"] == pytest.approx(25)
    assert found.before.chance is not None
    assert found.after.chance is not None
    assert found.after.chance > found.before.chance
    assert found.after.p50 > found.before.p50
    lower = whatif.compare(given, given.live[0], {"target": 5})
    assert (lower.after.target, lower.after.required["orders"]) == (5, 5)
    assert lower.after.p50 == lower.before.p50


def test_what_if_states_no_chance_on_too_little_data() -> None:
    given = company(deals(5, 3, AS_OF - timedelta(days=60)), targets=[goal(Q2)])
    found = whatif.compare(given, given.live[0], {"target": 8})
    assert (found.before.chance, found.after.chance) == (None, None)
    reached = company(deals(136, 2), targets=[goal(Q2, 20)])
    assert whatif.compare(reached, reached.live[0], {"target": 1}).after.chance == 1.0


def test_articles_are_asked_for_as_much_more_as_the_leads_of_the_quarter() -> None:
    # One lead in a hundred sessions. Fifty leads are coming and a hundred required: two in a hundred.
    months = article_months([("/a", date(2026, 3, 1), 500, 1000, 10), ("/a", date(2026, 4, 1), 500, 1000, 10)])
    given = replace(company([], targets=[goal(Q1), goal(Q2), goal(Q3)]), articles=months)
    landed = Landings(given, {("leads", "quarter", Q2[0]): Landing.over(50.0)})
    asked = {Q2[0]: 100.0, Q3[0]: 900.0}
    known = {
        start: WalkedBack([Requirement("leads", leads, None, None)], [], None, {}, AS_OF)
        for start, leads in asked.items()
    }
    (row,) = analysis.article_rows(landed, known)
    assert (row["from_on"], row["to_on"]) == (date(2026, 3, 1), date(2026, 4, 30))
    assert (row["leads"], row["landing_sessions"], row["order_value"]) == (20, 2000, None)
    assert (row["common_rate"], row["line"]) == pytest.approx((0.01, 0.02))
    # Of the goal nothing is known: the articles are measured by each other.
    (row,) = analysis.article_rows(Landings(replace(given, targets=[]), {}), {})
    assert row["line"] == row["common_rate"]


def test_every_forecast_is_the_same_again() -> None:
    given = company(deals(136, 2))
    assert assert_loadable(given) == assert_loadable(given)


def test_landings_of_days_and_of_unfinished_rates() -> None:
    months = pd.date_range("2025-06-01", "2026-05-01", freq="MS")
    rates = pd.DataFrame(
        {
            "kpi": "win_rate",
            "grain": "month",
            "period_start": months,
            "period_end": months + pd.offsets.MonthEnd(1),
            "value": [*np.tile([0.2, 0.4], 5), 0.2, 1.0],
            "is_complete": [True] * 11 + [False],
        }
    )
    given = replace(company(deals(136, 2), [kpi("win_rate", "share", unit="ratio")]), values=rates)
    landed = Landings(given, {})
    may = next(one for one in given.periods if one.grain == "month" and one.start == date(2026, 5, 1))
    rate, orders = landed.of("win_rate", may), landed.of("deals", may)
    assert rate is not None
    assert orders is not None
    # The recent level is .3: half of it so far 1.0 and half .3, as far as the month has passed.
    assert rate.projected == pytest.approx(may.pace * 1.0 + (1 - may.pace) * 0.3, abs=0.02)
    so_far = sum(stage == "deal" and date(2026, 5, 1) <= day <= AS_OF for _, stage, day in deals(136, 2))
    assert orders.actual == so_far
    assert (orders.low or 0) >= so_far
    immature = {**given.kpis, "win_rate": replace(given.kpis["win_rate"], matures_after_days=90)}
    young = Landings(replace(given, kpis=immature), {}).of("win_rate", may)
    assert young is not None
    assert young.projected == pytest.approx(0.3, abs=0.02), "what has not matured says nothing yet"


@pytest.mark.parametrize(
    ("review", "start", "end", "meetings"),
    [
        (Review("week", "monday", None), date(2026, 5, 5), date(2026, 5, 11), 1),
        (Review("week", "monday", None), date(2026, 5, 5), date(2026, 5, 10), 0),
        (Review("month", None, 3), date(2026, 5, 1), date(2026, 5, 31), 1),  # Tuesday the 5th: 1, 4, 5
        (Review("month", None, 3), date(2026, 5, 6), date(2026, 6, 2), 0),
        (Review("quarter", None, 1), date(2026, 4, 1), date(2026, 6, 30), 1),  # the first of April
        (Review("quarter", None, 1), date(2026, 5, 1), date(2026, 6, 30), 0),
    ],
)
def test_meetings_between_two_days(review: Review, start: date, end: date, meetings: int) -> None:
    given = replace(company([]), reviews=[review])
    assert smart._reviews(given, replace(goal(Q2), start=start, end=end)) == meetings
