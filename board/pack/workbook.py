"""One month as a workbook: numbers as numbers, attainments as formulas over them, native charts, ready to print.

The same night makes the same bytes.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime

from xlsxwriter import Workbook
from xlsxwriter.chart import Chart
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from board.formats import of_text
from board.pack import sentences
from board.pack.charts import (
    ABREAST,
    CHART_GAP,
    CHART_HEIGHT,
    CHART_ROWS,
    CHART_WIDTH,
    kgi_chart,
    rate_chart,
    stage_chart,
    trend_chart,
)
from board.pack.columns import (
    CLOSED,
    SHARE,
    attainment,
    change,
    difference,
    filled,
    in_unit,
    number,
    outlook,
    owner,
    text,
)
from board.pack.report import Report, Row
from board.pack.sheets import Column, Pen, Styles, begin, display_width, legible, width
from board.pack.words import (
    ADDITIVITIES,
    DIRECTIONS,
    GREY,
    HEADS,
    REPORT,
    RUNNING,
    SEGMENT_VALUES,
    SEGMENTS,
    SHEETS,
    STANDING,
    TOTAL,
    VERMILION,
    YES_NO,
    font,
    label,
    standing,
    terms,
    transition,
    unit_name,
)
from board.words import FLAG_MEANINGS, STAGES, TAGS, VERDICTS, flag, flags
from connectors.text import Locale, Text, same


def workbook_bytes(report: Report) -> bytes:
    """The .xlsx of a month."""
    file = io.BytesIO()
    of = report.formats.locale
    book = Workbook(
        file,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_format_properties": {"font_name": font(of), "font_size": 10},
        },
    )
    _write_properties(book, report)
    pen = Pen(book, report, Styles(book, report.formats))
    names = {name: words.of(of) for name, words in SHEETS.items()}
    sheets = {name: book.add_worksheet(title) for name, title in names.items()}
    # The rows come first, because the charts of the summary stand on them.
    ranges = _rows_sheet(pen, sheets["rows"])
    _summary_sheet(pen, sheets["summary"], ranges)
    _scorecard_sheet(pen, sheets["scorecard"])
    _funnel_sheet(pen, sheets["funnel"])
    _articles_sheet(pen, sheets["articles"])
    _definitions_sheet(pen, sheets["definitions"])
    sheets["summary"].activate()
    book.close()
    return file.getvalue()


def _write_properties(book: Workbook, report: Report) -> None:
    of, formats = report.formats.locale, report.formats
    book.set_properties(
        {
            "title": legible(f"{REPORT.of(of)} {formats.period('month', report.month)}"),
            "subject": formats.period("month", report.month),
            "author": "gyakusan",
            "company": legible(report.company),
            "keywords": report.snapshot,
            "comments": legible(STANDING.format(**standing(report)).of(of)),
            "created": report.published_at.replace(tzinfo=None),
        }
    )
    book.set_custom_property("snapshot", report.snapshot)
    book.set_custom_property("data_as_of", datetime(report.as_of.year, report.as_of.month, report.as_of.day))


def _summary_sheet(pen: Pen, sheet: Worksheet, ranges: Mapping[str, tuple[int, int]]) -> None:
    report, formats = pen.report, pen.report.formats
    labels = [*report.kgi, *report.targets, *report.running]
    first = width(labels, lambda row: label(report, row), 20, 32)
    second = width(labels, report.period, 16, 34)
    row = begin(pen, sheet, "summary", [first, second, 11, 11, 10, 13, 12, 10, 12, 12, 12, 16, 20])
    row -= 1
    pen.write(sheet, row, 0, sentences.conclusion(report), "conclusion")
    sheet.set_row(row, 24)
    pen.write(sheet, row + 1, 0, sentences.count(report))
    row += 2
    if report.is_running:
        pen.write(sheet, row, 0, RUNNING.of(pen.of), font_color=VERMILION)
        row += 1
    as_of = formats.day(report.as_of)
    if report.kgi:
        row = pen.block(sheet, row, "kgi", as_of=as_of)
        kgi_top = row + 1
        row = pen.table(sheet, row, _target_columns(pen, number("chance", "chance", "ratio")), report.kgi)
    else:
        kgi_top = 0
    required = in_unit("required", HEADS["required"], "required")
    if report.targets:
        row = pen.table(sheet, pen.block(sheet, row, "targets"), _target_columns(pen, required), report.targets)
    if report.running:
        top = pen.block(sheet, row, "running", as_of=as_of)
        row = pen.table(sheet, top, _target_columns(pen, required), report.running)
    row = _watch_lines(pen, sheet, row)
    if report.notes:
        row = pen.table(sheet, pen.block(sheet, row, "notes"), _note_columns(pen.of), report.notes)
    row = pen.block(sheet, row, "charts")
    _summary_charts(pen, sheet, row, kgi_top, ranges)
    sheet.freeze_panes(2, 1)


def _target_columns(pen: Pen, seventh: Column) -> list[Column]:
    report = pen.report
    return [
        text("kpi", lambda row: label(report, row)),
        text("period", report.period),
        in_unit("actual", HEADS["actual"], "actual"),
        in_unit("target", HEADS["target"], "target"),
        attainment(),
        difference("gap", HEADS["gap"], "actual", "target", ("actual", "target")),
        seventh,
        number("pace", "standard_pace", "ratio"),
        in_unit("low", HEADS["low"], "projected_low"),
        in_unit("middle", HEADS["middle"], "projected"),
        in_unit("high", HEADS["high"], "projected_high"),
        outlook(HEADS["outlook"], pen.of),
        owner(),
    ]


def _note_columns(of: Locale) -> list[Column]:
    return [
        text("happened", lambda row: row["text"]),
        Column("day", HEADS["day"], lambda row: row["start_on"], "day"),
        Column("last_day", HEADS["last_day"], lambda row: row["end_on"], "day"),
        text("tag", lambda row: TAGS.get(row["tag"], same(row["tag"])).of(of)),
    ]


def _watch_lines(pen: Pen, sheet: Worksheet, row: int) -> int:
    report = pen.report
    row = pen.block(sheet, row, "watch")
    watched = report.watched()
    if not watched:
        pen.write(sheet, row, 0, sentences.NOTHING_TO_WATCH.of(pen.of))
        row += 1
    for place, one in enumerate(watched, 1):
        pen.write(sheet, row, 0, f"{place}. {sentences.target(report, one)}", bold=True)
        row += 1
    for said in sentences.actions(report):
        pen.write(sheet, row, 0, f"→ {said}")
        row += 1
    return row


def _summary_charts(pen: Pen, sheet: Worksheet, row: int, kgi_top: int, ranges: Mapping[str, tuple[int, int]]) -> None:
    """The KGI's periods, as wide as two, then the months of the KPIs that have a monthly target; three abreast."""
    report, place = pen.report, 0
    if report.kgi:
        _insert(sheet, row, place, kgi_chart(pen, sheet.get_name(), kgi_top), 2)
        place += 2
    monthly = [one["kpi"] for one in report.targets if one["grain"] == "month" and one["kpi"] in ranges]
    for kpi in monthly:
        _insert(sheet, row, place, trend_chart(pen, kpi, ranges[kpi]))
        place += 1


