"""The scorecard: every KPI of a week, month or quarter against its target, by stage."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from board.night import Night, Row
from board.page import DAY, GRAIN, SHARED, NotFound, Page, View
from connectors.text import Text

GRAINS = ("week", "month", "quarter")


def show(view: View) -> Mapping[str, Any]:
    grain = view.asked["grain"]
    periods = [row["period_start"] for row in view.shared("periods", grain=grain)]
    start = _chosen(view, periods)
    place = periods.index(start) if start else 0
    lines = _lines(view, grain, start)
    return {
        "grain": grain,
        "grains": GRAINS,
        "start": start,
        "end": lines[0]["period_end"] if lines else None,
        "periods": periods,
        # The newest period is where a link without a period leads to.
        "has_later": place > 0,
        "later": periods[place - 1] if place > 1 else None,
        "earlier": periods[place + 1] if place + 1 < len(periods) else None,
        "stages": [(stage, list(rows)) for stage, rows in groupby(lines, key=lambda row: row["stage"])],
        "pace": next((row["standard_pace"] for row in lines if not row["is_complete"]), None),
    }


def _chosen(view: View, periods: Sequence[date]) -> date | None:
    asked: date | None = view.asked.get("period")
    if asked is None:
        return periods[0] if periods else None
    if asked not in periods:
        raise NotFound
    return asked


def _lines(view: View, grain: str, start: date | None) -> list[Row]:
    return view.shared("lines", grain=grain, start=start)


def table(view: View) -> list[Row]:
    """The lines of the page, for CSV."""
    grain = view.asked["grain"]
    periods = [row["period_start"] for row in view.shared("periods", grain=grain)]
    return _lines(view, grain, _chosen(view, periods))


def exported(night: Night) -> Sequence[Mapping[str, Any]]:
    """The running period and the one before of each grain: what a meeting looks at."""
    found: list[Mapping[str, Any]] = []
    for grain in GRAINS:
        periods = [row["period_start"] for row in night.rows(SHARED, "periods", grain=grain)]
        found += [{"grain": grain}, *({"grain": grain, "period": start} for start in periods[1:2])]
    return found


PAGE = Page(
    "scorecard",
    Text("スコアカード", "Scorecard"),
    show,
    params={"grain": GRAIN, "period": DAY},
    defaults={"grain": "month"},
    exported=exported,
    table=table,
)
