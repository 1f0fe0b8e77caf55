"""The whole project on a world worked out by hand (conftest.py), and on a company without any source."""

from typing import Any

import pytest

STAGES = ("awareness", "engagement", "conversion", "retention")
ALL = " union all ".join(f"select * from marts.{stage}" for stage in STAGES)


def test_every_node_and_unit_test_passes(built: Any) -> None:
    assert {node: status for node, status in built.statuses.items() if not status.startswith(("success", "pass"))} == {}
    assert any(node.startswith("unit_test.") for node in built.statuses)


def test_a_company_without_sources_builds_and_says_so(built_empty: Any) -> None:
    bad = {node: status for node, status in built_empty.statuses.items() if not status.startswith(("success", "pass"))}
    assert bad == {}
    rows = built_empty.rows(f"select grain, kpi, value, n, is_complete, flags, status, reason from ({ALL})")
    assert len(rows) == 3 * 26
    assert {row[2:7] for row in rows} == {(None, None, False, "", "not_measurable")}
    assert all(reason.startswith("no ") for *_, reason in rows)
    assert built_empty.rows("select count(*) from marts.articles") == [(0,)]
    assert built_empty.rows("select count(*) from marts.targets") == [(0,)]
    assert built_empty.rows("select distinct status, target, required, standard_pace from marts.scorecard") == [
        ("not_measurable", None, None, None)
    ]


def kpi(built: Any, name: str, grain: str, start: str, columns: str = "value, numerator, denominator, n") -> Any:
    (row,) = built.rows(
        f"select {columns} from ({ALL}) where kpi = '{name}' and grain = '{grain}' and period_start = date '{start}'"
    )
    return row


@pytest.mark.parametrize(
    ("name", "grain", "start", "expected"),
    [
        ("page_views", "month", "2026-04-01", (450, 450, None, 450)),  # 30 days of 10 + 5
        ("page_views", "week", "2026-05-04", (105, 105, None, 105)),
        ("page_views", "quarter", "2026-04-01", (600, 600, None, 600)),
        ("users", "month", "2026-04-01", (100, 100, None, 100)),
        ("users", "quarter", "2026-04-01", (120, 120, None, 120)),  # not 150
        ("sessions", "month", "2026-04-01", (200, 200, None, 200)),
        # (8 * 300 + 4 * 100 * 29) / (300 + 2,900)
        ("search_position", "month", "2026-04-01", (4.375, 14000, 3200, 3200)),
        ("search_clicks", "month", "2026-04-01", (60, 60, None, 60)),  # Discover's 90 are none
        ("search_clicks", "month", "2026-05-01", (16, 16, None, 16)),
        # Until 20 April one of two clicks a day has a named query: 20 + 10 * 2 of 60 are hidden.
        ("hidden_click_share", "month", "2026-04-01", (40 / 60, 40, 60, 60)),
        ("hidden_click_share", "week", "2026-04-13", (0.5, 7, 14, 14)),
        ("engagement_seconds", "month", "2026-04-01", (45, 3600, 80, 80)),
        ("read_through_rate", "month", "2026-04-01", (0.25, 20, 80, 80)),
        ("newsletter_signups", "month", "2026-05-01", (0, 0, None, 0)),
        ("leads", "month", "2026-04-01", (1, 1, None, 1)),
        ("deal_rate", "month", "2026-04-01", (1, 1, 1, 1)),
        ("deals", "month", "2026-04-01", (60, 60, None, 60)),
        ("deals", "month", "2025-08-01", (0, 0, None, 0)),
        ("win_rate", "quarter", "2026-04-01", (0.2, 12, 60, 60)),
        ("win_rate", "month", "2026-05-01", (None, 0, 0, 0)),
        ("orders", "month", "2026-04-01", (12, 12, None, 12)),
        ("order_value", "month", "2026-04-01", (12_000_003, 12_000_003, None, 12)),
        ("customers", "month", "2026-04-01", (1, 1, None, 1)),
        ("customers", "month", "2026-05-01", (2, 2, None, 2)),
        ("churn_rate", "month", "2026-04-01", (0.5, 1, 2, 2)),
        ("churn_rate", "month", "2026-05-01", (0, 0, 1, 1)),
        ("ltv", "month", "2026-04-01", (None, None, None, None)),
        ("users", "month", "2026-03-01", (None, None, None, None)),
    ],
)
def test_a_kpi_has_the_value_worked_out_by_hand(
    built: Any, name: str, grain: str, start: str, expected: tuple[float | None, ...]
) -> None:
    assert kpi(built, name, grain, start) == expected


