"""Two warehouses built by the whole dbt project: one worked out by hand, one of a company without any source."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from connectors import clarity, export_tables, ga4, notes, plan_tables, search_console
from connectors.table import Table
from pipelines import company, stage_events, warehouse
from pipelines.plan import tables as analysis_tables

PROJECT = Path(__file__).parents[2] / "dbt_project"
TABLES = (
    *ga4.TABLES, *search_console.TABLES, *clarity.TABLES, *export_tables.TABLES, *plan_tables.TABLES, *company.TABLES,
    *notes.TABLES, stage_events.STAGE_EVENTS, *warehouse.TABLES, *analysis_tables.TABLES,
)  # fmt: skip
AS_OF = date(2026, 5, 10)  # a Sunday
Rows = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Built:
    """A warehouse, what dbt knew of the project and, by unique id, how every node of the build ended."""

    path: Path
    manifest: Mapping[str, Any]
    statuses: Mapping[str, str]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as con:
            return con.execute(sql).fetchall()

    def models(self) -> Iterator[Mapping[str, Any]]:
        return (node for node in self.manifest["nodes"].values() if node["resource_type"] == "model")


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    result = dbtRunner().invoke(["parse", *_options(tmp_path_factory.mktemp("parsed"))])
    assert result.success, result.exception
    assert isinstance(result.result, Manifest)
    return result.result


@pytest.fixture(scope="session")
def built(parsed: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The world of :func:`hand_worked`, built with every unit test."""
    return _build(parsed, tmp_path_factory.mktemp("built"), hand_worked(), ["build"])