def _insert(sheet: Worksheet, row: int, place: int, chart: Chart, wide: int = 1) -> None:
    """A chart at a place of a grid of three abreast that begins at a row."""
    chart.set_size({"width": CHART_WIDTH * wide + CHART_GAP * (wide - 1), "height": CHART_HEIGHT})
    across, down = place % ABREAST, place // ABREAST
    offsets = {"x_offset": across * (CHART_WIDTH + CHART_GAP) + 2, "y_offset": down * (CHART_HEIGHT + CHART_GAP) + 4}
    sheet.insert_chart(row, 0, chart, {**offsets, "object_position": 2})


def _scorecard_sheet(pen: Pen, sheet: Worksheet) -> None:
    report, of = pen.report, pen.of
    first = width(report.scorecard, lambda row: label(report, row), 20, 34)
    widths = [16, first, 13, 13, 10, 14, 13, 13, 14, 13, 14, 15, 20, 44]
    top = begin(pen, sheet, "scorecard", widths)
    columns = [
        text("stage", lambda row: STAGES[row["stage"]].of(of)),
        text("kpi", lambda row: label(report, row)),
        in_unit("actual", HEADS["actual"], "actual"),
        in_unit("target", HEADS["target"], "target"),
        attainment(),
        difference("gap", HEADS["gap"], "actual", "target", ("actual", "target")),
        in_unit("required", HEADS["required"], "required"),
        in_unit("previous", HEADS["previous"], "previous"),
        change("change", HEADS["change"], "actual", "previous", ("actual", "previous")),
        in_unit("last_year", HEADS["last_year"], "last_year"),
        change("yearly", HEADS["yearly"], "actual", "last_year", ("actual", "last_year")),
        outlook(HEADS["status"], of),
        owner(),
        Column("notes", HEADS["notes"], lambda row: _notes(row, of), "wrapped"),
    ]
    pen.table(sheet, top, columns, report.scorecard)
    sheet.freeze_panes(top + 1, 2)
    sheet.repeat_rows(top)


