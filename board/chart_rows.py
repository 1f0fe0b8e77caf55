"""The rows of the charts, with what each mark says of itself written out in the reader's language.

How they are drawn is in :mod:`board.charts`; what they show stands in a table behind each chart.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import log10
from typing import Any

from board.formats import NONE, Formats
from board.night import Row
from board.tiles import Tile
from connectors.text import Text

NUMBER_FORMATS = {"ratio": ".1%", "rank": ",.1f"}
TIPS = {
    "actual": Text("実績", "Actual"),
    "target": Text("目標", "Target"),
    "required": Text("KGI から必要", "Required by the KGI"),
    "projected": Text("着地見込み", "Projected landing"),
    "last_year": Text("前年同期", "Last year"),
    "rate": Text("率", "Rate"),
    "needed": Text("目標に必要な率", "Rate the goal needs"),
    "own": Text("そのままの率", "Plain rate"),
    "views": Text("ページビュー", "Page views"),
    "lead_rate": Text("リード化率", "Lead rate"),
}


def _tip(form: Formats, title: str, lines: Mapping[str, str]) -> str:
    """A title and a line for each thing that is known."""
    said = [f"{TIPS[name].of(form.locale)} {shown}" for name, shown in lines.items() if shown != NONE]
    return "\n".join([title, *said])


def _known(row: Row) -> Row:
    """A row without what is not known and with six digits of what is: more would only make the page longer."""
    return {
        name: float(f"{value:.6g}") if isinstance(value, float) else value
        for name, value in row.items()
        if value is not None
    }


def _midnight(day: date) -> str:
    """The beginning of a day on the reader's own clock, which the time axis is written in."""
    return f"{day}T00:00"


def course(tile: Tile, notes: Sequence[Row], form: Formats) -> Mapping[str, Any]:
    """A KPI over its periods: actual against target, the year before, the landing, and what happened when."""
    unit, grain = tile.kpi["unit"], tile.line["grain"]
    rows, ahead = [], []
    for period in tile.history:
        told = {name: form.exact(period[name], unit) for name in ("actual", "target", "required", "last_year")}
        landing = form.short(period["projected"], unit)
        if period["projected"] is not None:
            landing += f" ({form.interval(period['projected_low'], period['projected_high'], unit)})"
        row = {
            "start": _midnight(period["period_start"]),
            "end": _midnight(period["period_end"] + timedelta(days=1)),
            "tip": _tip(form, form.period(grain, period["period_start"]), {**told, "projected": landing}),
        }
        rows.append(_known({
            **row, "actual": period["actual"], "target": period["target"], "last_year": period["last_year"],
            "whole": period["is_complete"],
        }))  # fmt: skip
        if period["projected"] is not None:
            ahead.append(_known({
                **row, "projected": period["projected"], "low": period["projected_low"],
                "high": period["projected_high"],
            }))  # fmt: skip
    first, last = tile.history[0]["period_start"], tile.history[-1]["period_end"]
    is_total = tile.kpi["formula"] == "total" and tile.kpi["additivity"] != "semi_additive"
    return {
        "form": "bars" if is_total else "ranks" if unit == "rank" else "lines",
        "params": {
            "numberFormat": NUMBER_FORMATS.get(unit, ",~f"),
            "dateFormat": "%m/%d" if grain == "week" else "%Y/%m",
        },
        "datasets": {
            "rows": rows,
            "ahead": ahead,
            "notes": [_noted(note, place, first, last, form) for place, note in enumerate(notes, 1)],
        },
    }


def _noted(note: Row, place: int, first: date, last: date, form: Formats) -> Row:
    """A note on the time axis, as far as it lies on it, by its number in the list below the chart."""
    return {
        "start": _midnight(max(note["start_on"], first)),
        "end": _midnight(min(note["end_on"], last) + timedelta(days=1)),
        "number": str(place),
        "tip": f"{form.short_day(note['start_on'])} {note['text']}",
    }


