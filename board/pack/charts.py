"""The workbook's charts: native ones, over cells of the workbook, in the house's style."""

from collections.abc import Mapping
from typing import Any

from xlsxwriter.chart import Chart

from board.pack.sheets import Pen
from board.pack.words import BLUE, GREY, HEADS, INK, RULE, SHEETS, font, label
from connectors.text import Text

CHART_WIDTH, CHART_HEIGHT, CHART_GAP, ABREAST = 420, 280, 12, 3
CHART_ROWS = 14
"""So many rows of a sheet lie behind a chart and the space around it."""
ROWS_MONTH, ROWS_VALUE, ROWS_TARGET = 2, 3, 4
"""The columns of the rows sheet that the charts stand on."""


def _chart(pen: Pen, options: Mapping[str, str], title: str) -> Chart:
    """A chart in the house's style, titled at the left above its picture."""
    chart = pen.book.add_chart(dict(options))
    assert chart is not None
    face = {"name": font(pen.of), "color": INK}
    chart.set_title(
        {
            "name": title,
            "name_font": {**face, "size": 11, "bold": True},
            "overlay": False,
            "layout": {"x": 0.02, "y": 0.03},
        }
    )
    chart.set_legend({"position": "bottom", "font": {**face, "size": 9}})
    chart.set_chartarea({"border": {"color": RULE}})
    return chart


def _axes(pen: Pen, chart: Chart, number_format: str, category_format: str | None = None) -> None:
    face = {"name": font(pen.of), "size": 9, "color": INK}
    categories: dict[str, Any] = {"line": {"color": GREY}, "major_tick_mark": "none"}
    if category_format:
        # Every third month: thirteen do not fit beside each other.
        categories |= {"num_font": face, "num_format": category_format, "text_axis": True, "interval_unit": 3}
    else:
        categories["num_font"] = {**face, "rotation": 0}
    chart.set_x_axis(categories)
    chart.set_y_axis(
        {
            "num_font": face,
            "num_format": number_format,
            "line": {"none": True},
            "major_gridlines": {"visible": True, "line": {"color": "#E6E6E6"}},
            "min": 0,
        }
    )


def kgi_chart(pen: Pen, sheet: str, top: int) -> Chart:
    """Actual solid, target outlined; the period that still runs hatched."""
    report = pen.report
    goal, last = report.kgi[-1], top + len(report.kgi) - 1
    title = Text("{label}  実績と目標", "{label}: actual and target").format(label=label(report, goal))
    chart = _chart(pen, {"type": "column"}, title.of(pen.of))
    hatched = {
        "pattern": {"pattern": "wide_upward_diagonal", "fg_color": BLUE, "bg_color": "white"},
        "border": {"color": BLUE},
    }
    chart.add_series(
        {
            "name": HEADS["actual"].of(pen.of),
            "categories": [sheet, top, 1, last, 1],
            "values": [sheet, top, 2, last, 2],
            "fill": {"color": BLUE},
            "points": [None if row["is_complete"] else hatched for row in report.kgi],
            "data_labels": {"value": True, "font": {"size": 9, "color": INK}},
            "gap": 60,
            "overlap": 0,
        }
    )
    chart.add_series(
        {
            "name": HEADS["target"].of(pen.of),
            "categories": [sheet, top, 1, last, 1],
            "values": [sheet, top, 3, last, 3],
            "fill": {"none": True},
            "border": {"color": GREY, "width": 1.25},
        }
    )
    _axes(pen, chart, "#,##0")
    return chart


def trend_chart(pen: Pen, kpi: str, span: tuple[int, int]) -> Chart:
    """A KPI's last 13 months with its target, from the rows sheet."""
    report, rows = pen.report, SHEETS["rows"].of(pen.of)
    past = report.past(kpi)
    chart = _chart(pen, {"type": "line"}, label(report, past[-1]))
    first, last = span
    for name, column, colour, dash in (
        ("actual", ROWS_VALUE, BLUE, "solid"),
        ("target", ROWS_TARGET, GREY, "dash"),
    ):
        chart.add_series(
            {
                "name": HEADS[name].of(pen.of),
                "categories": [rows, first, ROWS_MONTH, last, ROWS_MONTH],
                "values": [rows, first, column, last, column],
                "line": {"color": colour, "width": 2.25 if name == "actual" else 1.5, "dash_type": dash},
                "marker": {"type": "circle", "size": 5, "fill": {"color": colour}, "border": {"color": colour}}
                if name == "actual"
                else {"type": "none"},
            }
        )
    _axes(pen, chart, "0.0%" if past[-1]["unit"] == "ratio" else "#,##0", "yy/m")
    return chart


def stage_chart(pen: Pen, sheet: str, top: int, count: int) -> Chart:
    """The share of what is required that each stage has brought: the stages differ too much in size for one axis."""
    title = Text("必要数に対する実績", "Actual as a share of what is due").of(pen.of)
    chart = _chart(pen, {"type": "bar"}, title)
    chart.add_series(
        {
            "name": title,
            "categories": [sheet, top, 0, top + count - 1, 0],
            "values": [sheet, top, 4, top + count - 1, 4],
            "fill": {"color": BLUE},
            "data_labels": {"value": True, "num_format": "0%", "font": {"size": 9, "color": INK}},
            "gap": 60,
        }
    )
    _bar_axes(pen, chart)
    chart.set_legend({"none": True})
    return chart


def rate_chart(pen: Pen, sheet: str, top: int, count: int) -> Chart:
    """The rates as dots within their intervals, one step beside the other."""
    title = Text("次の段階へ進む率（点）と90%の幅", "Rate to the next stage (dot) with 90% interval")
    chart = _chart(pen, {"type": "line"}, title.of(pen.of))
    ends = {"type": "long_dash", "size": 9, "fill": {"color": GREY}, "border": {"color": GREY}}
    dot = {"type": "circle", "size": 8, "fill": {"color": BLUE}, "border": {"color": BLUE}}
    for name, column, marker in (("rate_high", 8, ends), ("rate", 6, dot), ("rate_low", 7, ends)):
        series: dict[str, Any] = {
            "name": HEADS[name].of(pen.of),
            "categories": [sheet, top, 0, top + count - 1, 0],
            "values": [sheet, top, column, top + count - 1, column],
            "line": {"none": True},
            "marker": marker,
        }
        if name == "rate":
            said = {"value": True, "num_format": "0.0%", "position": "right", "font": {"size": 9, "color": INK}}
            series["data_labels"] = said
        chart.add_series(series)
    chart.set_high_low_lines({"line": {"color": GREY, "width": 1.5}})
    _axes(pen, chart, "0%")
    chart.set_legend({"none": True})
    return chart


def _bar_axes(pen: Pen, chart: Chart) -> None:
    face = {"name": font(pen.of), "size": 9, "color": INK}
    lines = {"visible": True, "line": {"color": "#E6E6E6"}}
    chart.set_x_axis({"num_font": face, "num_format": "0%", "min": 0, "major_gridlines": lines})
    none = {"major_gridlines": {"visible": False}, "major_tick_mark": "none"}
    chart.set_y_axis({"num_font": face, "reverse": True, **none})