def _notes(row: Row, of: Locale) -> str:
    """What to know of the value, and why there is none."""
    said = [words.of(of) for words in flags(row["flags"])]
    return Text("、", "; ").of(of).join([*said, *([row["reason"]] if row["reason"] else [])])


def _funnel_sheet(pen: Pen, sheet: Worksheet) -> None:
    report, of, name = pen.report, pen.of, sheet.get_name()
    part = width(report.segments, lambda row: _segment(row, of), 22, 40)
    row = begin(pen, sheet, "funnel", [18, part, 11, 11, 11, 11, 12, 12, 12, 11, 12, 12, 16, 16, 16, 16])
    charts, stages = [], report.stages()
    if stages:
        row = pen.block(sheet, row, "stages")
        charts.append(stage_chart(pen, name, row + 1, len(stages)))
        row = pen.table(sheet, row, _stage_columns(report), stages) + 1
    if report.funnel:
        row = pen.block(sheet, row, "rates")
        charts.append(rate_chart(pen, name, row + 1, len(report.funnel)))
        row = pen.table(sheet, row, _rate_columns(of, HEADS["rate"]), report.funnel) + 1
    for place, chart in enumerate(charts):
        _insert(sheet, row, place, chart)
    row += CHART_ROWS if charts else 0
    if report.cohorts:
        row = pen.block(sheet, row, "cohorts")
        row = pen.table(sheet, row, _cohort_columns(of), report.cohorts) + 1
    if report.segments:
        row = pen.block(sheet, row, "segments")
        pen.table(sheet, row, _rate_columns(of, HEADS["shrunk"]), report.segments)
    sheet.freeze_panes(2, 2)
    sheet.repeat_rows(0, 1)


def _stage_columns(report: Report) -> list[Column]:
    return [
        text("kpi", report.label),
        text("period", report.period),
        in_unit("actual", HEADS["actual"], "actual"),
        in_unit("due", HEADS["due" if report.is_running else "required"], "due"),
        Column(
            "of_due",
            HEADS["of_due"],
            lambda row: row["actual"] / row["due"],
            "ratio",
            lambda row: filled(SHARE, "actual", "due"),
        ),
    ]


def _segment(row: Row, of: Locale) -> str:
    kind = SEGMENTS.get(row["segment"], same(row["segment"])).of(of)
    if row["segment"] == "all":
        return kind
    return f"{kind}: {SEGMENT_VALUES.get(row['segment_value'], same(row['segment_value'])).of(of)}"


def _counts(of: Locale) -> list[Column]:
    return [
        number("n", "n", "count"),
        number("moved", "moved", "count"),
        number("exited", "exited", "count"),
        number("open", "still_open", "count"),
    ]


def _rate_columns(of: Locale, head: Text) -> list[Column]:
    return [
        text("transition", lambda row: transition(row, of)),
        text("part", lambda row: _segment(row, of)),
        *_counts(of),
        number("rate", "rate", "ratio", head),
        number("rate_low", "ci_low", "ratio"),
        number("rate_high", "ci_high", "ratio"),
        number("horizon", "horizon_days", "count"),
        number("q50", "lag_q50_days", "count"),
        number("q90", "lag_q90_days", "count"),
        Column("verdict", HEADS["verdict"], lambda row: _verdict(row, of), "beside"),
        Column(
            "naive_all", HEADS["naive_all"], lambda row: row["naive_rate_of_all"], "ratio",
            lambda row: filled(SHARE, "moved", "n"),
        ),
        Column(
            "naive_closed", HEADS["naive_closed"], lambda row: row["naive_rate_of_closed"], "ratio",
            lambda row: CLOSED,
        ),
        number("naive_open", "naive_rate_exits_as_open", "ratio"),
    ]  # fmt: skip


def _verdict(row: Row, of: Locale) -> str:
    return VERDICTS[row["verdict"]].of(of) or Text("よい", "ok").of(of)


