"""A small published night for tests of the board: every mart that its pages read, with rows enough that no page of any
grain is empty.

The columns are those of the models' own contracts, the KPIs those of the catalogue. Every count is the same ``number``,
so that a page tells which night it is of. An article's title is a script and a note holds a tag.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from pipelines import publish

AS_OF = date(2026, 11, 18)
"""A Wednesday: week, month and quarter run."""
NUMBER = 7001
"""Small enough to be shown whole on a tile."""
SCRIPT, TAGGED = "<script>alert(1)</script>", "<b>公開</b>"
HOST = "www.example.co.jp"
DBT = Path(__file__).parents[2] / "dbt_project"
PERIODS = {"week": 9, "month": 14, "quarter": 5}
FUNNEL = (("lead", "mql"), ("mql", "deal"), ("deal", "won"))
ON_THE_WAY = {"orders": None, "deals": "orders", "mqls": "deals", "leads": "mqls", "page_views": "leads"}
ACTIONS = ("grow", "improve_cta", "attract", "merge_or_stop", "cannot_tell")
Rows = Sequence[Mapping[str, Any]]


def write_marts(
    path: Path,
    number: int = NUMBER,
    run_id: str = "run-0001",
    published_at: datetime = datetime(2026, 11, 18, 20, 3, tzinfo=UTC),
) -> None:
    """Publish such a night to a file."""
    with duckdb.connect() as con:
        fill(con, number)
        publish.publish(con, path, publish.Publication(AS_OF, published_at, run_id))


def fill(con: duckdb.DuckDBPyConnection, number: int = NUMBER) -> None:
    """Schema ``marts`` of a warehouse, in place of what it holds."""
    con.execute("create schema if not exists marts")
    found = {**_kpi_rows(number), **_plan_rows(number), **_funnel_rows(number), **_other_rows(number)}
    for name, columns in _contracts().items():
        con.execute(f"create or replace table marts.{name} ({', '.join(columns)})")
        if rows := found.pop(name, ()):
            con.register("given", pa.Table.from_pylist(list(rows)))
            con.execute(f"insert into marts.{name} by name from given")
    assert not found, f"no marts: {list(found)}"


@cache
def _contracts() -> Mapping[str, Sequence[str]]:
    """The columns of every mart, each with its type."""
    files = [path for path in DBT.glob("models/marts/*/_*.yml") if path.name != "_unit_tests.yml"]
    return {
        model["name"]: [f"{column['name']} {column['data_type']}" for column in model["columns"]]
        for path in files
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    }


@cache
def _catalogue() -> Rows:
    with (DBT / "seeds" / "kpi_catalogue.csv").open(encoding="utf-8", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def _months_before(day: date, months: int) -> date:
    place = day.year * 12 + day.month - 1 - months
    return date(place // 12, place % 12 + 1, 1)


@cache
def periods(grain: str) -> Sequence[tuple[date, date]]:
    """First and last day of the period to come, of the running one and of those before, newest first."""
    if grain == "week":
        monday = AS_OF - timedelta(days=AS_OF.weekday())
        starts = [monday - timedelta(weeks=back) for back in range(-2, PERIODS[grain])]
    else:
        length = {"month": 1, "quarter": 3}[grain]
        first = AS_OF.replace(day=1, month=AS_OF.month - (AS_OF.month - 1) % length)
        starts = [_months_before(first, back * length) for back in range(-2, PERIODS[grain])]
    return [(start, after - timedelta(days=1)) for after, start in pairwise(starts)]


def _grains() -> Iterator[tuple[str, date, date]]:
    for grain in PERIODS:
        for start, end in periods(grain):
            yield grain, start, end


def _in_unit(unit: str, number: float) -> float:
    """Counts and money are the number itself."""
    return {"ratio": number / 100_000, "rank": number / 1_000, "seconds": number / 100}.get(unit, number)


def _kpi_rows(number: int) -> Mapping[str, Rows]:
    measures: dict[str, list[dict[str, Any]]] = {}
    scorecard = []
    for kpi in _catalogue():
        value = _in_unit(kpi["unit"], number)
        goal = value * 1.2
        for grain, start, end in _grains():
            one = {"kpi": kpi["kpi"], "grain": grain, "period_start": start, "period_end": end}
            has_begun, is_complete = start <= AS_OF, end <= AS_OF
            runs = has_begun and not is_complete
            state = "missed" if is_complete else "off_track" if has_begun else "upcoming"
            scorecard.append({
                **one, "stage": kpi["stage"], "actual": value if has_begun else None, "target": goal,
                "required": value, "gap": value - goal if has_begun else None,
                "attainment": 1 / 1.2 if has_begun else None, "standard_pace": 0.6 if runs else None,
                "projected": value * 1.1 if runs else None, "projected_low": value * 1.05 if runs else None,
                "projected_high": value * 1.15 if runs else None, "landing_verdict": "ok" if runs else None,
                "previous": value, "last_year": value, "is_complete": is_complete,
                "status": "on_the_way" if runs else state, "outlook": state, "owner": "マーケティング部",
                "is_kgi": kpi["kpi"] == "orders" and grain == "quarter", "flags": "provisional" if runs else "",
            })  # fmt: skip
            if has_begun:
                is_total = kpi["formula"] == "total"
                measures.setdefault(kpi["stage"], []).append({
                    **one, "value": value, "numerator": value if is_total else value * number,
                    "denominator": None if is_total else number, "n": number, "is_complete": is_complete,
                    "flags": "provisional" if runs else "", "status": "measured",
                })  # fmt: skip
    kpis = [
        {**{key: value for key, value in kpi.items() if key in _names("kpis")}, "sources": "ga4_site_days",
         "data_to": AS_OF, "settled_to": AS_OF - timedelta(days=3), "owner": "マーケティング部"}
        for kpi in _catalogue()
    ]  # fmt: skip
    return {"kpis": kpis, "scorecard": scorecard, **measures}


def _names(table: str) -> set[str]:
    return {column.split()[0] for column in _contracts()[table]}


def _plan_rows(number: int) -> Mapping[str, Rows]:
    goals = [{"kpi": "orders", "grain": "quarter", "period_start": start, "period_end": end}
             for start, end in periods("quarter")[:3]]  # fmt: skip
    span = {"goal_start": goals[1]["period_start"], "goal_end": goals[1]["period_end"]}
    entries = [{"entry": entry, "kpi": kpi, "is_kgi": kpi == "orders", "kind": "number", "owner": "営業部",
                "grain": "quarter" if kpi == "orders" else "month", "start_on": date(2026, 4, 1),
                "end_on": date(2027, 3, 31)} for entry, kpi in enumerate(ON_THE_WAY)]  # fmt: skip
    return {
        "targets": [{**goal, "target": number * 1.2, "kind": "number", "owner": "営業部", "is_kgi": True}
                    for goal in goals],
        "attainment": [{**goal, "as_of": AS_OF, "target": number * 1.2, "won": number, "mean": number,
                        "p10": number - 50, "p50": number, "p90": number + 150, "chance": 0.35, "verdict": "ok"}
                       for goal in goals],
        "required": [
            {"grain": "quarter", "period_start": span["goal_start"], "period_end": span["goal_end"], "kpi": kpi,
             "place": place, "kgi": "orders", **span, "is_goal_period": True, "leads_to": above,
             "method": "aalen_johansen" if above else None, "required": number, "confidence": 0.9,
             "rate": 0.3 if above else None, "rate_low": 0.25 if above else None, "rate_high": 0.35 if above else None,
             "n": number, "horizon_days": 180, "lag_q50_days": 20, "lag_q90_days": 60, "verdict": "ok",
             "from_pipeline": number, "extra": number, "extra_per_week": number,
             "coin_flip_on": AS_OF + timedelta(days=9) if above else None,
             "last_useful_on": AS_OF + timedelta(days=5) if above else None,
             "remaining_verdict": "ok" if above else None}
            for place, (kpi, above) in enumerate(ON_THE_WAY.items())
        ],
        "drivers": [
            {"period_start": span["goal_start"], "place": 1, "driver": "leads", "kind": "intake", "level": number,
             "unit": "per_week", "gain": 0.04, "more_of_the_goal": 3.5},
            {"period_start": span["goal_start"], "place": 2, "driver": "win_rate", "kind": "rate", "level": 0.3,
             "unit": "point", "gain": 0.03, "more_of_the_goal": 2.5},
        ],
        "plan_targets": [{"version": 1, **entry, "is_current": True, "target": number * 1.2} for entry in entries],
        "plan_agreements": [{"version": 1, "is_current": True, "section": "focus", "entry": "0",
                             "attribute": "key_kpi", "value": "mqls"}],
        "smart_checks": [
            {**entry, "period_start": span["goal_start"], "level": number * 1.2, "is_specific": True,
             "is_measurable": True, "is_achievable": None, "is_relevant": True, "is_time_bound": False,
             "verdict": "unrealistic" if entry["kpi"] == "deals" else "smart",
             "sentence_ja": f"いまは{number}。", "sentence_en": f"It is {number} now."}
            for entry in entries
        ],
    }  # fmt: skip


def _funnel_rows(number: int) -> Mapping[str, Rows]:
    values = [("all", "all"), ("channel", "organic_search"), ("channel", "direct"), ("article_cluster", "請求書"),
              ("persona", "経理部長")]  # fmt: skip
    return {
        "funnel": [
            {"stage": stage, "next_stage": after, "segment": segment, "segment_value": value, "n": number,
             "moved": number, "exited": number, "still_open": number, "rate": 0.3, "ci_low": 0.25, "ci_high": 0.35,
             "shrunk_rate": 0.31, "shrunk_low": 0.28, "shrunk_high": 0.34, "horizon_days": 180, "at_risk": 9,
             "is_shortened": False, "lag_q50_days": 20, "lag_q75_days": 40, "lag_q90_days": 60,
             "naive_rate_of_all": 0.2, "naive_rate_of_closed": 0.4, "method": "aalen_johansen", "verdict": "ok"}
            for stage, after in FUNNEL for segment, value in values
        ],
        "funnel_cohorts": [
            {"stage": stage, "next_stage": after, "grain": "month", "period_start": start, "n": number,
             "moved": number, "exited": number, "still_open": number, "cohort_rate": 0.2, "horizon_days": 180,
             "maturity": 0.8, "is_mature": start < date(2026, 6, 1)}
            for stage, after in FUNNEL for start, _ in periods("month")[1:]
        ],
    }  # fmt: skip


def _other_rows(number: int) -> Mapping[str, Rows]:
    loaded_at = datetime(2026, 11, 18, 20, 1)
    articles = [SCRIPT, *(f"請求書の書き方 {place}" for place in range(1, 10))]
    return {
        "article_rates": [
            {"host": HOST, "path": f"/articles/{place}", "title": title, "from_on": date(2025, 11, 1),
             "to_on": date(2026, 10, 31), "page_views": number + 1000 * place, "landing_sessions": number,
             "leads": number, "mqls": 40, "deals": 9, "orders": 3, "order_value": 1_500_000.0, "rate": 0.02,
             "common_rate": 0.02, "shrunk_rate": 0.01 + 0.002 * place,
             "shrunk_low": 0.008, "shrunk_high": 0.04, "line": 0.02,
             "median_page_views": number + 500.0, "action": ACTIONS[place % len(ACTIONS)]}
            for place, title in enumerate(articles)
        ],
        "notes": [
            {"note": 1, "start_on": date(2026, 11, 2), "end_on": date(2026, 11, 2), "tag": "action",
             "text": f"{TAGGED} {number}"},
            {"note": 2, "start_on": date(2026, 8, 1), "end_on": date(2026, 11, 30), "tag": "campaign",
             "text": f"展示会 {number}"},
        ],
        "source_health": [
            {"source": source, "table_name": table, "asset": f"raw/{table}", "last_on": AS_OF, "loaded_at": loaded_at,
             "days_behind": 0, "fresh_days": 1, "freshness": freshness, "row_count": number, "flags": "sampled",
             "requests": 2, "retries": 0}
            for source, table, freshness in [("ga4", "ga4_site_days", "fresh"), ("exports", "exports_deals", "stale")]
        ],
        "quotas": [{"source": "ga4", "quota": "tokens_per_day", "remaining": number, "asked_at": loaded_at}],
        "quarantine": [{"kind": "deals", "file": "exports/deals.csv", "line": number, "column_name": "金額",
                        "value_class": "text", "reason": "is not an amount", "remedy": "mend the cell"}],
    }  # fmt: skip
