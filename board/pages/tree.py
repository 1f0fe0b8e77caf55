"""The tree: the KGI walked back to page views, what each KPI must bring, and what would change if a rate did."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from board.advice import advice, stages
from board.night import Row
from board.page import DAY, NotFound, Page, View
from connectors.plan import KPIS
from connectors.text import Text


def show(view: View) -> Mapping[str, Any]:
    periods = view.rows("periods")
    start = view.asked.get("period")
    if start is None and periods:
        running = [row["goal_start"] for row in periods if row["goal_end"] >= view.night.as_of]
        start = running[0] if running else periods[-1]["goal_start"]
    if start not in [row["goal_start"] for row in periods] and start is not None:
        raise NotFound
    rows = view.rows("tree", start=start) if start else []
    goal = view.shared("goal")
    return {
        "periods": periods,
        "start": start,
        "grain": goal[0]["grain"] if goal else "quarter",
        "nodes": [{**row, "depth": depth} for row, depth in _below(rows, None, 0)],
        "attainment": view.row("attainment", start=start) if start else None,
        "stages": stages(rows),
        "advice": view.say(advice(rows)) if stages(rows) else "",
        "drivers": view.rows("drivers", start=start) if start else [],
        "smart": view.rows("smart"),
        "sliders": [_slider(row) for row in rows],
        "ratio": lambda rate, method: _ratio(view, rate, method),
    }


def _ratio(view: View, rate: float | None, method: str) -> str:
    """How much of the KPI above comes of one: a share, a number, or an amount of money."""
    if rate is not None and method != "mean_amount" and rate >= 1:
        return f"{rate:.2f}"
    return view.formats.exact(rate, "currency" if method == "mean_amount" else "ratio")


def _below(rows: Sequence[Row], parent: str | None, depth: int) -> Iterator[tuple[Row, int]]:
    """The nodes in the order of the tree, each with its depth."""
    for row in rows:
        if row["leads_to"] == parent:
            yield row, depth
            yield from _below(rows, row["kpi"], depth + 1)


def _slider(row: Row) -> Mapping[str, Any]:
    """What the page needs to walk the goal back again: required = required of leads_to / rate."""
    return {"kpi": row["kpi"], "leads_to": row["leads_to"], "required": row["required"], "rate": row["rate"]}


PAGE = Page("tree", Text("ツリー", "Tree"), show, params={"period": DAY}, remembered={"goal", *KPIS})