def _cohort_columns(of: Locale) -> list[Column]:
    return [
        text("transition", lambda row: transition(row, of)),
        number("month", "period_start", "month"),
        *_counts(of),
        Column(
            "cohort_rate", HEADS["cohort_rate"], lambda row: row["cohort_rate"], "ratio",
            lambda row: filled(SHARE, "moved", "n"), lambda row: None if row["is_mature"] else GREY,
        ),
        number("moved_in", "moved_in_period", "count"),
        Column(
            "period_rate", HEADS["period_rate"], lambda row: row["period_rate"], "ratio",
            lambda row: filled(SHARE, "moved_in", "n"),
        ),
        number("maturity", "maturity", "ratio"),
        Column("mature", HEADS["mature"], lambda row: YES_NO[bool(row["is_mature"])].of(of), "beside"),
    ]  # fmt: skip


def _articles_sheet(pen: Pen, sheet: Worksheet) -> None:
    report = pen.report
    path = width(report.articles, lambda row: str(row["path"]), 30, 60)
    hosts = {row["host"] for row in report.articles}
    columns = _article_columns(report, len(hosts) > 1)
    title = width(report.articles, lambda row: row["title"] or "", 12, 50)
    widths = {"article": path, "host": 24.0, "title": title}
    top = begin(pen, sheet, "articles", [widths.get(column.name, 10.5) for column in columns])
    pen.write(sheet, 2, 0, sentences.articles(report, 10), "line")
    last = top + 1 + len(report.articles)
    pen.table(sheet, top + 1, columns, report.articles)
    if report.articles:
        _totals(pen, sheet, top, columns)
        sheet.autofilter(top + 1, 0, last, len(columns) - 1)
    sheet.freeze_panes(top + 2, 1)
    sheet.repeat_rows(top, top + 1)


SUMMED = {
    "page_views": "page_views",
    "landings": "landing_sessions",
    "clicks": "search_clicks",
    "impressions": "search_impressions",
    "discover": "discover_clicks",
    "leads": "leads",
    "mqls": "mqls",
    "deals": "deals",
    "orders": "orders",
    "order_value": "order_value",
}
"""The columns of articles that may be added up; users may not, and neither may rates."""


def _totals(pen: Pen, sheet: Worksheet, row: int, columns: Sequence[Column]) -> None:
    """Totals above the heads, of the rows that a filter leaves."""
    articles = pen.report.articles
    pen.write(sheet, row, 0, TOTAL.of(pen.of), "text", bold=True)
    for at, column in enumerate(columns[1:], 1):
        form = "currency" if column.name == "order_value" else "count"
        if column.name not in SUMMED:
            sheet.write_blank(row, at, None, pen.styles("text"))
            continue
        first, last = (xl_rowcol_to_cell(row + offset, at) for offset in (2, 1 + len(articles)))
        style, known = pen.styles(form, bold=True), [one[SUMMED[column.name]] for one in articles]
        if all(value is None for value in known):
            sheet.write_blank(row, at, None, style)  # unknown is not zero
        else:
            total = sum(value or 0 for value in known)
            sheet.write_formula(row, at, f"=SUBTOTAL(109,{first}:{last})", style, total)


def _article_columns(report: Report, with_hosts: bool) -> list[Column]:
    currency = unit_name(report.formats, "currency")
    per_user = filled(SHARE, "engaged", "users")
    per_thousand = filled(SHARE, "leads", "page_views").replace("/{page_views}", "/{page_views}*1000")
    hosts = [text("host", lambda row: row["host"])] if with_hosts else []
    return [
        text("article", lambda row: row["path"]),
        text("title", lambda row: row["title"]),
        *hosts,
        number("leads", "leads", "count"),
        number("mqls", "mqls", "count"),
        number("deals", "deals", "count"),
        number("orders", "orders", "count"),
        number("order_value", "order_value", "currency", HEADS["order_value"].format(currency=currency)),
        Column(
            "per_thousand", HEADS["per_thousand"], lambda row: _over(row["leads"], row["page_views"], 1000), "decimal",
            lambda row: per_thousand,
        ),
        number("page_views", "page_views", "count"),
        number("users", "users", "count"),
        number("engaged", "engagement_seconds", "count"),
        Column(
            "seconds", HEADS["seconds"], lambda row: _over(row["engagement_seconds"], row["users"]), "seconds",
            lambda row: per_user,
        ),
        number("read", "read_through_rate", "ratio"),
        number("landings", "landing_sessions", "count"),
        number("clicks", "search_clicks", "count"),
        number("impressions", "search_impressions", "count"),
        number("position", "search_position", "rank"),
        number("discover", "discover_clicks", "count"),
    ]  # fmt: skip


