"""Whole nights on the demo world: every KPI is what the world knows, whatever happens on the way."""

import io
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from pptx import Presentation
from rich.console import Console

from connectors.errors import SourceError
from demo import company_copy, simulate, site, write_exports
from demo.truth import first_entries, truth
from demo.world import day_number
from pipelines import night, pack, publish
from pipelines.company import load_company
from pipelines.plan import report as plan_report
from pipelines.plan import whatif
from tests.board import packs
from tests.conftest import AS_OF, NEXT, Town

pytestmark = pytest.mark.timeout(600)

START = date(2026, 1, 1)
"""From here on the web is read; what the exports tell reaches back further."""
KNOWN_TO_BOTH = "2025-07-07"
"""A month later the world begins a month later: the marts know more."""
STAGES = ("awareness", "engagement", "conversion", "retention")
OF_EXPORTS = ("newsletter_signups", "social_followers")


def rows(marts: Path) -> pd.DataFrame:
    with duckdb.connect(str(marts), read_only=True) as con:
        return con.execute(" union all ".join(f"from {stage}" for stage in STAGES)).df()


def stage_of_kpis(marts: Path) -> dict[str, str]:
    """The stage of each KPI."""
    with duckdb.connect(str(marts), read_only=True) as con:
        return dict(con.execute("select kpi, stage from kpis").fetchall())


def assert_equals_truth(marts: Path, as_of: date, since: str = "2000-01-01") -> None:
    """Every value that the world knows is in the marts to nine digits: of the exports for periods from ``since`` on,
    of the web from START on."""
    known = truth(simulate(as_of), fiscal_year_start=4).dropna(subset="value")
    for frame in (measured := rows(marts), known):
        frame["period_start"] = pd.to_datetime(frame["period_start"])
    stages = stage_of_kpis(marts)
    is_web = known["kpi"].map(stages).isin(["awareness", "engagement"]) & ~known["kpi"].isin(OF_EXPORTS)
    begins = is_web.map({True: pd.Timestamp(START), False: pd.Timestamp(since)})
    known = known[known["period_start"] >= begins]
    both = known.merge(measured, on=["kpi", "grain", "period_start"], how="left", suffixes=("_known", "_measured"))
    assert set(known["kpi"]) == set(measured["kpi"])
    for column in ("value", "numerator", "denominator"):
        expected, found = both[f"{column}_known"], both[f"{column}_measured"]
        wrong = both[expected.notna() & ~((found - expected).abs() <= 1e-9 * expected.abs())]
        assert wrong.empty, wrong[["kpi", "grain", "period_start", f"{column}_known", f"{column}_measured"]].to_string()


def test_every_kpi_is_what_the_world_knows_at_week_month_and_quarter(first: Town) -> None:
    first.back()
    assert_equals_truth(first.marts, AS_OF)