@pytest.fixture(scope="session")
def built_empty(parsed: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A company that has connected nothing."""
    inputs = [{"input": name, "is_available": False, "reason": f"no {name}"} for name in _inputs()]
    rows = {"company_settings": [_settings()], "company_inputs": inputs}
    return _build(parsed, tmp_path_factory.mktemp("empty"), rows, ["build", "--exclude-resource-type", "unit_test"])


def _options(folder: Path) -> list[str]:
    return [
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(folder),
        "--log-path", str(folder), "--log-level", "none", "--no-version-check", "--no-send-anonymous-usage-stats",
    ]  # fmt: skip


def _build(parsed: Manifest, folder: Path, rows: Rows, command: list[str]) -> Built:
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as con:
        warehouse.prepare(con, TABLES)
        for table in TABLES:
            _insert(con, table, rows.get(table.name, []))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GYAKUSAN_WAREHOUSE", str(path))
        result = dbtRunner(manifest=parsed).invoke([*command, *_options(folder)])
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    assert result.exception is None, result.exception
    ended: Any = result.result
    statuses = {run.node.unique_id: f"{run.status} {run.message}" for run in ended}
    return Built(path, json.loads((folder / "manifest.json").read_text()), statuses)


def _insert(con: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        batch = pa.Table.from_pylist(rows, schema=table.schema)
        con.register("batch", batch)
        con.execute(f"insert into {table.path} by name from batch")
        con.unregister("batch")


def _settings() -> dict[str, Any]:
    return {
        "name": "hand-worked", "locale": "ja", "timezone": "Asia/Tokyo", "currency": "JPY",
        "fiscal_year_start": 4, "as_of": AS_OF, "utc_offset_minutes": 540,
    }  # fmt: skip


def _inputs() -> list[str]:
    return list(company.inputs(company.Sources()))


def hand_worked() -> dict[str, list[dict[str, Any]]]:
    """GA4 and Search Console since April 2026, deals since April 2025, no costs of orders and no social media."""
    days = [date(2026, 4, 1) + timedelta(days=n) for n in range(40)]  # 1 April to 10 May
    missing = {"exports.orders.cost", "exports.social_followers", "exports.newsletter_subscribers"}
    users = {("month", date(2026, 4, 1)): 100, ("month", date(2026, 5, 1)): 50, ("week", date(2026, 5, 4)): 30,
             ("quarter", date(2026, 4, 1)): 120}  # fmt: skip
    deals = [
        # April 2026: 60 closed, of which 12 won.
        {"deal_id": f"d{n}", "status": "won" if n < 12 else "lost", "kind": "new", "created_on": date(2026, 4, 15),
         "closed_on": date(2026, 4, 20), "amount": Decimal("1000000.25"), "contact_id": "c1" if n == 0 else None}
        for n in range(60)
    ] + [
        {"deal_id": f"last_year_{n}", "status": "lost", "kind": "new", "created_on": date(2025, 4, 15),
         "closed_on": date(2025, 4, 20), "amount": Decimal(1), "contact_id": None}
        for n in range(3)
    ]  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {
        "company_settings": [_settings()],
        "company_events": [{"meaning": "one_minute", "event_name": "engaged_60s"}],
        "company_article_paths": [{"path_prefix": "/articles/"}],
        "company_inputs": [
            {"input": name, "is_available": name not in missing, "reason": f"no {name}" if name in missing else None}
            for name in _inputs()
        ],
        "company_tables": [
            {"table_name": table, "source": source, "asset": f"raw/{table}", "is_dated": source in ("ga4", "clarity")}
            for source, table in (("ga4", "ga4_site_days"), ("clarity", "clarity_page_days"),
                                  ("exports", "exports_deals"), ("notes", "notes"))
        ],
        "notes": [{"note": 1, "start_on": date(2026, 4, 29), "end_on": date(2026, 5, 6), "tag": "other",
                   "text": "Golden Week"}],
        "ga4_site_days": [
            {"date_on": day, "host": host, "page_views": views, "sessions": 4, "engaged_sessions": 2, "key_events": 0}
            for day in days for host, views in (("www.example.com", 10), ("blog.example.com", 5))
        ],
        "ga4_users": [
            {"grain": grain, "period_start": start, "active_users": count, "total_users": count, "new_users": 0,
             "sessions": 2 * count, "engagement_seconds": 0.0}
            for (grain, start), count in users.items()
        ],
        "ga4_article_users": [
            {"grain": "month", "period_start": date(2026, 4, 1), "active_users": 80, "scrolled_users": 20,
             "engagement_seconds": 3600.0, "page_views": 200},
        ],
        "ga4_page_days": [
            {"date_on": day, "host": "www.example.com", "path": "/articles/a", "page_views": 3,
             "engagement_seconds": 60.0, "event_count": 0}
            for day in days
        ],
        "ga4_page_months": [
            {"period_start": date(2026, 4, 1), "host": "www.example.com", "path": "/articles/a", "active_users": 40,
             "total_users": 40, "scrolled_users": 10, "engagement_seconds": 1800.0},
        ],
        "ga4_page_titles": [
            {"period_start": start, "host": "www.example.com", "path": "/articles/a", "title": title, "page_views": 30}
            for start, title in ((date(2026, 4, 1), "Before"),
                                 (date(2026, 5, 1), "<script>alert(1)</script> & 請求書"))
        ],
        "search_console_days": [
            {"date_on": day, "search_type": None if day < date(2026, 4, 5) else "web", "clicks": 2,
             "impressions": 300 if day == days[0] else 100,
             "position": 8.0 if day == days[0] else 4.0, "is_final": day <= date(2026, 5, 6)}
            for day in days if day <= date(2026, 5, 8)
        ] + [
            {"date_on": date(2026, 4, 8), "search_type": "discover", "clicks": 90, "impressions": 900,
             "position": None, "is_final": True}
        ],
        "search_console_page_days": [
            {"date_on": date(2026, 4, 8), "search_type": "discover", "host": "www.example.com", "path": "/articles/a",
             "clicks": 90, "impressions": 900, "position": None},
            {"date_on": date(2026, 4, 1), "search_type": None, "host": "www.example.com", "path": "/articles/a",
             "clicks": 1, "impressions": 10, "position": 4.0},
        ],
        "search_console_query_days": [
            {"date_on": day, "query": query, "clicks": clicks, "impressions": 20, "position": 4.0}
            for day in days if day <= date(2026, 4, 20) for query, clicks in (("invoice", 1), ("hanko", 0))
        ],
        "clarity_page_days": [
            {"date_on": date(2026, 4, day), "host": "www.example.com", "path": "/articles/a", "window_days": 1,
             "read_at": datetime(2026, 4, day, 20), "sessions": sessions, "scroll_depth": depth}
            for day, sessions, depth in ((8, 10, 30.0), (9, 30, 50.0))
        ],
        "exports_contacts": [
            {"contact_id": "c1", "created_on": date(2026, 4, 2), "landing_host": "www.example.com",
             "landing_path": "/articles/a", "newsletter_on": date(2026, 4, 2)},
        ],
        "exports_stage_changes": [
            {"contact_id": "c1", "stage": "mql", "entered_at": datetime(2026, 4, 3), "entered_on": date(2026, 4, 3)},
        ],
        "exports_deals": deals,
        "exports_contracts": [
            {"contract_id": "k1", "account_id": "a1", "started_on": date(2025, 4, 1), "ended_on": date(2026, 4, 10)},
            {"contract_id": "k2", "account_id": "a2", "started_on": date(2025, 4, 1), "ended_on": None},
            {"contract_id": "k3", "account_id": "a3", "started_on": date(2026, 5, 1), "ended_on": None},
        ],
        "loads": [
            {"table_name": "ga4_site_days", "row_count": 80, "loaded_at": datetime(2026, 5, 11),
             "window_start": days[0], "window_end": AS_OF, "restated_days": 3},
            {"table_name": "clarity_page_days", "row_count": 1, "loaded_at": datetime(2026, 5, 8, 20),
             "window_start": date(2026, 5, 8), "window_end": date(2026, 5, 8), "restated_days": 0},
            {"table_name": "exports_deals", "row_count": 63, "loaded_at": datetime(2026, 5, 11), "restated_days": 0,
             "rows_read": 66, "rows_rejected": 1, "rows_set_aside": 2},
        ],
        "quotas": [
            {"table_name": "ga4_site_days", "quota": "tokens_per_day", "remaining": 199_000,
             "asked_at": datetime(2026, 5, 11)},
        ],
        "fetches": [
            {"table_name": "ga4_site_days", "request": "day", "window_start": days[0], "window_end": date(2026, 4, 30),
             "row_count": 60, "fetched_at": datetime(2026, 5, 1), "duration_seconds": 1.0, "retries": 0,
             "flags": "thresholded", "quota": "{}", "error": None},
            {"table_name": "ga4_site_days", "request": "day", "window_start": date(2026, 5, 1), "window_end": AS_OF,
             "row_count": 0, "fetched_at": datetime(2026, 5, 11), "duration_seconds": 1.0, "retries": 0,
             "flags": "sampled", "quota": "{}", "error": "HTTP 500"},
            {"table_name": "exports_deals", "request": "deals.csv", "row_count": 63, "duration_seconds": 1.0,
             "fetched_at": datetime(2026, 5, 11), "retries": 0, "flags": "", "quota": "{}",
             "changed_at": datetime(2026, 5, 2, 16)},
        ],
    }  # fmt: skip
    return rows | _plan() | _analysis()


def _plan() -> dict[str, list[dict[str, Any]]]:
    """A plan since 10 April, changed on 4 May; the calendar leaves out weekends and the days of Golden Week."""
    closed = {date(2026, 4, 29), date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 6)}
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(2 * 365)]
    first, second = date(2026, 4, 10), date(2026, 5, 4)
    target = {"is_kgi": False, "grain": "month", "start_on": date(2026, 4, 1), "end_on": date(2026, 6, 30)}
    goal = {"entry": 0, "kpi": "orders", "is_kgi": True, "kind": "number", "grain": "quarter",
            "start_on": date(2026, 1, 1), "end_on": date(2026, 9, 30), "owner": "sales"}  # fmt: skip
    deals = {**target, "entry": 1, "kpi": "deals", "kind": "number", "owner": "sales"}
    kept = [
        {**target, "entry": 2, "kpi": "page_views", "kind": "change", "change": 0.2, "over": "previous"},
        {**target, "entry": 3, "kpi": "mqls", "kind": "from_kgi"},
    ]
    wish = {"entry": 4, "kpi": "users", "is_kgi": False, "kind": "wish", "direction": "increase"}
    versions: list[tuple[date, list[dict[str, Any]]]] = [
        (first, [{**goal, "target": 24.0}, {**deals, "target": 50.0}, *kept]),
        (second, [{**goal, "target": 30.0}, {**deals, "target": 60.0}, *kept, wish]),
    ]
    return {
        "company_calendar": [{"date_on": day, "is_counted": day.weekday() < 5 and day not in closed} for day in days],
        "plan_versions": [
            {"valid_from": valid_from, "digest": str(valid_from), "source": "plan.yml", "document": "{}"}
            for valid_from, _ in versions
        ],
        "plan_targets": [{**row, "valid_from": valid_from} for valid_from, rows in versions for row in rows],
        "plan_personas": [
            {"valid_from": second, "entry": 0, "persona": "maker", "attribute": "industry", "value": "製造"},
        ],
        "plan_reviews": [{"valid_from": second, "every": "month", "business_day": 3}],
        "plan_agreements": [
            {"valid_from": valid_from, "section": "focus", "entry": 0, "attribute": "key_kpi", "value": key_kpi}
            for valid_from, key_kpi in ((first, "mqls"), (second, "deals"))
        ],
    }


def _analysis() -> dict[str, list[dict[str, Any]]]:
    """What the analysis is taken to have found: 244 MQLs make 122 deals, and these the 30 orders of the quarter.

    Of the quarter's 61 counted days 21 lie in April, 18 in May, 22 in June and 2 in the week of 4 May.
    """
    goal, after, plan_from = date(2026, 4, 1), date(2026, 7, 1), date(2026, 5, 4)
    needed = {"goal_start": goal, "goal_end": date(2026, 6, 30), "grain": "quarter", "plan_from": plan_from,
              "known_on": date(2026, 3, 31), "confidence": 0.8, "verdict": "ok"}  # fmt: skip
    step = {"method": "aalen_johansen", "n": 200, "horizon_days": 60, "lag_q50_days": 20, "lag_q90_days": 50}
    shares = [("quarter", goal, "orders", 30.0), ("week", date(2026, 5, 4), "deals", 4.0)] + [
        (grain, start, kpi, of_one * days)
        for kpi, of_one in (("deals", 2.0), ("mqls", 4.0))
        for grain, start, days in (("quarter", goal, 61), ("month", goal, 21), ("month", date(2026, 5, 1), 18),
                                   ("month", date(2026, 6, 1), 22))
    ]  # fmt: skip
    forecast = {"kpi": "orders", "grain": "quarter", "plan_from": plan_from, "past_forecasts": 4.0, "verdict": "ok"}
    # Asked of the first quarter, of which nothing came: a coin flip, then one in four; on its last day it was known.
    over = {"period_start": date(2026, 1, 1), "period_end": date(2026, 3, 31), "target": 30.0, "won": 0.0, "mean": 1.0,
            "p10": 0.0, "p50": 1.0, "p90": 2.0, "is_hindcast": True}  # fmt: skip
    live = {"target": 30.0, "mean": 21.0, "p10": 15.0, "p50": 20.0, "p90": 26.0, "is_hindcast": False}
    quarter = {**live, "period_start": goal, "period_end": date(2026, 6, 30), "won": 12.0}
    check = {"specific": True, "measurable": True, "relevant": True, "time_bound": True, "sentence_ja": "…",
             "sentence_en": "..."}  # fmt: skip
    return {
        "required": [
            {**needed, "place": 0, "kpi": "orders", "required": 30.0},
            {**needed, **step, "place": 1, "kpi": "deals", "required": 122.0, "leads_to": "orders", "rate": 30 / 122},
            {**needed, **step, "place": 2, "kpi": "mqls", "required": 244.0, "leads_to": "deals", "rate": 0.5},
        ],
        "required_periods": [
            {"grain": grain, "period_start": start, "kpi": kpi, "goal_start": goal, "required": required}
            for grain, start, kpi, required in shares
        ],
        "remaining": [
            {"goal_start": goal, "kpi": "deals", "won": 12.0, "from_pipeline": 6.0, "useful_share": 0.125,
             "verdict": "ok", "extra": 96.0, "extra_per_week": 13.0, "last_useful_on": date(2026, 5, 11)},
            {"goal_start": goal, "kpi": "mqls", "won": 12.0, "from_pipeline": 6.0, "useful_share": 0.0,
             "verdict": "too_late"},
        ],
        "forecasts": [
            {**forecast, **over, "as_of": date(2026, 1, 31), "chance": 0.5, "days_left": 59},
            {**forecast, **over, "as_of": date(2026, 3, 1), "chance": 0.25, "days_left": 30},
            {**forecast, **over, "as_of": date(2026, 3, 31), "chance": 0.0, "days_left": 0},
            {**forecast, **quarter, "as_of": date(2026, 5, 9), "chance": 0.125, "days_left": 52},
            {**forecast, **quarter, "as_of": AS_OF, "chance": 0.0625, "days_left": 51},
            {**forecast, **live, "as_of": AS_OF, "period_start": after, "period_end": date(2026, 9, 30), "won": 0.0,
             "chance": 0.25, "days_left": 143},
        ],
        "landings": [
            {"kpi": "page_views", "grain": "month", "period_start": date(2026, 5, 1), "verdict": "weak",
             "projected": 465.0, "projected_low": 450.0, "projected_high": 480.0},
            {"kpi": "orders", "grain": "quarter", "period_start": goal, "verdict": "ok", "projected": 20.0,
             "projected_low": 15.0, "projected_high": 26.0},
        ],
        "drivers": [
            {"period_start": goal, "driver": "win_rate", "kind": "rate", "place": 0, "level": 0.2, "unit": "point",
             "gain": 0.03, "gain_per_unit": 0.015, "more_of_the_goal": 2.0},
        ],
        "funnel": [
            {"stage": "deal", "next_stage": "won", "segment": "all", "segment_value": "all", "n": 63, "moved": 12,
             "exited": 51, "still_open": 0, "rate": 0.2, "ci_low": 0.1, "ci_high": 0.3, "shrunk_rate": 0.2,
             "shrunk_low": 0.1, "shrunk_high": 0.3, "horizon_days": 5, "at_risk": 0, "is_shortened": False,
             "method": "aalen_johansen", "verdict": "ok", "lag_q50_days": 5, "lag_q75_days": 5, "lag_q90_days": 5,
             "naive_rate_of_all": 12 / 63},
        ],
        "funnel_cohorts": [
            {"stage": "deal", "next_stage": "won", "grain": "month", "period_start": goal, "n": 60, "moved": 12,
             "exited": 48, "still_open": 0, "moved_in_period": 12, "horizon_days": 5, "is_mature": True,
             "maturity": 1.0, "cohort_rate": 0.2, "period_rate": 0.2},
        ],
        "article_rates": [
            {"host": "www.example.com", "path": "/articles/a", "from_on": goal, "to_on": date(2026, 4, 30),
             "page_views": 90, "landing_sessions": 0, "leads": 1, "mqls": 1, "deals": 1, "orders": 1,
             "order_value": 1_000_000.25, "median_page_views": 90.0, "action": "cannot_tell"},
        ],
        "smart_checks": [
            {**check, "entry": 0, "verdict": "stretch", "chance": 0.0625, "period_start": goal, "level": 30.0,
             "achievable": False},
            {**check, "entry": 4, "verdict": "vague", "specific": False, "time_bound": False},
        ],
    }  # fmt: skip
