"""One KPI: its tile, its course, what happened on the way, and where the number comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

from board import chart_rows
from board.night import Night, Row
from board.page import DAY, GRAIN, SHARED, NotFound, Page, View, name
from board.tiles import tile, verdict
from connectors.text import Text

GRAINS = ("week", "month", "quarter")
PERIODS = {"week": 26, "month": 25, "quarter": 13}


def show(view: View) -> Mapping[str, Any]:
    kpi, grain = view.asked.get("kpi"), view.asked["grain"]
    if kpi is None:
        raise NotFound
    periods = [row["period_start"] for row in view.shared("periods", grain=grain)]
    start = view.asked.get("period", periods[0] if periods else None)
    if start not in periods:
        raise NotFound
    found = tile(view, kpi, grain, start, PERIODS[grain])
    notes = view.shared("notes", first=found.history[0]["period_start"], last=found.history[-1]["period_end"])
    return {
        "grain": grain,
        "grains": GRAINS,
        "start": start,
        "periods": periods,
        "tile": found,
        "notes": notes,
        "headline": verdict(view, found),
        "chart_data": chart_rows.course(found, notes, view.formats),
        "tree": [row for row in view.rows("tree") if row["of_kpi"] == kpi],
    }


def table(view: View) -> list[Row]:
    """All periods of the KPI, for CSV. Raises NotFound for what is no KPI."""
    kpi = view.asked.get("kpi")
    if kpi not in [row["kpi"] for row in view.shared("catalogue")]:
        raise NotFound
    return view.rows("periods", kpi=kpi, grain=view.asked["grain"])


def exported(night: Night) -> Sequence[Mapping[str, Any]]:
    """Each KPI of the newest period of each grain."""
    found = []
    for grain in GRAINS:
        periods = night.rows(SHARED, "periods", grain=grain)[:1]
        lines = [
            line for row in periods for line in night.rows(SHARED, "lines", grain=grain, start=row["period_start"])
        ]
        found += [{"kpi": line["kpi"], "grain": grain} for line in lines]
    return found


PAGE = Page(
    "kpi",
    Text("KPI", "KPI"),
    show,
    params={"kpi": name, "grain": GRAIN, "period": DAY},
    defaults={"grain": "month"},
    exported=exported,
    is_listed=False,
    table=table,
)