def test_articles_bring_what_the_world_knows_and_the_two_odd_ones_are_told_apart(first: Town) -> None:
    first.back()
    world = simulate(AS_OF)
    begin, end = (np.datetime64(day).astype(np.int64) for day in ("2026-01-01", "2026-09-30"))
    visits, of = world.visits, world.business
    received = visits[(visits["arrived"] <= day_number(AS_OF)) & visits["day"].between(begin, end)]
    valid = of.form_submissions[of.form_submissions["invalid_reason"] == ""]
    sent = valid.sort_values(["submitted_at", "submission_id"]).groupby("contact_id")["page"].first()
    landed = of.contacts.set_index("contact_id")["landing"]
    page = sent.reindex(landed.index).fillna(-1).astype(int)
    page = page.where(page >= site.FIRST_ARTICLE, landed)  # a form off the articles says nothing of them
    became = first_entries(world, "lead")
    leads = page.reindex(became[became.between(begin, end)].index)
    known = pd.DataFrame({"sessions": received["landing"].value_counts(), "leads": leads.value_counts()}).fillna(0)
    known = known[known.index >= site.FIRST_ARTICLE]
    known.index = pd.Index([site.site().paths[page] for page in known.index])
    titles = dict(zip(site.site().paths, site.site().page_titles, strict=True))
    assert titles[site.SCRIPTED] == site.SCRIPTED_TITLE
    with duckdb.connect(str(first.marts), read_only=True) as con:
        found = con.execute("select * from article_rates").df().set_index("path")
        line = con.execute(
            "select required / projected from scorecard"
            " where kpi = 'leads' and grain = 'quarter' and period_start = '2026-10-01'"
        ).fetchone()
    assert (found["from_on"].min().date(), found["to_on"].max().date()) == (START, date(2026, 9, 30))
    assert set(known.index) <= set(found.index)  # some were read and never landed on
    known = known.reindex(found.index, fill_value=0)
    assert found["landing_sessions"].tolist() == known["sessions"].tolist()
    assert found["leads"].tolist() == known["leads"].tolist()
    common = known["leads"].sum() / known["sessions"].sum()
    assert found["common_rate"].to_numpy() == pytest.approx(common)
    assert line is not None
    assert found["line"].to_numpy() == pytest.approx(common * line[0])
    assert found["title"].to_dict() == {path: title for path, title in titles.items() if path in found.index}
    odd = found.loc[[site.PV_HEAVY, site.QUIET_EARNER]]
    assert odd["action"].tolist() == ["improve_cta", "attract"]
    # Nobody may be called more persuasive than asked who is not even so than the mean, and few the opposite.
    persuasion = pd.Series(site.site().persuasion, site.site().paths[site.FIRST_ARTICLE :])
    above, below = (
        persuasion[found.index[found["action"].isin(some)]]
        for some in (["grow", "attract"], ["improve_cta", "merge_or_stop"])
    )
    assert len(above) >= 5
    assert above.min() > 1
    assert (below < above.min()).mean() > 0.9


def test_each_source_tells_how_fresh_it_is_and_the_notes_stand_beside_the_numbers(first: Town) -> None:
    first.back()
    with duckdb.connect(str(first.marts), read_only=True) as con:
        tables = con.execute("select source, table_name, asset, freshness from source_health").fetchall()
        ages = con.execute(
            "select table_name, last_on, settled_to, days_behind from source_health where table_name in"
            " ('clarity_page_days', 'ga4_channel_key_events', 'ga4_users', 'search_console_page_days') order by 1"
        ).fetchall()
        contacts = con.execute(
            "select last_on, settled_to, row_count, rows_rejected, rows_set_aside, requests from source_health"
            " where table_name = 'exports_contacts'"
        ).fetchall()
        quotas = {(source, quota): left for source, quota, left, _ in con.execute("from quotas").fetchall()}
        notes = con.execute("select start_on, end_on, tag from notes order by note").fetchall()
        kpis = con.execute(
            "select kpi, sources, data_to, settled_to, owner from kpis where kpi in ('mqls', 'read_through_rate')"
            " order by kpi"
        ).fetchall()
    assert {source for source, *_ in tables} == {"ga4", "search_console", "clarity", "exports", "plan", "notes"}
    assert all((asset, freshness) == (f"raw/{name}", "fresh") for _, name, asset, freshness in tables)
    assert "ga4_client_days" not in {name for _, name, *_ in tables}, "no client id is named in company.yml"

    def before(days: int) -> date:
        return AS_OF - timedelta(days=days)

    assert ages == [
        ("clarity_page_days", AS_OF, AS_OF, 0),
        ("ga4_channel_key_events", AS_OF, before(14), 0),
        ("ga4_users", AS_OF, before(3), 0),
        # The demo's Search Console lacks the last day, and calls the two before it not final.
        ("search_console_page_days", before(1), before(3), 1),
    ]
    assert kpis == [
        ("mqls", "exports_contacts,exports_stage_changes", AS_OF, AS_OF, "マーケティング部"),
        ("read_through_rate", "ga4_article_users", AS_OF, before(3), "編集チーム"),
    ]
    assert contacts == [(None, None, len(simulate(AS_OF).business.contacts), 0, 0, 1)]
    assert 0 < quotas["ga4", "tokens_per_day"] < 200_000
    assert {source for source, _ in quotas} == {"ga4"}
    assert notes == [
        (date(2025, 11, 4), date(2025, 11, 4), "site"),
        (date(2026, 2, 2), date(2026, 2, 27), "campaign"),
        (date(2026, 4, 1), date(2026, 4, 1), "measurement"),
        (date(2026, 8, 19), date(2026, 8, 20), "outage"),
    ]


