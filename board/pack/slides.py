"""One month as slides: at most eight, 16:9, the title of each is what its picture says.

Charts are native ones, so that they can be edited, with the numbers of the night in them. Fonts stand in the theme: a
deck of the company's own, into which the slides are pasted, brings its own. The same night makes the same bytes.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pptx import Presentation
from pptx.chart.chart import Chart
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.dml.fill import FillFormat
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
    XL_TICK_MARK,
)
from pptx.enum.dml import MSO_LINE, MSO_PATTERN
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from board.csv_file import as_text
from board.formats import Formats
from board.pack import sentences
from board.pack.report import Report, Row
from board.pack.sheets import display_width, legible
from board.pack.words import (
    BLUE,
    GREY,
    HEAD,
    HEADS,
    INK,
    REPORT,
    RULE,
    STANDING,
    font,
    label,
    outlook_colour,
    outlook_words,
    standing,
    terms,
    transition,
)
from connectors.text import Locale, Text

TOP_ARTICLES = 10
TITLES = {
    "conclusion": Text("結論", "Conclusion"),
    "reasons": Text("根拠", "Why"),
    "next": Text("次の一手", "What next"),
    "definitions": Text("定義と注記", "Definitions and notes"),
}
LEADS_BY_ARTICLE = Text("リード数（上位{top}記事）", "Leads of the top {top} articles")
VIEWS_BY_ARTICLE = Text("ページビュー数（上位{top}記事）", "Page views of the top {top} articles")
SO_FAR = Text("達成率（標準進捗 {pace}）", "Attainment (pace {pace})")
LANDS = Text("着地見込み", "Landing")
BETWEEN = Text("80%の幅 {low}〜{high}", "80% range {low} to {high}")
OF_DUE = Text("必要数に対する実績", "Actual as a share of what is due")
SOFAR = Text("斜線は途中の期間", "Hatched: the period still runs")
SLIDE = Text("{as_of} まで　{snapshot}", "Data to {as_of}   {snapshot}")

WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
"""Of a slide, in inches."""
BODY = 1.55
"""Where what stands below the title begins."""


def slides_bytes(report: Report) -> bytes:
    """The .pptx of a month."""
    deck = _Deck.of(report)
    _conclusion(deck)
    if report.goal:
        _kgi(deck)
    if report.targets:
        _targets(deck)
        _trends(deck)
    if report.stages() or report.funnel:
        _funnel(deck)
    if report.articles:
        _articles(deck)
    _watch(deck)
    _definitions(deck)
    file = io.BytesIO()
    deck.presentation.save(file)
    return _frozen(file.getvalue(), report.published_at)


@dataclass(frozen=True)
class _Deck:
    """A deck of one report while it is made."""

    report: Report
    presentation: Any

    @classmethod
    def of(cls, report: Report) -> "_Deck":
        presentation = Presentation()
        _widen(presentation)
        _dress(presentation, report.formats.locale)
        properties, of = presentation.core_properties, report.formats.locale
        month = report.formats.period("month", report.month)
        properties.title = legible(f"{REPORT.of(of)} {month}")
        properties.subject = month
        properties.author = "gyakusan"
        properties.keywords = report.snapshot
        properties.comments = legible(STANDING.format(**standing(report)).of(of))
        properties.created = properties.modified = report.published_at.replace(tzinfo=None)
        properties.last_modified_by = "gyakusan"
        return cls(report, presentation)

    @property
    def locale(self) -> Locale:
        return self.report.formats.locale

    def slide(self, title: str) -> Slide:
        """A slide with a title and, at the foot, whose numbers these are."""
        slide = self.presentation.slides.add_slide(self.presentation.slide_layouts[5])
        shape = slide.shapes.title
        shape.left, shape.top, shape.width, shape.height = (
            Inches(MARGIN), Inches(0.35), Inches(WIDTH - 2 * MARGIN), Inches(1.05),
        )  # fmt: skip
        frame = shape.text_frame
        frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
        frame.margin_left = frame.margin_right = 0
        frame.text = legible(title)
        frame.paragraphs[0].alignment = PP_ALIGN.LEFT
        _paint(frame.paragraphs[0].runs[0], 26, INK, True)
        said = SLIDE.format(**standing(self.report)).of(self.locale)
        month = self.report.formats.period("month", self.report.month)
        self.text(slide, (MARGIN, 7.0, 9, 0.3), [[(f"{self.report.company}　{month}　{said}", 10, GREY, False)]])
        _number(slide)
        return slide

    def text(
        self,
        slide: Slide,
        box: tuple[float, float, float, float],
        paragraphs: Sequence[Sequence[tuple[str, float, str, bool]]],
        space: float = 0,
    ) -> None:
        """Paragraphs of runs (words, size, colour, bold) in a box of inches."""
        frame = slide.shapes.add_textbox(*(Inches(side) for side in box)).text_frame
        frame.word_wrap = True
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
        for number, runs in enumerate(paragraphs):
            paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
            paragraph.space_after = Pt(space)
            for words, size, colour, bold in runs:
                run = paragraph.add_run()
                run.text = legible(words)
                _paint(run, size, colour, bold)

    def chart(
        self, slide: Slide, kind: XL_CHART_TYPE, box: tuple[float, float, float, float], data: CategoryChartData
    ) -> Chart:
        """A native chart in a box of inches."""
        chart = slide.shapes.add_chart(kind, *(Inches(side) for side in box), data).chart
        chart.font.size, chart.font.color.rgb = Pt(12), _colour(INK)
        _east_asian(chart.font._rPr, self.locale)
        chart.has_title = False
        return chart

    def table(
        self,
        slide: Slide,
        box: tuple[float, float, float],
        widths: Sequence[float],
        rows: Sequence[Sequence[tuple[str, str]]],
        size: float = 12,
        height: float = 0.36,
    ) -> None:
        """A table; its first row is the heads. A cell is words and a colour; numbers stand at the right."""
        left, top, wide = box
        scale = wide / sum(widths)
        shape = slide.shapes.add_table(
            len(rows), len(widths), Inches(left), Inches(top), Inches(wide), Inches(height * len(rows))
        )
        table = shape.table
        _plain(shape)
        for column, width in enumerate(widths):
            table.columns[column].width = Inches(width * scale)
        for number, row in enumerate(rows):
            table.rows[number].height = Inches(height)
            for column, (words, colour) in enumerate(row):
                cell = table.cell(number, column)
                cell.fill.solid()
                cell.fill.fore_color.rgb = _colour(HEAD if number == 0 else "#FFFFFF")
                cell.margin_left = cell.margin_right = Inches(0.06)
                cell.margin_top = cell.margin_bottom = Inches(0.02)
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                cell.text = legible(words)
                paragraph = cell.text_frame.paragraphs[0]
                below = rows[min(number + 1, len(rows) - 1)][column][0] if number == 0 else words
                paragraph.alignment = PP_ALIGN.RIGHT if _is_number(below) else PP_ALIGN.LEFT
                for run in paragraph.runs:
                    _paint(run, size, colour, number == 0 or colour not in (INK, GREY))
                _underline(cell)


# ---------------------------------------------------------------------------------------------------------------------
# Slides


def _conclusion(deck: _Deck) -> None:
    report, of, formats = deck.report, deck.locale, deck.report.formats
    slide = deck.slide(sentences.conclusion(report))
    goal = report.goal
    if goal:
        unit = goal["unit"]
        facts = [
            (HEADS["actual"].of(of), formats.exact(goal["actual"], unit)),
            (HEADS["target"].of(of), formats.exact(goal["target"], unit)),
            (_attainment(goal, formats).of(of), formats.share(goal["attainment"])),
        ]
        if goal["projected"] is not None:
            facts.append((LANDS.of(of), formats.exact(goal["projected"], unit)))
        if goal["chance"] is not None and goal["outlook"] not in sentences.OVER:
            facts.append((HEADS["chance"].of(of), formats.chance(goal["chance"])))
        _tiles(deck, slide, facts)
        said = f"{label(report, goal)}　{report.period(goal)}　{outlook_words(goal, of)}"
        deck.text(slide, (MARGIN, 3.1, WIDTH - 2 * MARGIN, 0.4), [[(said, 14, outlook_colour(goal), True)]])
    reasons = [sentences.count(report), sentences.shortest(report)]
    if report.articles:
        reasons.append(sentences.articles(report, TOP_ARTICLES))
    top, wide = 3.75, (WIDTH - 2 * MARGIN - 0.6) / 2
    for place, (name, lines) in enumerate((("reasons", reasons), ("next", sentences.actions(report)))):
        if lines:
            head = [(TITLES[name].of(of), 16, BLUE, True)]
            body = [[(f"・{line}", 15, INK, False)] for line in lines]
            deck.text(slide, (MARGIN + place * (wide + 0.6), top, wide, 3.0), [head, *body], 8)


def _attainment(goal: Row, formats: Formats) -> Text:
    """The name of the attainment; of a running period with how much of it has passed."""
    if goal["is_complete"] or goal["standard_pace"] is None:
        return HEADS["attainment"]
    return SO_FAR.format(pace=formats.share(goal["standard_pace"]))


def _tiles(deck: _Deck, slide: Slide, facts: Sequence[tuple[str, str]]) -> None:
    """Large numbers in a row, each under its name."""
    wide = (WIDTH - 2 * MARGIN) / 5
    for place, (name, value) in enumerate(facts):
        size = 40 if len(value) <= 8 else 26
        said = [[(name, 14, GREY, False)], [(value, size, INK, True)]]
        deck.text(slide, (MARGIN + place * wide, 1.7, wide - 0.1, 1.3), said)


def _kgi(deck: _Deck) -> None:
    report, of, formats, goal = deck.report, deck.locale, deck.report.formats, deck.report.kgi[-1]
    slide = deck.slide(sentences.record(report))
    data = _data(report, goal["unit"])
    data.categories = [formats.period(row["grain"], row["period_start"]).replace("（", "\n（") for row in report.kgi]
    data.add_series(HEADS["actual"].of(of), [row["actual"] for row in report.kgi])
    data.add_series(HEADS["target"].of(of), [row["target"] for row in report.kgi])
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, (MARGIN, BODY, 9.2, 5.3), data)
    _quiet(chart)
    actual, target = chart.plots[0].series
    chart.plots[0].gap_width, chart.plots[0].overlap = 60, 0
    _fill(actual.format.fill, BLUE)
    actual.format.line.color.rgb = _colour(BLUE)
    _labels(actual)
    for number, row in enumerate(report.kgi):
        if not row["is_complete"]:
            fill = actual.points[number].format.fill
            fill.patterned()
            fill.pattern = MSO_PATTERN.WIDE_UPWARD_DIAGONAL
            fill.fore_color.rgb, fill.back_color.rgb = _colour(BLUE), _colour("#FFFFFF")
    target.format.fill.background()
    target.format.line.color.rgb = _colour(GREY)
    facts = [
        [(report.period(goal), 13, GREY, False)],
        [(" / ".join(formats.exact(goal[name], goal["unit"]) for name in ("actual", "target")), 26, INK, True)],
        [(outlook_words(goal, of), 18, outlook_colour(goal), True)],
    ]
    if goal["projected"] is not None:
        facts.append([(f"{LANDS.of(of)} {formats.exact(goal['projected'], goal['unit'])}", 16, INK, True)])
        low, high = (formats.exact(goal[name], goal["unit"]) for name in ("projected_low", "projected_high"))
        facts.append([(BETWEEN.format(low=low, high=high).of(of), 14, INK, False)])
    if goal["chance"] is not None and goal["outlook"] not in sentences.OVER:
        facts.append([(f"{HEADS['chance'].of(of)} {formats.chance(goal['chance'])}", 14, INK, False)])
    if not goal["is_complete"]:
        facts.append([(SOFAR.of(of), 12, GREY, False)])
    deck.text(slide, (10.1, 2.0, WIDTH - 10.1 - MARGIN, 4), facts, 8)


def _targets(deck: _Deck) -> None:
    report, of, formats = deck.report, deck.locale, deck.report.formats
    slide = deck.slide(sentences.count(report))
    names = ("kpi", "period", "actual", "target", "attainment")
    heads = [(head.of(of), INK) for head in (*(HEADS[name] for name in names), LANDS, HEADS["outlook"], HEADS["owner"])]
    rows = [heads]
    for row in [*report.kgi[-1:], *report.targets][:14]:
        unit = row["unit"]
        rows.append(
            [
                (label(report, row), INK),
                (report.period(row), INK),
                (formats.exact(row["actual"], unit), INK),
                (formats.exact(row["target"], unit), INK),
                (formats.share(row["attainment"]), INK),
                (formats.exact(row["projected"], unit), INK),
                (outlook_words(row, of), outlook_colour(row)),
                (row["owner"] or "", GREY),
            ]
        )
    deck.table(slide, (MARGIN, BODY, WIDTH - 2 * MARGIN), (2.2, 3.7, 1.1, 1.1, 1.1, 1.2, 1.6, 2.4), rows, 12, 0.42)


def _trends(deck: _Deck) -> None:
    """The two KPIs that are farthest off (else the first two), month by month against their targets."""
    report, of = deck.report, deck.locale
    monthly = [row for row in report.targets if row["grain"] == "month" and report.past(row["kpi"])]
    watched = [row for row in report.watched() if row in monthly] or monthly
    if not watched:
        return
    slide = deck.slide(sentences.target(report, watched[0]))
    shown = watched[:2]
    wide = (WIDTH - 2 * MARGIN - 0.4 * (len(shown) - 1)) / len(shown)
    for place, row in enumerate(shown):
        left = MARGIN + place * (wide + 0.4)
        deck.text(slide, (left, BODY, wide, 0.35), [[(label(report, row), 15, INK, True)]])
        past = report.past(row["kpi"])
        data = _data(report, row["unit"])
        data.categories = [f"{one['period_start']:%y}/{one['period_start'].month}" for one in past]
        data.add_series(HEADS["actual"].of(of), [one["value"] for one in past])
        data.add_series(HEADS["target"].of(of), [one["target"] for one in past])
        chart = deck.chart(slide, XL_CHART_TYPE.LINE_MARKERS, (left, BODY + 0.4, wide, 4.3), data)
        _quiet(chart)
        _every_third_month(chart)
        actual, target = chart.plots[0].series
        _line(actual, BLUE, 2.5)
        _line(target, GREY, 1.75, dashed=True)
        last = actual.points[len(past) - 1].data_label
        last.position, last.has_text_frame = XL_LABEL_POSITION.ABOVE, False
        _show_value(last)
        deck.text(slide, (left, 6.3, wide, 0.6), [[(sentences.stands(report, row), 12, GREY, False)]])


def _funnel(deck: _Deck) -> None:
    report, of, formats = deck.report, deck.locale, deck.report.formats
    slide = deck.slide(sentences.shortest(report))
    stages = report.stages()
    if stages:
        deck.text(slide, (MARGIN, BODY, 6, 0.35), [[(OF_DUE.of(of), 15, INK, True)]])
        data = CategoryChartData(number_format="0%")
        data.categories = [report.label(row) for row in stages]
        data.add_series(OF_DUE.of(of), [row["actual"] / row["due"] for row in stages])
        chart = deck.chart(slide, XL_CHART_TYPE.BAR_CLUSTERED, (MARGIN, BODY + 0.35, 6.0, 3.0), data)
        _quiet(chart)
        chart.has_legend = False
        chart.category_axis.reverse_order = True
        chart.value_axis.visible = False
        chart.plots[0].gap_width = 60
        _fill(chart.plots[0].series[0].format.fill, BLUE)
        _labels(chart.plots[0].series[0])
        due = HEADS["due" if report.is_running else "required"].of(of).replace("\n", "" if of == "ja" else " ")
        rows = [[(HEADS["stage"].of(of), INK), (HEADS["actual"].of(of), INK), (due, INK), (OF_DUE.of(of), INK)]]
        for row in stages:
            share = formats.share(row["actual"] / row["due"])
            numbers = [formats.exact(row[name], row["unit"]) for name in ("actual", "due")]
            rows.append([(report.label(row), INK), *((words, INK) for words in (*numbers, share))])
        deck.table(slide, (7.0, BODY + 0.4, WIDTH - 7.0 - MARGIN), (1.2, 0.8, 1.8, 2.0), rows, 12)
    if report.funnel:
        names = ("transition", "n", "moved", "rate", "rate_low", "rate_high", "q50", "q90")
        rows = [[(HEADS[name].of(of).replace("\n", "" if of == "ja" else " "), INK) for name in names]]
        for row in report.funnel:
            counts = [formats.exact(row[name], "count") for name in ("n", "moved")]
            rates = [formats.exact(row[name], "ratio") for name in ("rate", "ci_low", "ci_high")]
            days = [formats.exact(row[name], "count") for name in ("lag_q50_days", "lag_q90_days")]
            cells = (transition(row, of), *counts, *rates, *days)
            rows.append([(words, INK) for words in cells])
        deck.table(slide, (MARGIN, 5.15, WIDTH - 2 * MARGIN), (2.2, 1, 1, 1, 1.1, 1.1, 1.4, 1.4), rows, 12)


def _articles(deck: _Deck) -> None:
    report, of, formats = deck.report, deck.locale, deck.report.formats
    slide = deck.slide(sentences.articles(report, TOP_ARTICLES))
    has_leads = any(row["leads"] for row in report.articles)
    column, title = ("leads", LEADS_BY_ARTICLE) if has_leads else ("page_views", VIEWS_BY_ARTICLE)
    known = [row for row in report.articles if row[column] is not None]
    top = sorted(known, key=lambda row: -row[column])[:TOP_ARTICLES]
    if not top:
        return
    folder = _folder([str(row["path"]) for row in top])
    said = title.format(top=len(top)).of(of)
    names = [_short(row["title"] or str(row["path"]).removeprefix(folder) or folder) for row in top]
    deck.text(slide, (MARGIN, BODY, 7.0, 0.35), [[(said, 15, INK, True)]])
    data = CategoryChartData(number_format="#,##0")
    # The chart brings a workbook along, in which a path must not compute either.
    data.categories = [as_text(legible(name)) for name in names]
    data.add_series(said, [row[column] for row in top])
    chart = deck.chart(slide, XL_CHART_TYPE.BAR_CLUSTERED, (MARGIN, BODY + 0.35, 6.0, 5.0), data)
    _quiet(chart)
    chart.has_legend = False
    chart.category_axis.reverse_order = True
    chart.value_axis.visible = False
    chart.plots[0].gap_width = 45
    _fill(chart.plots[0].series[0].format.fill, BLUE)
    _labels(chart.plots[0].series[0])
    columns = ("page_views", "leads", "mqls", "deals", "orders")
    rows = [[(HEADS[name].of(of), INK) for name in ("article", *columns)]]
    for name, row in zip(names, top, strict=True):
        numbers = [formats.exact(row[name], "count") for name in columns]
        rows.append([(_short(name, 26), INK), *((words, INK) for words in numbers)])
    deck.table(slide, (6.8, BODY + 0.4, WIDTH - 6.8 - MARGIN), (2.7, 1.2, 0.8, 0.8, 0.8, 0.8), rows, 10.5, 0.4)


def _watch(deck: _Deck) -> None:
    report, of = deck.report, deck.locale
    slide = deck.slide(sentences.watch(report))
    paragraphs: list[list[tuple[str, float, str, bool]]] = []
    for number, row in enumerate(report.watched(), 1):
        said = (f"{number}. {sentences.target(report, row)}", 18.0, INK, True)
        paragraphs += [
            [said, (f"　{outlook_words(row, of)}", 16, outlook_colour(row), True)],
            [(f"　 {sentences.stands(report, row)}", 14, GREY, False)],
        ]
    deck.text(slide, (MARGIN, BODY + 0.1, WIDTH - 2 * MARGIN, 3.2), paragraphs or [[("", 12, INK, False)]], 8)
    actions = sentences.actions(report)
    if actions:
        head = [(TITLES["next"].of(of), 16, BLUE, True)]
        body = [[(f"→ {line}", 16, INK, False)] for line in actions]
        deck.text(slide, (MARGIN, 4.9, WIDTH - 2 * MARGIN, 1.9), [head, *body], 8)


def _definitions(deck: _Deck) -> None:
    """The definitions of the KPIs that the slides show, and the words for how they stand."""
    report, of = deck.report, deck.locale
    slide = deck.slide(TITLES["definitions"].of(of))
    shown = {row["kpi"] for row in (*report.kgi, *report.targets, *report.stages())}
    rows = [[(HEADS["kpi"].of(of), INK), (HEADS["definition"].of(of), INK)]]
    for row in report.kpis:
        if row["kpi"] in shown:
            definition = row["definition_ja"] if of == "ja" else row["definition"]
            rows.append([(report.label(row), INK), (definition or "", INK)])
    deck.table(slide, (MARGIN, 1.4, WIDTH - 2 * MARGIN), (1.8, 10), rows[:12], 10.5, 0.3)
    said = [
        [(f"{word.of(of)}: ", 10.5, INK, True), (meaning.of(of), 10.5, GREY, False)] for word, meaning in terms()[:5]
    ]
    deck.text(slide, (MARGIN, 5.35, WIDTH - 2 * MARGIN, 1.5), said, 2)


# ---------------------------------------------------------------------------------------------------------------------
# Shapes


def _folder(paths: Sequence[str]) -> str:
    """The folder that all paths lie in: on a slide it is said once."""
    folder = paths[0].rpartition("/")[0] + "/"
    while folder and not all(path.startswith(folder) for path in paths):
        folder = folder.rstrip("/").rpartition("/")[0] + "/" if "/" in folder.rstrip("/") else ""
    return folder


def _short(words: str, most: int = 32) -> str:
    """Words that fit a cell, by how wide they are."""
    if display_width(words) <= most:
        return words
    kept = words
    while display_width(kept) > most - 1:
        kept = kept[:-1]
    return kept + "…"


def _is_number(words: str) -> bool:
    return bool(re.fullmatch(r"[-−]?[^0-9A-Za-z]?[0-9][0-9,.]*[^0-9]{0,2}|–", words))


def _data(report: Report, unit: str) -> CategoryChartData:
    return CategoryChartData(number_format="0.0%" if unit == "ratio" else "#,##0")


def _colour(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.removeprefix("#"))


def _paint(run: Any, size: float, colour: str, bold: bool) -> None:
    run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, _colour(colour)


def _fill(fill: FillFormat, colour: str) -> None:
    fill.solid()
    fill.fore_color.rgb = _colour(colour)


def _line(series: Any, colour: str, width: float, dashed: bool = False) -> None:
    series.smooth = False
    series.format.line.color.rgb, series.format.line.width = _colour(colour), Pt(width)
    if dashed:
        series.format.line.dash_style = MSO_LINE.DASH
        series.marker.style = XL_MARKER_STYLE.NONE
    else:
        series.marker.style, series.marker.size = XL_MARKER_STYLE.CIRCLE, 7
        _fill(series.marker.format.fill, colour)
        series.marker.format.line.color.rgb = _colour(colour)


def _labels(series: Any) -> None:
    labels = series.data_labels
    labels.show_value = True
    labels.font.size, labels.font.color.rgb = Pt(12), _colour(INK)
    labels.position = XL_LABEL_POSITION.OUTSIDE_END


def _show_value(data_label: Any) -> None:
    """Show the value of one point: the library only knows words of one's own."""
    element = data_label._dLbl
    for name in ("c:showLegendKey", "c:showVal", "c:showCatName", "c:showSerName", "c:showPercent", "c:showBubbleSize"):
        found = element.find(qn(name))
        if found is not None:
            found.set("val", "1" if name == "c:showVal" else "0")