def steps(found: Sequence[Row], names: Sequence[str], form: Formats) -> Mapping[str, Any]:
    """The steps of the funnel: not a trapezoid, whose width says nothing of how sure a rate is."""
    rows = []
    for name, row in zip(names, found, strict=True):
        ends = [end for end in (row["ci_high"], row["needed_rate"]) if end is not None]
        rate = f"{form.exact(row['rate'], 'ratio')} ({form.interval(row['ci_low'], row['ci_high'], 'ratio')})"
        known = row["verdict"] != "insufficient_data"  # else its interval is all that there is to say
        rows.append(_known({
            "name": name, "rate": row["rate"] if known else None, "low": row["ci_low"], "high": row["ci_high"],
            "needed": row["needed_rate"], "edge": max(ends, default=0.0), "room": max(ends, default=0.0) * 1.4,
            "beside": _of(row, form),
            "tip": _tip(form, name, {"rate": rate, "needed": form.exact(row["needed_rate"], "ratio")}),
        }))  # fmt: skip
    return {"form": "rates", "datasets": {"rows": rows, "lines": []}}


def segments(found: Sequence[Row], whole: float | None, form: Formats) -> Mapping[str, Any]:
    """One step by segment, each rate drawn towards the whole's, which is the dashed line."""
    rows = []
    for row in found:
        shrunk = form.interval(row["shrunk_low"], row["shrunk_high"], "ratio")
        told = {
            "rate": f"{form.exact(row['shrunk_rate'], 'ratio')} ({shrunk})",
            "own": form.exact(row["rate"], "ratio"),
        }
        rows.append(_known({
            "name": row["segment_value"], "rate": row["shrunk_rate"], "low": row["shrunk_low"],
            "high": row["shrunk_high"], "edge": row["shrunk_high"], "room": row["shrunk_high"] * 1.3,
            "beside": _of(row, form),
            "tip": _tip(form, row["segment_value"], told),
        }))  # fmt: skip
    return {"form": "rates", "datasets": {"rows": rows, "lines": [] if whole is None else [{"at": whole}]}}


def _of(row: Row, form: Formats) -> str:
    """How many of how many moved on."""
    return f"{form.exact(row['moved'], 'count')}/{form.exact(row['n'], 'count')}"


def quadrant(found: Sequence[Row], actions: Mapping[str, str], form: Formats) -> Mapping[str, Any]:
    """Page views against the shrunk rate of leads; the lines are the median article and what the goal asks for."""
    placed = [row for row in found if row["shrunk_rate"] is not None and row["page_views"]]
    rows = [
        _known({
            "views": row["page_views"],
            "rate": row["shrunk_rate"],
            "deals": row["deals"] or 0,
            "action": row["action"],
            "tip": _tip(form, row["title"], {
                "views": form.exact(row["page_views"], "count"),
                "lead_rate": f"{form.exact(row['shrunk_rate'], 'ratio')} ({form.exact(row['leads'], 'count')}/"
                f"{form.exact(row['landing_sessions'], 'count')})",
            }) + f"\n{actions[row['action']]}",
        })
        for row in placed
    ]  # fmt: skip
    lines = [_known({"rate": row["line"], "views": row["median_page_views"]}) for row in placed[:1]]
    return {
        "form": "quadrant",
        "params": {"words": dict(actions)},
        "datasets": {"rows": rows, "lines": lines, **_named(placed)},
    }


LABELS, LABEL_LENGTH = 12, 14
"""At most so many articles have their title beside them, cut to so many characters."""


def _named(placed: Sequence[Row]) -> dict[str, list[Row]]:
    """The most read articles that ask for something, by their titles, as long as these do not lie on each other.

    Beside a point at the right edge there is no room: its title stands on its left.
    """
    top = max((row["shrunk_rate"] for row in placed), default=0.0)
    edge = max((log10(row["page_views"]) for row in placed), default=0.0)
    chosen: list[tuple[float, float]] = []
    named: dict[str, list[Row]] = {"named": [], "named_left": []}
    for row in sorted(placed, key=lambda row: float(-row["page_views"])):
        x, y = log10(row["page_views"]), row["shrunk_rate"] / top
        is_free = all(abs(x - other_x) > 0.45 or abs(y - other_y) > 0.06 for other_x, other_y in chosen)
        if row["action"] == "cannot_tell" or not is_free or len(chosen) == LABELS:
            continue
        chosen.append((x, y))
        title = row["title"] if len(row["title"]) <= LABEL_LENGTH else row["title"][: LABEL_LENGTH - 1] + "…"
        side = "named_left" if x > edge - 0.45 else "named"
        named[side].append(_known({"views": row["page_views"], "rate": row["shrunk_rate"], "name": title}))
    return named