def test_read_through_is_by_the_end_of_the_article_where_the_company_sends_that_event(
    first: Town, tmp_path: Path
) -> None:
    world = simulate(AS_OF)
    first.demo.show(world)
    folder = company_copy(tmp_path / "company", first.demo.ga4_grpc, first.demo.http, world)
    settings = (folder / "company.yml").read_text(encoding="utf-8")
    settings = re.sub(r"start: 2025-04-01", "start: 2026-08-01", settings)
    settings = settings.replace("    events:  ", "    client_id: customEvent:client_id\n    events:  ")
    settings = settings.replace("one_minute: engaged_60s", "one_minute: engaged_60s\n      end_of_article: article_end")
    (folder / "company.yml").write_text(settings, encoding="utf-8")
    assert night.run(load_company(folder), AS_OF, AS_OF).problems == []
    known = truth(world, 4, read_through="end_of_article").query(
        "kpi == 'read_through_rate' and period_start >= '2026-08'"
    )
    with duckdb.connect(str(folder / ".gyakusan" / "marts.duckdb"), read_only=True) as con:
        found = con.execute(
            "select grain, period_start, value, flags from engagement"
            " where kpi = 'read_through_rate' and value is not null"
        ).df()
        articles = con.execute("select distinct read_through_method from articles where users > 0").fetchall()
    both = known.merge(found, on=["grain", "period_start"], how="left")
    assert len(both) >= 13 + 3 + 1
    assert both["value_y"].tolist() == pytest.approx(both["value_x"].tolist(), rel=1e-9)
    assert all("method:end_of_article" in flags and "other_method" not in flags for flags in both["flags"])
    assert articles == [("end_of_article",)]


