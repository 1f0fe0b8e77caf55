"""A published night of a few rows, with the tables and columns of the models' contracts.

Every text that a company, its readers or its tools could have written is what ``words`` gives for it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from board.page import About

MODELS = Path(__file__).parents[2] / "dbt_project" / "models" / "marts"
AS_OF = date(2026, 11, 25)
GOAL = {"period_start": date(2026, 10, 1), "period_end": date(2026, 12, 31)}
MONTHS = [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]
WEEK = date(2026, 11, 23)
ABOUT = About("Small", "ja", "JPY", "Asia/Tokyo", 4)
KPIS = {
    "page_views": "awareness",
    "read_through_rate": "engagement",
    "leads": "conversion",
    "deals": "conversion",
    "orders": "conversion",
    "churn_rate": "retention",
}
Words = Callable[[str], str]
Row = dict[str, Any]


def write(path: Path, words: Words = lambda of: of, run_id: str = "run-00001", as_of: date = AS_OF) -> Path:
    """The file of one night, in place of the one that is there."""
    new = path.with_name(path.name + ".new")
    with duckdb.connect(str(new)) as con:
        con.execute("begin")
        for table, columns in contracts().items():
            con.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        con.execute("create table publication (as_of date, published_at timestamp, run_id varchar)")
        con.execute("insert into publication values (?, ?, ?)", [as_of, datetime(2026, 11, 26, 5), run_id])
        for table, rows in _rows(words).items():
            for row in rows:
                con.execute(
                    f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
                )
        con.execute("commit")
    return new.replace(path)


@cache
def contracts() -> Mapping[str, Mapping[str, str]]:
    """The columns and types of every mart."""
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for file in sorted(MODELS.rglob("_*.yml"))
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", [])
    }


def _rows(words: Words) -> Mapping[str, Sequence[Row]]:
    lines = [_line(words, kpi, "month", start) for kpi in KPIS for start in MONTHS]
    lines += [_line(words, kpi, "week", WEEK) for kpi in KPIS]
    lines += [_line(words, kpi, "quarter", GOAL["period_start"]) for kpi in KPIS if kpi != "orders"]
    goal = {**_line(words, "orders", "quarter", GOAL["period_start"]), **GOAL, "is_kgi": True}
    measures: dict[str, list[Row]] = {stage: [] for stage in KPIS.values()}
    for line in [*lines, goal]:
        measures[line["stage"]].append(_measure(line))
    return {
        **measures,
        "scorecard": [*lines, goal],
        "kpis": [_kpi(words, place, kpi) for place, kpi in enumerate(KPIS)],
        "targets": [{"kpi": "orders", "grain": "quarter", **GOAL, "target": 30.0, "kind": "number", "is_kgi": True}],
        "attainment": [
            {"kpi": "orders", "grain": "quarter", **GOAL, "as_of": AS_OF, "target": 30.0, "p10": 20.0, "p50": 27.0,
             "p90": 34.0, "chance": 0.3, "verdict": "ok"}
        ],
        "required": [_required("orders", None, 0), _required("deals", "orders", 1), _required("leads", "deals", 2)],
        "drivers": [
            {"period_start": GOAL["period_start"], "place": 1, "driver": "win_rate", "kind": "rate", "level": 0.2,
             "unit": "ratio", "gain": 0.05, "more_of_the_goal": 1.5}
        ],
        "funnel": [
            _funnel(stage, after, segment, words(f"segment {segment}") if segment != "all" else "all")
            for stage, after in (("lead", "mql"), ("mql", "deal"), ("deal", "won"))
            for segment in ("all", "channel", "article_cluster", "persona")
        ],
        "funnel_cohorts": [
            {"stage": "lead", "next_stage": "mql", "grain": "month", "period_start": start, "n": 20, "moved": 5,
             "exited": 1, "still_open": 14, "cohort_rate": 0.25, "horizon_days": 90, "maturity": 0.7,
             "is_mature": False}
            for start in MONTHS
        ],
        "smart_checks": [
            {"entry": 1, "kpi": "leads", "is_kgi": False, "grain": "month", "owner": words("owner"),
             "is_specific": False, "is_measurable": True, "is_relevant": True, "verdict": "vague",
             "sentence_ja": words("sentence"), "sentence_en": words("sentence")}
        ],
        "plan_targets": [
            {"version": 1, "entry": 1, "is_current": True, "kpi": "leads", "is_kgi": False, "grain": "month",
             "owner": words("owner")}
        ],
        "article_rates": [_article(words, place) for place in range(3)],
        "notes": [
            {"note": 1, "start_on": date(2026, 10, 20), "end_on": date(2026, 10, 21), "tag": "seo",
             "text": words("note")}
        ],
        "quarantine": [
            {"kind": words("kind"), "file": words("file"), "line": 3, "column_name": words("column"),
             "value_class": words("value class"), "reason": words("reason"), "remedy": words("remedy"),
             "loaded_at": datetime(2026, 11, 26)}
        ],
        "source_health": [
            {"source": words("source"), "table_name": words("table"), "asset": "raw/deals", "last_on": AS_OF,
             "loaded_at": datetime(2026, 11, 26), "days_behind": 9, "freshness": "stale", "row_count": 10,
             "rows_rejected": 1, "flags": words("flag"), "requests": 1, "retries": 0}
        ],
        "quotas": [
            {"source": words("source"), "quota": words("quota"), "remaining": 7, "asked_at": datetime(2026, 11, 26)}
        ],
    }  # fmt: skip


def _line(words: Words, kpi: str, grain: str, start: date) -> Row:
    is_running = start == MONTHS[-1] or grain != "month"
    month_after = (start + timedelta(days=31)).replace(day=1)
    ends = {"week": start + timedelta(days=6), "month": month_after - timedelta(days=1), "quarter": GOAL["period_end"]}
    return {
        "kpi": kpi, "stage": KPIS[kpi], "grain": grain, "period_start": start,
        "period_end": ends[grain],
        "actual": 12.0, "target": 20.0, "required": 21.0, "gap": -8.0, "attainment": 0.6, "standard_pace": 0.8,
        "projected": 15.0 if is_running else None, "projected_low": 13.0 if is_running else None,
        "projected_high": 17.0 if is_running else None, "landing_verdict": "ok" if is_running else None,
        "previous": 11.0, "last_year": 10.0, "is_complete": not is_running, "status": "on_the_way",
        "outlook": "off_track" if is_running else "missed", "reason": words("reason"), "owner": words("owner"),
        "is_kgi": False, "flags": words("flag"),
    }  # fmt: skip


def _measure(line: Row) -> Row:
    return {
        **{name: line[name] for name in ("kpi", "grain", "period_start", "period_end", "is_complete", "flags")},
        "value": 12.0, "numerator": 12.0, "denominator": 60.0, "n": 60, "ci_low": 8.0, "ci_high": 16.0,
        "reason": line["reason"],
    }  # fmt: skip


def _kpi(words: Words, place: int, kpi: str) -> Row:
    texts = ("label", "numerator", "denominator")
    return {
        "kpi": kpi, "stage": KPIS[kpi], "sort_order": place, "formula": "total", "unit": "count", "direction": "up",
        "additivity": "additive", "definition": words("definition"), "definition_ja": words("definition"),
        "sources": words("sources"), "data_to": AS_OF, "owner": words("owner"),
        **{f"{text}_{locale}": words(f"{text} {kpi}") for text in texts for locale in ("ja", "en")},
    }  # fmt: skip


def _required(kpi: str, leads_to: str | None, place: int) -> Row:
    return {
        "grain": "quarter", **GOAL, "kpi": kpi, "place": place, "kgi": "orders", "goal_start": GOAL["period_start"],
        "goal_end": GOAL["period_end"], "is_goal_period": True, "known_on": date(2026, 9, 30), "leads_to": leads_to,
        "method": "aalen_johansen", "required": 30.0, "rate": 0.2 if leads_to else None,
        "rate_low": 0.1 if leads_to else None, "rate_high": 0.3 if leads_to else None, "n": 50, "lag_q50_days": 10,
        "lag_q90_days": 40, "verdict": "ok", "extra": 4.0, "extra_per_week": 1.0,
        "coin_flip_on": AS_OF + timedelta(days=9), "last_useful_on": AS_OF + timedelta(days=30),
        "remaining_verdict": "ok",
    }  # fmt: skip


def _funnel(stage: str, after: str, segment: str, value: str) -> Row:
    return {
        "stage": stage, "next_stage": after, "segment": segment, "segment_value": value, "n": 40, "moved": 10,
        "exited": 5, "still_open": 25, "rate": 0.3, "ci_low": 0.2, "ci_high": 0.4, "shrunk_rate": 0.3,
        "shrunk_low": 0.2, "shrunk_high": 0.4, "horizon_days": 90, "at_risk": 20, "is_shortened": False,
        "lag_q50_days": 9, "lag_q75_days": 20, "lag_q90_days": 40, "naive_rate_of_all": 0.25,
        "naive_rate_of_closed": 0.6, "verdict": "ok",
    }  # fmt: skip


def _article(words: Words, place: int) -> Row:
    return {
        "host": "www.example.com", "path": words(f"/articles/{place}"), "title": words(f"title {place}"),
        "from_on": date(2025, 11, 1), "to_on": date(2026, 10, 31), "page_views": 1000 * 10**place,
        "landing_sessions": 500, "leads": 5, "mqls": 3, "deals": 2, "orders": 1, "order_value": 100000.0, "rate": 0.01,
        "shrunk_rate": 0.01 * (place + 1), "shrunk_low": 0.005, "shrunk_high": 0.02, "line": 0.008,
        "median_page_views": 1000.0, "action": "grow",
    }  # fmt: skip
