"""The forms of the charts: Vega-Lite without rows, made and checked by Altair once a version and kept as a script.

A page brings the rows (:mod:`board.chart_rows`) and the words. Actual is solid, the year before a thin grey line, a
target a tick, what is still to come an outline (IBCS). Run as a module it writes the script that pages load.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import altair as alt

BLUE, VERMILION, GREY, INK, GRID = "#0017C1", "#C74700", "#767676", "#1A1A1C", "#E6E6E6"
LIGHT_BLUE = "#C5D7FB"
CONFIG: Mapping[str, Any] = {
    "font": '"Noto Sans JP", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic UI", Meiryo, sans-serif',
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "labelColor": INK,
        "title": None,
        "gridColor": GRID,
        "domainColor": GREY,
        "tickColor": GREY,
    },
    "axisX": {"grid": False},
}
Form = dict[str, Any]
ROWS, AHEAD, NOTES, LINES, NAMED, NAMED_LEFT = (
    alt.NamedData(name=name) for name in ("rows", "ahead", "notes", "lines", "named", "named_left")
)
TIP = alt.Tooltip("tip:N")
"""What a mark says of itself, written out by the page in the reader's language."""


def _numbers(count: int = 5) -> alt.Axis:
    return alt.Axis(labelExpr="format(datum.value, numberFormat)", tickCount=count)


def _dates() -> alt.Axis:
    return alt.Axis(labelExpr="timeFormat(datum.value, dateFormat)", labelOverlap=True)


PLACES = {"opens": 0, "before": 0.05, "from": 0.25, "mid": 0.5, "until": 0.75, "to": 0.95, "closes": 1}
"""Where in a period its marks begin and end, from its first moment (start) to the next period's (end)."""


def _placed(data: alt.NamedData) -> alt.Chart:
    """A chart of periods or notes, with their places on the time axis."""
    chart: alt.Chart = alt.Chart(data).transform_calculate(
        **{
            name: f"{1 - share:.2f} * toDate(datum.start) + {share} * toDate(datum.end)"
            for name, share in PLACES.items()
        }
    )
    return chart


def _course(is_bar: bool, is_reversed: bool = False) -> alt.LayerChart | alt.FacetChart:
    """A KPI over its periods: of totals bars from zero, of everything else a line."""
    scale = alt.Scale(zero=is_bar, nice=True, reverse=is_reversed)
    x, x2, middle = alt.X("from:T", axis=_dates()), alt.X2("to:T"), alt.X("mid:T", axis=_dates())
    y, landing, year, target = (
        alt.Y(f"{name}:Q", scale=scale, axis=_numbers()) for name in ("actual", "projected", "last_year", "target")
    )
    ground = alt.Y2Datum(0)
    noted = [
        _placed(NOTES)
        .mark_rect(opacity=0.15, color=GREY)
        .encode(x=alt.X("opens:T", axis=_dates()), x2="closes:T", tooltip=TIP),
        _placed(NOTES)
        .mark_text(fontSize=12, fontWeight="bold", color=INK, baseline="bottom", dy=-2)
        .encode(x=middle, y=alt.value(0), text="number:N", tooltip=TIP),
    ]
    if is_bar:
        actual = [
            _placed(ROWS)
            .mark_rect(color=LIGHT_BLUE)
            .encode(x=alt.X("before:T", axis=_dates()), x2="until:T", y=year, y2=ground, tooltip=TIP),
            _placed(AHEAD)
            .mark_rect(fill="transparent", stroke=BLUE, strokeDash=[3, 2])
            .encode(x=x, x2=x2, y=landing, y2=ground, tooltip=TIP),
            _placed(ROWS).mark_rect(color=BLUE).encode(x=x, x2=x2, y=y, y2=ground, tooltip=TIP),
        ]
    else:
        hollow = alt.condition("datum.whole", alt.value(BLUE), alt.value("white"))
        actual = [
            _placed(ROWS).mark_line(color=GREY, strokeWidth=1.2, strokeDash=[2, 2]).encode(x=middle, y=year),
            _placed(ROWS).mark_line(color=BLUE, strokeWidth=2).encode(x=middle, y=y),
            _placed(ROWS).mark_point(color=BLUE, size=50, opacity=1).encode(x=middle, y=y, fill=hollow, tooltip=TIP),
        ]
    return alt.layer(
        *noted,
        *actual,
        _placed(AHEAD).mark_rule(color=INK, strokeWidth=1.5).encode(x=middle, y="low:Q", y2="high:Q", tooltip=TIP),
        _placed(AHEAD)
        .mark_point(color=INK, fill="white", shape="diamond", size=60, opacity=1)
        .encode(x=middle, y=landing, tooltip=TIP),
        _placed(ROWS)
        .mark_rule(color=INK, strokeWidth=2)
        .encode(x=alt.X("before:T", axis=_dates()), x2=x2, y=target, tooltip=TIP),
    ).properties(width="container", height=260)