def test_the_meeting_pack_shows_what_the_marts_hold(first: Town, tmp_path: Path) -> None:
    first.back()
    workbook, slides = pack.write(load_company(first.folder), None, tmp_path, True, "en")
    assert workbook.name == "2026-10.xlsx"
    sheets = packs.sheets(workbook.read_bytes())
    with duckdb.connect(str(first.marts), read_only=True) as con:
        scores = con.execute(
            "select kpis.unit, actual, target, attainment, previous from kpis"
            " left join scorecard on kpis.kpi = scorecard.kpi and grain = 'month' and period_start = '2026-10-01'"
            " order by sort_order"
        ).fetchall()
        kgi = con.execute(
            "select actual, target, attainment from scorecard where is_kgi and period_start <= '2026-10-31'"
            " order by period_start"
        ).fetchall()
        articles = con.execute(
            "select path, leads, page_views, order_value from articles where period_start = '2026-10-01'"
            " order by leads desc nulls last, page_views desc nulls last, path"
        ).fetchall()
        rates = con.execute(
            "select rate, naive_rate_of_closed from funnel where segment = 'all' order by n desc"
        ).fetchall()
        measured = con.execute(
            "select count(*) from scorecard where grain = 'month'"
            " and period_start between '2025-10-01' and '2026-10-01'"
        ).fetchone()

    def same(found: object, known: float | None) -> None:
        assert found == ("" if known is None else pytest.approx(known, rel=1e-12))

    (scorecard,) = packs.tables([row[1:] for row in sheets["Scorecard"]], "KPI")
    assert len(scorecard) == len(scores) == 26
    for shown, (_, actual, target, attainment, previous) in zip(scorecard, scores, strict=True):
        for head, known in (
            ("Actual", actual),
            ("Target", target),
            ("Attainment", attainment),
            ("Month before", previous),
        ):
            same(shown[head], known)
    goals = packs.tables(sheets["Summary"], "KPI")[0]
    for shown, (actual, target, attainment) in zip(goals, kgi[-8:], strict=True):
        for head, known in (("Actual", actual), ("Target", target), ("Attainment", attainment)):
            same(shown[head], known)
    (listed,) = packs.tables(sheets["Articles"], "Article")
    assert [(row["Article"], row["Leads"], row["Page views"]) for row in listed] == [row[:3] for row in articles]
    assert len(packs.tables(sheets["Rows"], "KPI")[0]) == (measured or [0])[0]
    between = packs.tables(sheets["Funnel"], "Transition")[0]
    for shown, (rate, closed) in zip(between, rates, strict=True):
        same(shown["Rate"], rate)
        same(shown["Naive:\nmoved/closed"], closed)
    deck = list(Presentation(str(slides)).slides)
    assert len(deck) == 8
    drawn = next(shape.chart for shape in deck[1].shapes if shape.has_chart).plots[0].series[0].values
    assert list(drawn) == [actual for actual, _, _ in kgi[-8:]]
    if packs.SOFFICE:
        computed = packs.recalculated(workbook.read_bytes(), tmp_path)
        assert packs.errors(computed) == []
        again = packs.sheets(computed)
        (scorecard,) = packs.tables([row[1:] for row in again["Scorecard"]], "KPI")
        for shown, (*_, attainment, _) in zip(scorecard, scores, strict=True):
            same(shown["Attainment"], attainment)
        total = next(row for row in again["Articles"] if row[0] == "Total (rows shown)")
        heads = next(row for row in again["Articles"] if row[0] == "Article")
        assert total[heads.index("Leads")] == sum(leads or 0 for _, leads, _, _ in articles)


def test_the_next_night_reads_what_is_new_in_few_requests_and_once_more_changes_no_row(town: Town) -> None:
    assert town.night(NEXT).problems == []
    assert_equals_truth(town.marts, NEXT, KNOWN_TO_BOTH)
    asked = Counter(request.api for request in town.demo.requests)
    assert asked["ga4"] <= 4
    assert asked["clarity"] == 1
    # "2026-10-30..2026-10-30 page web": the pulls of one day
    pulls = [request.what.split() for request in town.demo.requests if request.api == "search_console"]
    by_date = [span for span, dimensions, _ in pulls if dimensions == "date"]
    of_web = Counter(span for span, dimensions, kind in pulls if dimensions != "date" and kind == "web")
    of_others = Counter((span, kind) for span, dimensions, kind in pulls if dimensions != "date" and kind != "web")
    # By date each of the six types once a month read (the restated days lie on both sides of a month's end); three
    # kinds of rows of each day of web; pages alone of another type, on the days on which it has any.
    assert len(by_date) == 6 * 2
    assert 1 <= len(of_web) <= 4
    assert set(of_web.values()) == {3}
    assert set(of_others.values()) <= {1}
    assert {kind for _, kind in of_others} <= {"image", "discover"}
    once = publish.fingerprints(town.marts)
    assert town.night(NEXT).problems == []
    assert publish.fingerprints(town.marts) == once


def test_nights_that_were_missed_are_caught_up(first: Town) -> None:
    first.back()
    later = AS_OF + timedelta(days=9)
    world = simulate(later)
    first.demo.show(world)
    write_exports(world, first.folder / "exports")
    assert first.night(later).problems == []
    assert_equals_truth(first.marts, later, KNOWN_TO_BOTH)