@pytest.mark.parametrize(
    ("name", "grain", "start", "expected"),
    [
        ("page_views", "month", "2026-04-01", (True, "thresholded", "measured", None)),
        ("page_views", "week", "2026-03-30", (False, "thresholded", "measured", None)),  # read from 1 April on
        ("page_views", "month", "2026-05-01", (False, "provisional", "measured", None)),  # a failed answer says nothing
        ("page_views", "month", "2026-03-01", (False, "no_data", "measured", None)),
        ("search_clicks", "week", "2026-04-27", (True, "", "measured", None)),
        ("search_clicks", "week", "2026-05-04", (False, "provisional", "measured", None)),  # final until 6 May
        ("hidden_click_share", "week", "2026-04-27", (True, "", "measured", None)),
        ("hidden_click_share", "week", "2026-05-04", (False, "provisional", "measured", None)),
        ("read_through_rate", "month", "2026-04-01", (True, "method:scrolled_90", "measured", None)),
        ("deal_rate", "month", "2026-04-01", (False, "immature", "measured", None)),
        ("win_rate", "week", "2026-04-27", (True, "no_denominator", "measured", None)),
        ("social_followers", "month", "2026-04-01", (False, "", "not_measurable", "no exports.social_followers")),
        ("ltv", "month", "2026-04-01", (False, "", "not_measurable", "no exports.orders.cost")),
    ],
)
def test_a_kpi_says_how_far_it_can_be_trusted(
    built: Any, name: str, grain: str, start: str, expected: tuple[bool, str, str, str | None]
) -> None:
    assert kpi(built, name, grain, start, "is_complete, flags, status, reason") == expected


def test_a_rate_carries_wilsons_interval(built: Any) -> None:
    low, high = kpi(built, "win_rate", "month", "2026-04-01", "ci_low, ci_high")
    assert (round(low, 6), round(high, 6)) == (0.118285, 0.317818)  # DOMAIN: 12 of 60


def test_every_kpi_has_every_period_from_the_first_day_with_data(built: Any) -> None:
    # From 1 April 2025 (contracts) to 10 May 2026: 58 weeks, 14 months, 5 quarters.
    assert built.rows(f"select kpi, count(*) from ({ALL}) group by kpi having count(*) <> 58 + 14 + 5") == []
    assert built.rows(f"select count(distinct kpi) from ({ALL})") == [(26,)]
    assert built.rows(f"select kpi from ({ALL}) except select kpi from marts.kpis") == []


def test_value_is_numerator_over_denominator(built: Any) -> None:
    wrong = f"""
        select * from ({ALL})
        where value is distinct from numerator / case denominator when 0 then null else coalesce(denominator, 1) end
    """
    assert built.rows(wrong) == []


def test_the_scorecard_joins_actuals_to_targets(built: Any) -> None:
    assert built.rows("""
        select kpi, grain, period_start::varchar, actual, target, gap, attainment, last_year, status, is_kgi
        from marts.scorecard where target is not null order by kpi, period_start
    """) == [
        ("deals", "month", "2026-04-01", 60, 50, 10, 1.2, 3, "achieved", False),
        ("deals", "month", "2026-05-01", 0, 60, -60, 0, 0, "on_the_way", False),
        ("deals", "month", "2026-06-01", None, 60, None, None, 0, "upcoming", False),
        ("mqls", "month", "2026-04-01", 1, 84, -83, 1 / 84, None, "missed", False),
        ("mqls", "month", "2026-05-01", 0, 72, -72, 0, None, "on_the_way", False),
        ("mqls", "month", "2026-06-01", None, 88, None, None, None, "upcoming", False),
        ("orders", "quarter", "2026-01-01", 0, 30, -30, 0, None, "missed", True),
        ("orders", "quarter", "2026-04-01", 12, 30, -18, 0.4, 0, "on_the_way", True),
        ("orders", "quarter", "2026-07-01", None, 30, None, None, 0, "upcoming", True),
        ("page_views", "month", "2026-05-01", 150, 540, -390, 150 / 540, None, "on_the_way", False),
    ]
    # Upcoming and with a target: deals, mqls and page views of June, orders from July on.
    assert built.rows("select count(*) from marts.scorecard") == [((58 + 14 + 5) * 26 + 4,)]


def test_the_scorecard_shows_what_is_required_what_has_passed_and_where_it_will_land(built: Any) -> None:
    assert built.rows("""
        select kpi, grain, period_start::varchar, required, standard_pace, projected, projected_low, projected_high,
            landing_verdict
        from marts.scorecard where required is not null or projected is not null order by kpi, grain, period_start
    """) == [
        ("deals", "month", "2026-04-01", 42, 1, None, None, None, None),
        ("deals", "month", "2026-05-01", 36, 3 / 18, None, None, None, None),  # 1, 7 and 8 May
        ("deals", "month", "2026-06-01", 44, 0, None, None, None, None),
        ("deals", "quarter", "2026-04-01", 122, 24 / 61, None, None, None, None),
        ("deals", "week", "2026-05-04", 4, 1, None, None, None, None),
        ("mqls", "month", "2026-04-01", 84, 1, None, None, None, None),
        ("mqls", "month", "2026-05-01", 72, 3 / 18, None, None, None, None),
        ("mqls", "month", "2026-06-01", 88, 0, None, None, None, None),
        ("mqls", "quarter", "2026-04-01", 244, 24 / 61, None, None, None, None),
        ("orders", "quarter", "2026-04-01", 30, 24 / 61, 20, 15, 26, "ok"),
        ("page_views", "month", "2026-05-01", None, 3 / 18, 465, 450, 480, "weak"),
    ]