def _over(above: float | None, below: float | None, times: float = 1) -> float | None:
    return None if above is None or not below else above / below * times


def _definitions_sheet(pen: Pen, sheet: Worksheet) -> None:
    report, of, formats = pen.report, pen.of, pen.report.formats
    labels = width(report.kpis, report.label, 22, 34)
    top = begin(pen, sheet, "definitions", [labels, 24, 16, 10, 18, 30, 26, 90])
    columns = [
        Column("kpi", HEADS["kpi"], report.label, "top"),
        Column("id", HEADS["id"], lambda row: row["kpi"], "top"),
        Column("stage", HEADS["stage"], lambda row: STAGES[row["stage"]].of(of), "top"),
        Column("unit", HEADS["unit"], lambda row: unit_name(formats, row["unit"]), "top"),
        Column("direction", HEADS["direction"], lambda row: DIRECTIONS[row["direction"]].of(of), "top"),
        Column("formula", HEADS["formula"], lambda row: _formula(row, of), "top"),
        Column("additivity", HEADS["additivity"], lambda row: ADDITIVITIES[row["additivity"]].of(of), "top"),
        Column("definition", HEADS["definition"], lambda row: _definition(row, of), "top"),
    ]
    row = pen.table(sheet, top, columns, report.kpis)
    for at, kpi in enumerate(report.kpis, top + 1):
        sheet.set_row(at, _height(_definition(kpi, of), 90))
    row = pen.block(sheet, row + 1, "terms")
    for word, meaning in (*terms(), *_flag_terms(report)):
        pen.write(sheet, row, 0, word.of(of), "top")
        sheet.merge_range(row, 1, row, 7, "", pen.styles("top"))
        pen.write(sheet, row, 1, meaning.of(of), "top")
        row += 1
    sheet.freeze_panes(top + 1, 1)
    sheet.repeat_rows(top)
    sheet.fit_to_pages(1, 1)


def _flag_terms(report: Report) -> list[tuple[Text, Text]]:
    """The notes on values that stand on the other sheets, and what they mean."""
    listed = {name for row in (*report.scorecard, *report.history) for name in (row["flags"] or "").split(",")}
    return [(flag(name), FLAG_MEANINGS[name]) for name in FLAG_MEANINGS if name in listed]


def _formula(row: Row, of: Locale) -> str:
    """What is counted, and by what it is divided."""
    above, below = (of_text(row, name, of) for name in ("numerator", "denominator"))
    return f"{above} ÷ {below}" if below else above


def _definition(row: Row, of: Locale) -> str:
    return str((row["definition_ja"] if of == "ja" else row["definition"]) or "")


def _height(words: str, wide: int) -> float:
    """The height of a row in which words wrap in a column of this width."""
    return 16.0 * max(1, -(-display_width(words) // (wide - 4))) + 2


def _rows_sheet(pen: Pen, sheet: Worksheet) -> dict[str, tuple[int, int]]:
    """The rows behind the charts; for each KPI its first and last row."""
    report, of = pen.report, pen.of
    labels = width(report.history, lambda row: label(report, row), 20, 34)
    top = begin(pen, sheet, "rows", [labels, 24, 13, 13, 13, 13, 15, 15, 11, 12, 12, 9, 44])
    columns = [
        text("kpi", lambda row: label(report, row)),
        text("id", lambda row: row["kpi"]),
        number("month", "period_start", "month", HEADS["period"]),
        in_unit("value", HEADS["value"], "value"),
        in_unit("target", HEADS["target"], "target"),
        in_unit("required", HEADS["required"], "required"),
        number("numerator", "numerator", "count"),
        number("denominator", "denominator", "count"),
        number("observations", "n", "count"),
        number("ci_low", "ci_low", "ratio"),
        number("ci_high", "ci_high", "ratio"),
        Column("complete", HEADS["complete"], lambda row: YES_NO[bool(row["is_complete"])].of(of), "beside"),
        text("notes", lambda row: "、".join(words.of(of) for words in flags(row["flags"]))),
    ]
    pen.table(sheet, top, columns, report.history)
    sheet.autofilter(top, 0, top + max(len(report.history), 1), len(columns) - 1)
    sheet.freeze_panes(top + 1, 3)
    sheet.repeat_rows(top)
    ranges: dict[str, tuple[int, int]] = {}
    for at, row in enumerate(report.history, top + 1):
        ranges[row["kpi"]] = ranges.get(row["kpi"], (at, at))[0], at
    return ranges