def test_a_backfill_reads_a_span_again_and_takes_nothing_back(town: Town) -> None:
    assert town.night(NEXT).problems == []
    once = publish.fingerprints(town.marts)
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        con.execute("delete from raw.ga4_site_days where date_on between '2026-08-03' and '2026-08-09'")
    span = ["--from", "2026-08-03", "--to", "2026-08-09"]
    command = [sys.executable, "-m", "pipelines.cli", "backfill", *span, "--company", str(town.folder)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    # One quarter is asked for; its weeks, months and quarter are read whole.
    assert re.search(
        r"GA4: 7 days \(2026-08-03..2026-08-09\), quarter by quarter \(1\), 4 requests, about \d+ tokens", done.stderr
    )
    assert re.search(r"GA4: 7 of 7 days, to 2026-08-09: [\d,]+ rows, \d+ tokens \([\d,]+ are left today\)", done.stderr)
    assert publish.fingerprints(town.marts) == once
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        ledger = con.execute("select first_on, last_on, done_at > begun_at from raw.backfills").fetchall()
    assert ledger == [(date(2026, 8, 3), date(2026, 8, 9), True)]


def test_the_plan_says_what_the_marts_say(first: Town) -> None:
    first.back()
    report = plan_report.read(first.marts, "Demo", "ja", None)
    assert [row["kpi"] for row in report.tree][:4] == ["orders", "deals", "mqls", "leads"]
    by_kpi = {row["kpi"]: row for row in report.tree}
    # Down the tree, each is what the next one requires over the rate between them.
    for row in report.tree[1:]:
        assert row["required"] == pytest.approx(by_kpi[row["leads_to"]]["required"] / row["rate"])
    known = truth(simulate(AS_OF), fiscal_year_start=4).query("grain == 'quarter' and period_start == '2026-10-01'")
    for kpi, value in zip(known["kpi"], known["value"], strict=True):
        if kpi in by_kpi:
            assert by_kpi[kpi]["actual"] == pytest.approx(value)
    assert report.attainment["won"] == by_kpi["orders"]["actual"]
    assert report.attainment["p10"] <= report.attainment["p50"] <= report.attainment["p90"]
    assert by_kpi["orders"]["projected"] == report.attainment["p50"], "one landing, wherever it is shown"
    # Four quarters were over before the first night: two forecasts of each, scored by what came.
    with duckdb.connect(str(first.marts), read_only=True) as con:
        scored = con.execute(
            "select period_start, forecasts, brier between 0 and 1 from attainment where brier is not null order by 1"
        ).fetchall()
        within = con.execute(
            "select count(*) filter (outcome between p10 and p90), count(*) from forecasts where is_hindcast"
        ).fetchone()
    assert scored == [
        (start, 2, True) for start in (date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1))
    ]
    assert within is not None
    assert within[1] == 8
    assert within[0] >= 5, "80 % intervals of a world without surprises"
    pages = {}
    for locale in ("ja", "en"):
        page = io.StringIO()
        plan_report.show(replace(report, locale=locale), Console(width=160, file=page))
        pages[locale] = page.getvalue()
    assert "受注数" in pages["ja"]
    assert "達成確率" in pages["ja"]
    assert "Orders" in pages["en"]
    assert "What buys most" in pages["en"]
    assert json.loads(plan_report.as_json(report))["tree"][0]["required"] == 30