def test_a_period_is_judged_by_the_plan_that_was_in_force_on_its_last_day(built: Any) -> None:
    # The plan of 10 April wanted 50 deals and 24 orders, that of 4 May 60 and 30; of January nobody had said anything.
    assert built.rows("""
        select kpi, period_start::varchar, target, plan_from::varchar
        from marts.targets where kind = 'number' order by kpi, period_start
    """) == [
        ("deals", "2026-04-01", 50, "2026-04-10"),
        ("deals", "2026-05-01", 60, "2026-05-04"),
        ("deals", "2026-06-01", 60, "2026-05-04"),
        ("orders", "2026-01-01", 30, "2026-05-04"),
        ("orders", "2026-04-01", 30, "2026-05-04"),
        ("orders", "2026-07-01", 30, "2026-05-04"),
    ]


def test_a_change_is_a_number_once_the_period_before_is_complete(built: Any) -> None:
    # March was not measured, April held 450 page views, May still runs.
    assert built.rows("""
        select period_start::varchar, target from marts.targets where kind = 'change' order by period_start
    """) == [("2026-04-01", None), ("2026-05-01", 540), ("2026-06-01", None)]


def test_a_target_from_the_kgi_is_what_the_goal_requires(built: Any) -> None:
    assert built.rows("""
        select kpi, period_start::varchar, target from marts.targets where kind = 'from_kgi' order by period_start
    """) == [("mqls", "2026-04-01", 84), ("mqls", "2026-05-01", 72), ("mqls", "2026-06-01", 88)]


def test_what_a_stage_must_still_bring_is_said_of_the_goals_own_period(built: Any) -> None:
    assert built.rows("""
        select kpi, grain, period_start::varchar, kgi, leads_to, required, is_goal_period, extra, remaining_verdict
        from marts.required order by place, grain, period_start
    """) == [
        ("orders", "quarter", "2026-04-01", "orders", None, 30, True, None, None),
        ("deals", "month", "2026-04-01", "orders", "orders", 42, False, None, None),
        ("deals", "month", "2026-05-01", "orders", "orders", 36, False, None, None),
        ("deals", "month", "2026-06-01", "orders", "orders", 44, False, None, None),
        ("deals", "quarter", "2026-04-01", "orders", "orders", 122, True, 96, "ok"),
        ("deals", "week", "2026-05-04", "orders", "orders", 4, False, None, None),
        ("mqls", "month", "2026-04-01", "orders", "deals", 84, False, None, None),
        ("mqls", "month", "2026-05-01", "orders", "deals", 72, False, None, None),
        ("mqls", "month", "2026-06-01", "orders", "deals", 88, False, None, None),
        ("mqls", "quarter", "2026-04-01", "orders", "deals", 244, True, None, "too_late"),
    ]


def test_the_newest_forecast_stands_beside_how_good_they_were(built: Any) -> None:
    assert built.rows("""
        select period_start::varchar, as_of::varchar, chance, outcome, is_reached, forecasts, brier
        from marts.attainment order by period_start
    """) == [
        # (0.5² + 0.25²) / 2; on the last day there was nothing left to foretell.
        ("2026-01-01", "2026-03-31", 0, 0, False, 3, 0.15625),
        ("2026-04-01", "2026-05-10", 0.0625, None, None, 2, None),
        ("2026-07-01", "2026-05-10", 0.25, None, None, 1, None),
    ]


def test_every_version_of_the_plan_stays_readable(built: Any) -> None:
    assert built.rows("""
        select version, valid_from::varchar, valid_to::varchar, is_current from marts.plan_versions order by version
    """) == [(1, "2026-04-10", "2026-05-03", False), (2, "2026-05-04", None, True)]
    assert built.rows("""
        select version, count(*), count(*) filter (is_current) from marts.plan_targets group by version order by version
    """) == [(1, 4, 0), (2, 5, 5)]
    assert built.rows("""
        select version, section, entry, attribute, value from marts.plan_agreements order by all
    """) == [
        (1, "focus", "0", "key_kpi", "mqls"),
        (2, "focus", "0", "key_kpi", "deals"),
        (2, "personas", "maker", "industry", "製造"),
        (2, "reviews", "month", "day", "business day 3"),
    ]