def _rates() -> alt.LayerChart | alt.FacetChart:
    """Rates as dots with their intervals, a row each, on one scale from zero; a tick is what is needed."""
    y = alt.Y("name:N", sort=None, axis=alt.Axis(labelLimit=160, ticks=False, domain=False))
    x = alt.X("low:Q", scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(format=".0%", tickCount=5))
    return alt.layer(
        alt.Chart(LINES).mark_rule(color=GREY, strokeDash=[4, 3]).encode(x="at:Q"),
        alt.Chart(ROWS).mark_bar(color=LIGHT_BLUE, height=10).encode(y=y, x=x, x2="high:Q", tooltip=TIP),
        alt.Chart(ROWS).mark_tick(color=INK, thickness=2, size=20).encode(y=y, x="needed:Q", tooltip=TIP),
        alt.Chart(ROWS).mark_circle(color=BLUE, size=90, opacity=1).encode(y=y, x="rate:Q", tooltip=TIP),
        alt.Chart(ROWS).mark_text(align="left", dx=10, fontSize=12, color=INK).encode(y=y, x="edge:Q", text="beside:N"),
    ).properties(width="container", height=alt.Step(34))


ACTIONS = ("grow", "improve_cta", "attract", "merge_or_stop", "cannot_tell")
CORNERS = (
    ("grow", True, True),
    ("attract", False, True),
    ("improve_cta", True, False),
    ("merge_or_stop", False, False),
)
"""Which corner asks for what: whether it lies right and whether it lies on top."""


def _quadrant() -> alt.LayerChart | alt.FacetChart:
    """Page views (log) against the shrunk rate of leads, parted by the median article and what the goal asks for.

    The rate's axis is a root: a few articles are far above all others.
    """
    colours, shapes = (
        alt.Scale(domain=ACTIONS, range=values)
        for values in (
            [BLUE, VERMILION, BLUE, GREY, GREY],
            ["circle", "triangle-up", "diamond", "square", "circle"],
        )
    )
    steps = [figure * 10**power for power in range(7) for figure in (1, 3)]
    powers = alt.Axis(values=steps, labelExpr="format(datum.value, numberFormat)")
    points = (
        alt.Chart(ROWS)
        .mark_point(filled=True, opacity=0.75)
        .encode(
            x=alt.X("views:Q", scale=alt.Scale(type="log", nice=False, padding=32), axis=powers),
            y=alt.Y(
                "rate:Q", scale=alt.Scale(type="sqrt", zero=True, nice=True), axis=alt.Axis(format=".1%", tickCount=5)
            ),
            color=alt.Color("action:N", legend=None, scale=colours),
            shape=alt.Shape("action:N", legend=None, scale=shapes),
            size=alt.Size("deals:Q", legend=None, scale=alt.Scale(range=[40, 500])),
            tooltip=TIP,
        )
    )
    labels = [_titled(NAMED, "left", 9), _titled(NAMED_LEFT, "right", -9)]
    across = alt.Chart(LINES).mark_rule(color=INK, strokeDash=[4, 3]).encode(y="rate:Q")
    down = alt.Chart(LINES).mark_rule(color=GREY, strokeDash=[4, 3]).encode(x="views:Q")
    corners = [_corner(*corner) for corner in CORNERS]
    return alt.layer(points, *labels, across, down, *corners).properties(width="container", height=380)


def _titled(named: alt.NamedData, side: Literal["left", "right"], away: int) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(named)
        .mark_text(align=side, dx=away, fontSize=12, color=INK)
        .encode(x="views:Q", y="rate:Q", text="name:N", tooltip=TIP)
    )
    return chart


def _corner(name: str, is_right: bool, is_top: bool) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(LINES)
        .mark_text(
            text=alt.ExprRef(f"words.{name}"),
            fontSize=14,
            fontWeight="bold",
            color=INK,
            align="right" if is_right else "left",
            baseline="top",
            dx=-6 if is_right else 6,
            dy=6 if is_top else 24,  # the lower two stand under the axis, where no point can hide them
        )
        .encode(x=alt.value("width") if is_right else alt.value(0), y=alt.value(0) if is_top else alt.value("height"))
    )
    return chart


FORMS: Mapping[str, Callable[[], alt.LayerChart | alt.FacetChart]] = {
    "bars": lambda: _course(is_bar=True),
    "lines": lambda: _course(is_bar=False),
    "ranks": lambda: _course(is_bar=False, is_reversed=True),
    "rates": _rates,
    "quadrant": _quadrant,
}
"""What the rows of a chart can be drawn as."""


def forms() -> dict[str, Form]:
    """Every form as Vega-Lite, checked against its schema by Altair. ``params`` are for the page to fill."""
    params = [{"name": "numberFormat", "value": ",~f"}, {"name": "dateFormat", "value": "%Y/%m"},
              {"name": "words", "value": {}}]  # fmt: skip
    return {name: {**make().to_dict(), "params": params, "config": CONFIG} for name, make in FORMS.items()}


if __name__ == "__main__":
    print(f"window.chartForms = {json.dumps(forms(), separators=(',', ':'))};")