def test_a_warehouse_of_an_earlier_version_and_a_changed_plan_are_taken_over(town: Town) -> None:
    """A seed, a model and a raw table that had fewer columns then; periods that are over keep the plan they had."""
    with duckdb.connect(str(town.folder / ".gyakusan" / "warehouse.duckdb")) as con:
        con.execute("alter table staging.kpi_catalogue drop column definition_ja")
        con.execute("alter table marts.scorecard drop column last_year")
        con.execute("alter table raw.exports_deals drop column kind")
        con.execute("delete from analysis.required_periods")  # as a kill between two loads of the first night left it
    plan = town.folder / "plan.yml"
    kept = plan.read_text(encoding="utf-8")
    try:
        changed = kept.replace("  target: 30\n", "  target: 24\n").replace("target: 90,", "target: 100,")
        plan.write_text(changed, encoding="utf-8")
        assert town.night(NEXT).problems == []
    finally:
        plan.write_text(kept, encoding="utf-8")
    assert_equals_truth(town.marts, NEXT, KNOWN_TO_BOTH)
    with duckdb.connect(str(town.marts), read_only=True) as con:
        versions = con.execute(
            "select version, valid_from, valid_to, is_current from plan_versions order by 1"
        ).fetchall()
        targets = con.execute(
            "select kpi, period_start, target from targets where kpi = 'orders' and period_start >= '2026-07-01'"
            " or kpi = 'mqls' and period_start between '2026-10-01' and '2026-11-01' order by 1, 2"
        ).fetchall()
        made_again = con.execute("select count(distinct goal_start) from required where goal_end < '2026-10-01'")
        assert made_again.fetchone() == (6,)  # the quarters from April 2025 on
        old = con.execute("select target from plan_targets where version = 1 and is_kgi").fetchall()
        forecasts = con.execute(
            "select as_of, target from forecasts where not is_hindcast order by as_of, period_start"
        )
        assert [target for day, target in forecasts.fetchall()] == [30, 30, 24, 24]
    assert versions == [(1, AS_OF, AS_OF, False), (2, NEXT, None, True)]
    assert targets == [
        ("mqls", date(2026, 10, 1), 90),  # over under the first version
        ("mqls", date(2026, 11, 1), 100),
        ("orders", date(2026, 7, 1), 24),  # over before there was any: by the newest
        ("orders", date(2026, 10, 1), 24),  # running
        ("orders", date(2027, 1, 1), 24),
    ]
    assert old == [(30,)]


def test_what_if_is_asked_on_the_command_line(first: Town) -> None:
    first.back()
    command = [sys.executable, "-m", "pipelines.cli", "plan", "--company", str(first.folder), "--json"]
    asked = [*command, "--set", "win_rate=60%", "--period", "2027-02-01"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["what_if"]
    assert found["changes"]["win_rate"][1] == 0.6
    assert found["after"]["chance"] > found["before"]["chance"]
    assert found["after"]["required"]["deals"] == pytest.approx(30 / 0.6)
    with pytest.raises(SourceError, match="luck is nothing that can be set"):
        whatif.what_if(load_company(first.folder), date(2027, 1, 1), {"luck": 2.0})


def test_an_analyst_reads_the_definitions_in_the_database(first: Town) -> None:
    first.back()
    with duckdb.connect(str(first.marts), read_only=True) as con:
        assert con.execute("select table_name from duckdb_tables() where comment is null").fetchall() == []
        silent = con.execute(
            "select table_name, column_name from duckdb_columns() where comment is null and not internal"
        ).fetchall()
        assert silent == []
        found = con.execute("select count(*) from marts.scorecard").fetchone()
        assert found is not None
        assert found[0] > 0


def test_no_personal_data_of_the_exports_lands(first: Town) -> None:
    """Names, addresses, telephone numbers and remarks stand in the files; no file of the state holds a byte of them."""
    first.back()
    contacts = (first.folder / "exports" / "contacts.csv").read_text(encoding="utf-8-sig")
    assert "@" in contacts
    canaries = [
        text.encode(code) for text in ("@example.jp", "担当者0", "03-0000-0") for code in ("utf-8", "utf-16-le")
    ]
    assert all(canary.decode() in contacts for canary in canaries[::2])
    for path in (first.folder / ".gyakusan").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [canary for canary in canaries if canary in content], path