def _quiet(chart: Chart) -> None:
    """Horizontal lines alone, legend at the foot, no frame."""
    chart.has_legend = True
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    value, category = chart.value_axis, chart.category_axis
    value.minimum_scale = 0
    value.major_gridlines.format.line.color.rgb = _colour("#E6E6E6")
    value.format.line.fill.background()
    value.major_tick_mark = category.major_tick_mark = XL_TICK_MARK.NONE
    category.format.line.color.rgb = _colour(GREY)
    category.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    category.has_major_gridlines = False
    if chart.chart_type == XL_CHART_TYPE.BAR_CLUSTERED:
        value.has_major_gridlines = False


def _every_third_month(chart: Chart) -> None:
    """Months that do not fit beside each other would be turned; every third one says enough."""
    axis = chart.category_axis._element
    axis.find(qn("c:noMultiLvlLbl")).addprevious(parse_xml(f'<c:tickLblSkip {nsdecls("c")} val="3"/>'))
    chart.category_axis.tick_labels.font.size = Pt(10)
    axis.find(qn("c:txPr")).find(qn("a:bodyPr")).set("rot", "0")


def _plain(shape: Any) -> None:
    """A table without the library's blue bands."""
    properties = shape._element.graphic.graphicData.tbl.tblPr
    for name in ("bandRow", "firstRow"):
        properties.set(name, "0")
    properties.find(qn("a:tableStyleId")).text = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"


