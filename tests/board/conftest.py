"""A small published night: a quarter's KGI, a few KPIs, three articles whose names would like to be formulas."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from board.formats import Formats
from board.night import opened
from board.pack import report
from board.pack.report import Report

AS_OF = date(2026, 11, 26)
HOSTILE = ["=1+1", "+SUM(A1)", "-2+3", "@SUM(1)", "\t=1", "＝1+1", "＠x", "/articles/a&b<c>", "=cmd|' /C calc'!A0"]
"""Paths of articles, and a persona."""

TABLES = {
    "publication": "as_of date, published_at timestamp, run_id text",
    "kpis": "kpi text, stage text, sort_order bigint, formula text, unit text, direction text, additivity text,"
    " matures_after_days bigint, landing text, method text, label_ja text, label_en text, definition text,"
    " definition_ja text,"
    " numerator_ja text, numerator_en text, denominator_ja text, denominator_en text",
    "scorecard": "kpi text, stage text, grain text, period_start date, period_end date, actual double, target double,"
    " required double, gap double, attainment double, standard_pace double, projected double, projected_low double,"
    " projected_high double, previous double, last_year double, is_complete boolean, status text, outlook text,"
    " reason text, owner text, is_kgi boolean, flags text",
    "attainment": "kpi text, grain text, period_start date, chance double, is_hindcast boolean",
    "required": "grain text, period_start date, kpi text, place bigint, leads_to text, is_goal_period boolean,"
    " remaining_verdict text, extra_per_week double",
    "drivers": "period_start date, place bigint, driver text, kind text, level double, gain double,"
    " more_of_the_goal double",
    "plan_agreements": "is_current boolean, section text, attribute text, value text",
    "funnel": "stage text, next_stage text, segment text, segment_value text, n bigint, moved bigint, exited bigint,"
    " still_open bigint, rate double, ci_low double, ci_high double, shrunk_rate double, shrunk_low double,"
    " shrunk_high double, horizon_days bigint, lag_q50_days bigint, lag_q90_days bigint, naive_rate_of_all double,"
    " naive_rate_of_closed double, naive_rate_exits_as_open double, verdict text",
    "funnel_cohorts": "stage text, next_stage text, grain text, period_start date, n bigint, moved bigint,"
    " exited bigint, still_open bigint, cohort_rate double, moved_in_period bigint, period_rate double,"
    " maturity double, is_mature boolean",
    "articles": "host text, path text, title text, period_start date, page_views bigint, users bigint,"
    " engagement_seconds double,"
    " read_through_rate double, landing_sessions bigint, search_clicks bigint, search_impressions bigint,"
    " search_position double, discover_clicks bigint, leads bigint, mqls bigint, deals bigint, orders bigint,"
    " order_value double, is_complete boolean",
    "notes": "start_on date, end_on date, tag text, text text",
}
MEASURE = (
    "grain text, period_start date, kpi text, numerator double, denominator double, n bigint, ci_low double,"
    " ci_high double"
)
KPIS = [
    ("users", "awareness", "total", "count", "up", "ユーザー数", "Users"),
    ("search_position", "awareness", "mean", "rank", "down", "検索順位", "Search position"),
    ("read_through_rate", "engagement", "rate", "ratio", "up", "読了率", "Read-through rate"),
    ("leads", "conversion", "total", "count", "up", "リード数", "Leads"),
    ("mqls", "conversion", "total", "count", "up", "MQL数", "MQLs"),
    ("deals", "conversion", "total", "count", "up", "商談数", "Deals"),
    ("orders", "conversion", "total", "count", "up", "受注数", "Orders"),
    ("order_value", "conversion", "total", "currency", "up", "受注額", "Order value"),
    ("churn_rate", "retention", "rate", "ratio", "down", "解約率", "Churn rate"),
]
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def _score(kpi: str, start: date, end: date, grain: str = "month", **known: Any) -> dict[str, Any]:
    stage = next(row[1] for row in KPIS if row[0] == kpi)
    over = {
        "is_complete": end <= AS_OF,
        "standard_pace": 1.0,
        "flags": "",
        "status": "no_target",
        "outlook": "no_target",
    }
    return {"kpi": kpi, "stage": stage, "grain": grain, "period_start": start, "period_end": end, **over, **known}


def _scorecard() -> list[dict[str, Any]]:
    october, november = (OCTOBER, date(2026, 10, 31)), (NOVEMBER, date(2026, 11, 30))
    running: dict[str, Any] = {"is_complete": False, "standard_pace": 0.8, "status": "on_the_way"}
    quarter: dict[str, Any] = {"grain": "quarter", "is_kgi": True, "target": 30.0, "owner": "営業部"}
    return [
        _score("users", *october, actual=47203.0, target=45000.0, required=57261.6, gap=2203.0,
               attainment=47203 / 45000, previous=43706.0, last_year=43133.0, outlook="reached", owner="編集チーム"),
        _score("search_position", *october, actual=9.3, previous=9.4, last_year=9.2),
        _score("read_through_rate", *october, actual=0.375, target=0.35, gap=0.025, attainment=0.375 / 0.35,
               previous=0.377, last_year=0.335, outlook="reached", flags="method:scrolled_90"),
        _score("leads", *october, actual=275.0, required=360.0, previous=285.0, last_year=266.0),
        _score("mqls", *october, actual=82.0, target=100.0, required=101.07, gap=-18.0, attainment=0.82,
               previous=89.0, last_year=86.0, outlook="missed", owner="=1+2"),
        _score("deals", *october, actual=23.0, target=35.2, required=35.2, gap=-12.2, attainment=23 / 35.2,
               previous=0.0, last_year=40.0, outlook="missed"),
        _score("orders", *october, actual=4.0, required=10.5, previous=7.0),
        _score("order_value", *october, actual=-6444000.0, previous=8592000.0),
        _score("churn_rate", *october, actual=0.0, target=0.01, gap=-0.01, attainment=None, previous=0.0112,
               outlook="reached"),
        _score("mqls", *november, actual=71.0, target=100.0, gap=-29.0, attainment=0.71, projected=82.7,
               projected_low=77.0, projected_high=89.0, outlook="off_track", **running),
        _score("churn_rate", *november, actual=0.0125, target=0.01, gap=0.0025, attainment=0.8, projected=0.0125,
               projected_low=0.011, projected_high=0.015, outlook="off_track", **running),
        _score("mqls", date(2026, 9, 1), date(2026, 9, 30), actual=89.0, target=100.0, gap=-11.0, attainment=0.89,
               outlook="missed"),
        _score("orders", date(2026, 4, 1), date(2026, 6, 30), actual=35.0, gap=5.0, attainment=35 / 30,
               outlook="reached", **quarter),
        _score("orders", date(2026, 7, 1), date(2026, 9, 30), actual=29.0, gap=-1.0, attainment=29 / 30,
               outlook="missed", **quarter),
        _score("orders", OCTOBER, date(2026, 12, 31), actual=12.0, gap=-18.0, attainment=0.4, projected=21.0,
               projected_low=18.0, projected_high=25.0, outlook="off_track", **{**running, **quarter}),
        _score("orders", date(2027, 1, 1), date(2027, 3, 31), outlook="upcoming", **{**running, **quarter}),
    ]  # fmt: skip


def _articles() -> list[dict[str, Any]]:
    return [
        {"host": "www.example.com", "path": path, "title": "@題" if place == 7 else None,
         "period_start": OCTOBER, "page_views": 1000 + 10 * place,
         "users": 800, "engagement_seconds": 60000.0, "read_through_rate": 0.3, "landing_sessions": 500,
         "search_clicks": 100, "search_impressions": 2000, "search_position": 7.25, "leads": 20 - 2 * place,
         "mqls": 3, "deals": 1, "orders": place % 2, "order_value": 1_200_000.0 * (place % 2), "is_complete": True}
        for place, path in enumerate(HOSTILE)
    ]  # fmt: skip


def _funnel() -> list[dict[str, Any]]:
    whole = {"segment": "all", "segment_value": "all", "horizon_days": 27, "lag_q50_days": 4, "lag_q90_days": 12}
    rate = {"rate": 0.28, "ci_low": 0.27, "ci_high": 0.29, "shrunk_rate": 0.281, "shrunk_low": 0.27,
            "shrunk_high": 0.29, "naive_rate_exits_as_open": 0.308, "verdict": "ok"}  # fmt: skip
    counts = {"n": 1000, "moved": 300, "exited": 200, "still_open": 500, "naive_rate_of_all": 0.3,
              "naive_rate_of_closed": 0.6}  # fmt: skip
    steps = [("lead", "mql"), ("mql", "deal"), ("deal", "won")]
    rows = [{"stage": stage, "next_stage": after, **whole, **rate, **counts} for stage, after in steps]
    return [*rows, {**rows[0], "segment": "persona", "segment_value": HOSTILE[-1]}]


def _cohorts() -> list[dict[str, Any]]:
    row = {"stage": "lead", "next_stage": "mql", "grain": "month", "n": 200, "moved": 50, "exited": 30,
           "still_open": 120, "cohort_rate": 0.25, "moved_in_period": 60, "period_rate": 0.3}  # fmt: skip
    return [
        {**row, "period_start": date(2026, 9, 1), "maturity": 1.0, "is_mature": True},
        {**row, "period_start": OCTOBER, "maturity": 0.8, "is_mature": False},
        {**row, "period_start": NOVEMBER, "maturity": 0.1, "is_mature": False},
    ]


def _rows() -> dict[str, list[dict[str, Any]]]:
    names = ("kpi", "stage", "formula", "unit", "direction", "label_ja", "label_en")
    start = {"period_start": OCTOBER}
    return {
        "publication": [{"as_of": AS_OF, "published_at": datetime(2026, 11, 27, 1, 2, 3), "run_id": "0123456789"}],
        "kpis": [
            {**dict(zip(names, row, strict=True)), "sort_order": place, "additivity": "additive",
             "definition": "What is counted.", "definition_ja": "数えるもの。", "numerator_ja": "数えた数",
             "denominator_ja": "母数" if row[2] != "total" else None}
            for place, row in enumerate(KPIS)
        ],
        "scorecard": _scorecard(),
        "attainment": [{"kpi": "orders", "grain": "quarter", **start, "chance": 0.01, "is_hindcast": False},
                       {"kpi": "orders", "grain": "quarter", "period_start": date(2026, 7, 1), "chance": 0.1,
                        "is_hindcast": True}],
        "required": [
            {"grain": "quarter", **start, "kpi": kpi, "place": place, "leads_to": to, "is_goal_period": True,
             "remaining_verdict": verdict}
            for place, (kpi, to, verdict) in enumerate(
                [("orders", None, "ok"), ("deals", "orders", "ok"), ("mqls", "deals", "too_late")]
            )
        ],
        "drivers": [{**start, "place": 0, "driver": "win_rate", "kind": "rate", "level": 0.3, "gain": 0.0,
                     "more_of_the_goal": 0.95}],
        "plan_agreements": [{"is_current": True, "section": "on_miss", "attribute": "process",
                             "value": "原因を分ける"}],
        "funnel": _funnel(),
        "funnel_cohorts": _cohorts(),
        "articles": _articles(),
        "notes": [{"start_on": date(2026, 10, 5), "end_on": date(2026, 10, 7), "tag": "outage",
                   "text": "=計測が止まった"},
                  {"start_on": date(2026, 8, 1), "end_on": date(2026, 8, 1), "tag": "seo", "text": "前の月"}],
        "awareness": [{"grain": "month", **start, "kpi": "users", "numerator": 47203.0, "n": 47203}],
        "engagement": [{"grain": "month", **start, "kpi": "read_through_rate", "numerator": 375.0,
                        "denominator": 1000.0, "n": 1000, "ci_low": 0.3455, "ci_high": 0.4055}],
        "conversion": [{"grain": "month", **start, "kpi": "mqls", "numerator": 82.0, "n": 82}],
        "retention": [],
    }  # fmt: skip


def make_marts(path: Path, without: Sequence[str] = ()) -> Path:
    """A marts file with these rows; the tables named stay empty."""
    tables = {**TABLES, **dict.fromkeys(("awareness", "engagement", "conversion", "retention"), MEASURE)}
    with duckdb.connect(str(path)) as con:
        for name, columns in tables.items():
            con.execute(f"create table {name} ({columns})")
        for name, rows in _rows().items():
            for row in rows if name not in without else ():
                places = ", ".join(f"${column}" for column in row)
                con.execute(f"insert into {name} ({', '.join(row)}) values ({places})", row)
    return path


def read(marts: Path, locale: str = "ja", month: date | None = None) -> Report:
    """The report of a month of a marts file."""
    formats = Formats("ja" if locale == "ja" else "en", "JPY", "Asia/Tokyo", 4)
    with opened(marts) as night:
        return report.read(night, "株式会社=A&B", formats, month)


@pytest.fixture(scope="session")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield make_marts(tmp_path_factory.mktemp("report") / "marts.duckdb")
