"""What `gyakusan plan` prints, where the demo's own nights do not lead: edges and what follows from the stages."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from board.advice import advice
from connectors.errors import SourceError
from pipelines.plan import report
from pipelines.plan.report import Report
from pipelines.plan.whatif import parse


def row(kpi: str, leads_to: str | None, verdict: str | None = None, **others: Any) -> dict[str, Any]:
    return {
        "kpi": kpi, "label_ja": kpi.upper(), "label_en": kpi, "unit": "count", "place": 0, "leads_to": leads_to,
        "method": leads_to and "aalen_johansen", "period_start": date(2026, 4, 1), "period_end": date(2026, 6, 30),
        "required": 10.0, "required_probable": 12.0, "confidence": 0.8, "actual": 4, "gap": -6.0, "due": 5.0,
        "standard_pace": 0.5, "projected": 8.0, "projected_low": 6.0, "projected_high": 11.0, "rate": leads_to and 0.25,
        "rate_low": 0.2, "rate_high": 0.3, "n": 80, "horizon_days": 60, "lag_q50_days": 20, "lag_q90_days": 50,
        "verdict": "ok", "known_on": date(2026, 3, 31), "from_pipeline": 2.0, "extra": 4.0, "extra_per_week": 0.6,
        "coin_flip_on": date(2026, 6, 10), "last_useful_on": date(2026, 5, 11), "remaining_verdict": verdict, **others,
    }  # fmt: skip


def plan(*rows: dict[str, Any], **attainment: Any) -> Report:
    found = {
        "grain": "quarter", "verdict": "ok", "reason": None, "chance": 0.42, "won": 4.0, "p10": 6.0, "p50": 8.0,
        "p90": 11.0, **attainment,
    }  # fmt: skip
    return Report("Acme", date(2026, 5, 15), "en", found, rows, [], [])


def page(of: Report) -> str:
    printed = io.StringIO()
    report.show(of, Console(width=160, file=printed))
    return printed.getvalue()


def test_the_tree_is_drawn_from_the_goal_down() -> None:
    tree = [row("orders", None), row("deals", "orders"), row("users", "deals"), row("inquiries", "deals")]
    drawn = [prefix + found["kpi"] for found, prefix in report.branches(tree)]
    assert drawn == ["orders", "└ deals", "  ├ users", "  └ inquiries"]


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (("ok", "ok", "ok"), "Every stage can still do it."),
        (("covered", "covered", "covered"), "What is open is expected to be enough."),
        (
            ("ok", "ok", "too_late"),
            "More mqls cannot reach this period any more: add deals, or count on the next period.",
        ),
        (("ok", "out_of_reach", "too_late"), "No stage can reach this period any more: raise the rates"),
    ],
)
def test_what_follows_from_the_stages(verdicts: tuple[str, ...], sentence: str) -> None:
    orders, deals, mqls = verdicts
    found = plan(row("orders", None, orders), row("deals", "orders", deals), row("mqls", "deals", mqls))
    assert advice(found.tree).en.startswith(sentence)
    assert sentence in page(found)


def test_a_stage_that_cannot_do_it_is_given_no_number() -> None:
    found = page(plan(row("orders", None, "ok"), row("deals", "orders", "too_late", extra_per_week=987.6)))
    assert "987" not in found
    assert "too late through this stage" in found


def test_too_little_data_is_said_and_no_chance_given() -> None:
    nothing = {"verdict": "insufficient_data", "reason": "short_history", "chance": None, "p50": None}
    unknown = row(
        "deals", "orders", rate=None, required=None, required_probable=None, projected=None, lag_q50_days=None
    )
    found = page(plan(row("orders", None), unknown, **nothing))
    assert "cannot tell (too little data): the history is too short" in found
    assert "chance" not in found
    assert "nan" not in found.lower()
    assert "None" not in found


def test_marts_that_are_not_there_and_periods_that_are_none(tmp_path: Path) -> None:
    marts = tmp_path / "marts.duckdb"
    with pytest.raises(SourceError, match="no marts have been published yet"):
        report.read(marts, "Acme", "en", None)
    with duckdb.connect(str(marts)) as con:  # as a version that knew no plan left it
        con.execute("create table publication as select date '2026-05-15' as as_of")
    with pytest.raises(SourceError, match="was published by an earlier version\\n  -> run: gyakusan nightly"):
        report.read(marts, "Acme", "en", None)
    periods = [(date(2026, 1, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2026, 6, 30))]
    assert report._chosen(periods, None, date(2026, 5, 15)) == date(2026, 4, 1)
    assert report._chosen(periods, None, date(2026, 8, 1)) == date(2026, 4, 1)
    assert report._chosen(periods, date(2026, 2, 1), date(2026, 5, 15)) == date(2026, 1, 1)
    with pytest.raises(SourceError, match="give a day from 2026-01-01 to 2026-06-30"):
        report._chosen(periods, date(2027, 1, 1), date(2026, 5, 15))
    with pytest.raises(SourceError, match="set start and end"):
        report._chosen([], None, date(2026, 5, 15))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["deal_rate=0.3"], {"deal_rate": 0.3}),
        (["deal_rate = 30%", "leads=1,200"], {"deal_rate": 0.3, "leads": 1200.0}),
    ],
)
def test_changes_as_a_person_writes_them(settings: list[str], expected: dict[str, float]) -> None:
    assert parse(settings) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["deal_rate", "deal_rate=", "deal_rate=a", "deal_rate=-1", "=0.3x", "leads=inf"])
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="is not a change"):
        parse([text])
