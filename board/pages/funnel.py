"""The funnel: what share of each stage moves on, how sure that is, how long it takes, and what the goal would need."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from board import chart_rows, words
from board.night import Night, Row
from board.page import PAGES, Page, View, choice
from connectors.text import Text

SEGMENTS = {
    "channel": Text("流入元", "Channel"),
    "article_cluster": Text("記事のテーマ", "Article topic"),
    "persona": Text("ペルソナ", "Persona"),
}


def show(view: View) -> Mapping[str, Any]:
    segment = view.asked.get("by")
    steps = view.rows("steps")
    segments = view.rows("segments", segment=segment) if segment else []
    by_step = [(key, list(rows)) for key, rows in groupby(segments, key=lambda row: (row["stage"], row["next_stage"]))]
    cohorts = view.rows("cohorts")
    months = sorted({row["period_start"] for row in cohorts})
    return {
        "steps": steps,
        "headline": headline(view, steps),
        "chart_data": chart_rows.steps(
            steps, [step_name(view, row["stage"], row["next_stage"]) for row in steps], view.formats
        ),
        "shade": _shade,
        "kinds": [row["segment"] for row in view.rows("kinds")],
        "segment_names": SEGMENTS,
        "by": segment,
        "segments": [(key, rows, chart_rows.segments(rows, _whole(steps, key), view.formats)) for key, rows in by_step],
        "months": months,
        "cohorts": {
            step: {row["period_start"]: row for row in rows}
            for step, rows in groupby(cohorts, key=lambda row: (row["stage"], row["next_stage"]))
        },
        "step_name": lambda stage, next_stage: step_name(view, stage, next_stage),
    }


SHORT = Text(
    "いちばん足りないのは{step}。{rate}に対し、目標には{needed}が要る。",
    "The weakest step is {step}: {rate}, where the goal needs {needed}.",
)
ENOUGH = Text("どの段階の率も、目標に足りている。", "Every step's rate is enough for the goal.")
UNKNOWN = Text("リードは受注までどう進んでいるか", "How leads become orders")


def headline(view: View, steps: Sequence[Row]) -> str:
    """What the funnel says: the step whose rate, interval and all, is furthest below what the goal needs."""
    known = [row for row in steps if row["verdict"] != "insufficient_data" and row["needed_rate"] is not None]
    if not known:
        return view.say(UNKNOWN)
    short = [row for row in known if row["ci_high"] < row["needed_rate"]]
    if not short:
        return view.say(ENOUGH)
    worst = max(short, key=lambda row: float(row["needed_rate"] / row["rate"]) if row["rate"] else float("inf"))
    return view.say(SHORT).format(
        step=step_name(view, worst["stage"], worst["next_stage"]),
        rate=view.formats.exact(worst["rate"], "ratio"),
        needed=view.formats.exact(worst["needed_rate"], "ratio"),
    )


def step_name(view: View, stage: str, next_stage: str) -> str:
    return f"{view.say(words.FUNNEL_STAGES[stage])} → {view.say(words.FUNNEL_STAGES[next_stage])}"


def _shade(cohort: Row) -> int:
    """How dark a cohort's cell is, from 0 to 4."""
    return min(int(cohort["cohort_rate"] * 10), 4)


def _whole(steps: Sequence[Mapping[str, Any]], key: tuple[str, str]) -> float | None:
    """The rate of the whole step."""
    return next((row["rate"] for row in steps if (row["stage"], row["next_stage"]) == key), None)


def exported(night: Night) -> Sequence[Mapping[str, Any]]:
    return [{}, *({"by": row["segment"]} for row in night.rows(PAGES / "funnel.sql", "kinds"))]


PAGE = Page("funnel", Text("ファネル", "Funnel"), show, params={"by": choice(*SEGMENTS)}, exported=exported)