def test_smart_checks_name_the_targets_of_the_newest_plan(built: Any) -> None:
    assert built.rows("""
        select entry, kpi, kind, level, is_specific, is_achievable, verdict from marts.smart_checks order by entry
    """) == [
        (0, "orders", "number", 30, True, False, "stretch"),
        (4, "users", "wish", None, False, None, "vague"),
    ]


@pytest.mark.parametrize("table", ["drivers", "funnel", "funnel_cohorts"])
def test_what_the_analysis_found_is_shown_as_it_is(built: Any, table: str) -> None:
    both = f"from marts.{table} union by name from analysis.{table}"  # without repeats
    counts = built.rows(f"""
        select (select count(*) from marts.{table}), (select count(*) from analysis.{table}), count(*) from ({both})
    """)
    assert counts == [(1, 1, 1)]


def test_an_article_shows_what_became_of_its_contacts(built: Any) -> None:
    assert built.rows("""
        select host, path, period_start::varchar, page_views, users, read_through_rate, landing_sessions, search_clicks,
            discover_clicks, leads, mqls, deals, orders, order_value, is_complete
        from marts.articles order by period_start
    """) == [
        ("www.example.com", "/articles/a", "2026-04-01", 90, 40, 0.25, 0, 1, 90, 1, 1, 1, 1, 1_000_000.25, True),
        ("www.example.com", "/articles/a", "2026-05-01", 30, 0, None, 0, 0, None, 0, 0, 0, 0, 0, False),
    ]


def test_an_article_is_called_by_what_its_page_says(built: Any) -> None:
    title = "<script>alert(1)</script> & 請求書"  # as the page has it: whoever shows it escapes it
    assert built.rows("select distinct path, title from marts.articles") == [("/articles/a", title)]
    assert built.rows("select title, leads, rate, action from marts.article_rates") == [
        (title, 1, None, "cannot_tell")
    ]


def test_the_definitions_stand_in_the_database(built: Any) -> None:
    assert built.rows("select table_name from duckdb_tables() where schema_name = 'marts' and comment is null") == []
    undescribed = "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and comment is null"
    assert built.rows(undescribed) == []


def test_no_column_holds_a_type_that_spark_does_not_know(built: Any) -> None:
    assert built.rows("select table_name, column_name from duckdb_columns() where data_type = 'HUGEINT'") == []


def test_each_connected_table_says_how_far_it_has_come(built: Any) -> None:
    assert built.rows("""
        select source, table_name, last_on::varchar, settled_to::varchar, days_behind, freshness, row_count,
            rows_rejected, flags, requests
        from marts.source_health order by source
    """) == [
        ("clarity", "clarity_page_days", "2026-05-08", "2026-05-08", 2, "late", 1, None, "", None),
        # Written on 3 May in Japan, and of the days before: of 3 to 10 May it knows nothing for sure.
        ("exports", "exports_deals", None, None, 8, "late", 63, 1, "", 1),
        ("ga4", "ga4_site_days", "2026-05-10", "2026-05-07", 0, "fresh", 80, None, "thresholded", 1),
        ("notes", "notes", None, None, None, "never", None, None, "", None),
    ]
    assert built.rows("select source, quota, remaining from marts.quotas") == [("ga4", "tokens_per_day", 199_000)]


def test_a_kpi_explains_its_numbers(built: Any) -> None:
    assert built.rows("""
        select kpi, numerator_ja, denominator_en, sources, data_to::varchar, settled_to::varchar, owner
        from marts.kpis where kpi in ('deals', 'ltv', 'page_views', 'search_position', 'win_rate') order by kpi
    """) == [
        ("deals", "商談", None, "exports_deals", "2026-05-10", "2026-05-10", "sales"),
        ("ltv", "粗利の累計", "accounts that ordered", "", None, None, None),
        ("page_views", "ページビュー", None, "ga4_site_days", "2026-05-10", "2026-05-07", None),
        ("search_position", "掲載順位×表示回数", "search impressions", "", "2026-05-08", "2026-05-06", None),
        ("win_rate", "受注", "won and lost deals", "exports_deals", "2026-05-10", "2026-05-10", None),
    ]


def test_a_note_is_shown_with_its_last_day(built: Any) -> None:
    assert built.rows("select note, start_on::varchar, end_on::varchar, tag, text from marts.notes") == [
        (1, "2026-04-29", "2026-05-06", "other", "Golden Week")
    ]


def test_scroll_depth_stands_beside_read_through_weighted_by_sessions(built: Any) -> None:
    found = built.rows("select scroll_depth, read_through_rate from marts.articles where period_start = '2026-04-01'")
    assert found == [((10 * 30 + 30 * 50) / 40, 0.25)]