def _underline(cell: Any) -> None:
    """A thin line below a cell, in front of its fill, where the schema wants it."""
    line = parse_xml(f'<a:lnB {nsdecls("a")} w="6350"><a:solidFill><a:srgbClr val="{RULE[1:]}"/></a:solidFill></a:lnB>')
    cell._tc.get_or_add_tcPr().insert(0, line)


def _number(slide: Slide) -> None:
    """The slide's number, which stays right when slides are moved."""
    frame = slide.shapes.add_textbox(Inches(WIDTH - MARGIN - 1), Inches(7.0), Inches(1), Inches(0.3)).text_frame
    frame.margin_right = 0
    paragraph = frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT
    paragraph._p.append(
        parse_xml(
            f'<a:fld {nsdecls("a")} id="{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}" type="slidenum">'
            f'<a:rPr lang="en-US" sz="1000"><a:solidFill><a:srgbClr val="{GREY[1:]}"/></a:solidFill></a:rPr>'
            f"<a:t>{len(slide.part.package.presentation_part.presentation.slides)}</a:t></a:fld>"
        )
    )


def _east_asian(properties: Any, of: Locale) -> None:
    """Name the font of Japanese letters too, which a chart does not take from the name of the Latin one."""
    for tag in ("a:latin", "a:ea"):
        found = properties.find(qn(tag))
        if found is None:
            found = parse_xml(f"<{tag} {nsdecls('a')}/>")
            properties.append(found)
        found.set("typeface", font(of) if tag == "a:latin" else "Yu Gothic")


def _widen(presentation: Any) -> None:
    """16:9 in place of the library's 4:3, with what stands on the master and its layouts."""
    old = presentation.slide_width
    presentation.slide_width, presentation.slide_height = Inches(WIDTH), Inches(HEIGHT)
    master = presentation.slide_master
    for shape in [shape for part in (master, *master.slide_layouts) for shape in part.shapes]:
        if shape._element.spPr.find(qn("a:xfrm")) is not None:
            left, wide = shape.left, shape.width
            shape.left, shape.width = (Emu(int(side * presentation.slide_width / old)) for side in (left, wide))


def _dress(presentation: Any, of: Locale) -> None:
    """The theme's fonts and colours: a Japanese font for Japanese, and the three hues of the board."""
    part = presentation.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    theme = part.blob.decode("utf-8")
    theme = re.sub(r'(<a:(?:major|minor)Font>\s*<a:latin typeface=")[^"]*', rf"\g<1>{font(of)}", theme)
    theme = theme.replace('<a:ea typeface=""/>', '<a:ea typeface="Yu Gothic"/>')
    hues = (BLUE, "#C74700", GREY, "#7096F8", "#C5D7FB", "#949494")
    for number, hue in enumerate(hues, 1):
        pattern = rf"(<a:accent{number}>\s*<a:srgbClr val=\")[0-9A-Fa-f]{{6}}"
        theme = re.sub(pattern, rf"\g<1>{hue[1:]}", theme)
    part._blob = theme.encode("utf-8")


def _frozen(document: bytes, at: datetime) -> bytes:
    """An Office file whose bytes depend on its contents alone: the libraries write the time of day into it."""
    file = io.BytesIO()
    stamp = f"{at:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(io.BytesIO(document)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".xlsx"):
                content = _frozen(content, at)
            elif name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()
