"""Tables in a workbook: columns with values, formulas and forms, and cell styles that are made once.

Every formula also holds its result, so that a viewer that does not calculate shows it too. Text is always written as
text, and what a spreadsheet would take for a formula is marked so that it stays text when somebody edits the cell.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from unicodedata import east_asian_width

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from board.csv_file import STARTS_A_FORMULA
from board.formats import Formats
from board.pack.report import Report, Row
from board.pack.words import BLOCKS, BLUE, GREY, HEAD, INK, REPORT, RULE, SHEETS, STANDING, TITLE, standing
from connectors.text import Locale, Text

ROW_HEIGHT = 17.25
"""What a line of 10 points of Yu Gothic needs."""
Value = str | float | int | date | None
WORDS = ("text", "beside", "wrapped", "top", "month", "day")
"""The forms that stand at the left of their cell."""


def legible(words: str) -> str:
    """Words without the characters that no XML file can hold."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "�", words)


@dataclass(frozen=True)
class Column:
    """A column of a table: its value in a row, in which form, and the formula that computes it, if any.

    A formula is a template over the cells of its own row, by the names of their columns.
    """

    name: str
    head: Text
    value: Callable[[Row], Value]
    form: Callable[[Row], str] | str = "text"
    formula: Callable[[Row], str | None] | None = None
    colour: Callable[[Row], str | None] | None = None


@dataclass(frozen=True)
class Styles:
    """The cell formats of a workbook, each made once."""

    book: Workbook
    formats: Formats
    made: dict[tuple[str, tuple[tuple[str, object], ...]], Format] = field(default_factory=dict)

    def __call__(self, form: str, **more: object) -> Format:
        key = form, tuple(sorted(more.items()))
        if key not in self.made:
            self.made[key] = self.book.add_format({**self._properties(form), **more})
        return self.made[key]

    def _properties(self, form: str) -> dict[str, object]:
        ja = self.formats.locale == "ja"
        points = Text("ポイント", " pts").of(self.formats.locale)
        patterns = {
            "count": "#,##0",
            "decimal": "#,##0.0",
            "currency": "#,##0;▲#,##0" if ja else "#,##0;-#,##0",
            "ratio": "0.0%",
            "seconds": "#,##0.0",
            "rank": "0.0",
            "change": "+0.0%;-0.0%;0.0%",
            "points": f'+0.0"{points}";-0.0"{points}";0.0"{points}"',
            "less_count": "+#,##0;-#,##0;0",
            "less_decimal": "+#,##0.0;-#,##0.0;0.0",
            "less_currency": "+#,##0;▲#,##0;0" if ja else "+#,##0;-#,##0;0",
            "day": "yyyy/m/d" if ja else "yyyy-mm-dd",
            "month": 'yyyy"年"m"月"' if ja else "mmm yyyy",
        }
        ruled: dict[str, object] = {"bottom": 1, "bottom_color": RULE, "valign": "vcenter", "font_color": INK}
        if form in patterns:
            return {**ruled, "num_format": patterns[form], "align": "left" if form in ("day", "month") else "right"}
        named: dict[str, dict[str, object]] = {
            "text": ruled,
            "beside": {**ruled, "indent": 1},
            "wrapped": {**ruled, "text_wrap": True},
            "top": {**ruled, "text_wrap": True, "valign": "top"},
            "head": {
                "bold": True,
                "bg_color": HEAD,
                "bottom": 1,
                "bottom_color": BLUE,
                "text_wrap": True,
                "valign": "vcenter",
                "font_color": INK,
            },
            "title": {"bold": True, "font_size": 16, "font_color": INK},
            "standing": {"font_color": GREY, "font_size": 9},
            "conclusion": {"bold": True, "font_size": 13, "font_color": INK},
            "line": {"font_color": INK},
            "block": {"bold": True, "font_size": 11, "font_color": INK, "valign": "bottom"},
        }
        return named[form]


@dataclass(frozen=True)
class Pen:
    """What writes the sheets of one report."""

    book: Workbook
    report: Report
    styles: Styles

    @property
    def of(self) -> Locale:
        return self.report.formats.locale

    def write(self, sheet: Worksheet, row: int, column: int, words: str, form: str = "line", **more: object) -> None:
        """Words of ours, or of the data: always as text."""
        sheet.write_string(row, column, legible(words), self.styles(form, **more))

    def block(self, sheet: Worksheet, row: int, name: str, **places: object) -> int:
        """The heading of a table; the row below it."""
        self.write(sheet, row, 0, BLOCKS[name].format(**places).of(self.of), "block")
        sheet.set_row(row, 27)
        return row + 1

    def table(self, sheet: Worksheet, top: int, columns: Sequence[Column], rows: Sequence[Row]) -> int:
        """A row of heads and the rows; the row below them."""
        for number, column in enumerate(columns):
            is_left = isinstance(column.form, str) and column.form in WORDS
            align = {"align": "left" if is_left else "right", "indent": int(column.form == "beside")}
            sheet.write_string(top, number, column.head.of(self.of), self.styles("head", **align))
        sheet.set_row(top, 31)
        for row_number, row in enumerate(rows, top + 1):
            places = {column.name: xl_rowcol_to_cell(row_number, at) for at, column in enumerate(columns)}
            for number, column in enumerate(columns):
                self._cell(sheet, row_number, number, column, row, places)
        return top + 1 + len(rows)

    def _cell(
        self, sheet: Worksheet, at: int, number: int, column: Column, row: Row, places: Mapping[str, str]
    ) -> None:
        value, form = column.value(row), column.form if isinstance(column.form, str) else column.form(row)
        colour = column.colour(row) if column.colour else None
        style = self.styles(form, bold=form == "beside", font_color=colour) if colour else self.styles(form)
        formula = column.formula(row) if column.formula else None
        if formula:
            sheet.write_formula(at, number, formula.format(**places), style, "" if value is None else value)
        elif value is None or value == "":
            sheet.write_blank(at, number, None, style)
        elif isinstance(value, str):
            words = legible(value)
            is_risky = words.startswith(STARTS_A_FORMULA)
            sheet.write_string(at, number, words, self.styles(form, quote_prefix=True) if is_risky else style)
        elif isinstance(value, date):
            sheet.write_datetime(at, number, datetime(value.year, value.month, value.day), style)
        else:
            sheet.write_number(at, number, value, style)


def begin(pen: Pen, sheet: Worksheet, name: str, widths: Sequence[float]) -> int:
    """Title, standing, page set-up and widths of a sheet; the first free row."""
    report, of = pen.report, pen.of
    month = report.formats.period("month", report.month)
    title = REPORT if name == "summary" else SHEETS[name]
    pen.write(sheet, 0, 0, TITLE.format(sheet=title, month=month).of(of), "title")
    pen.write(sheet, 1, 0, STANDING.format(**standing(report)).of(of), "standing")
    sheet.set_default_row(ROW_HEIGHT)
    sheet.set_row(0, 26)
    for number, width in enumerate(widths):
        sheet.set_column(number, number, width)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    printed = {key: _printed(words) for key, words in standing(report).items()}
    data = Text("データ {as_of} まで", "Data to {as_of}").format(**printed).of(of)
    sheet.set_header(f"&L&9{printed['company']}&R&9{REPORT.of(of)} {month}")
    sheet.set_footer(f"&L&9{data}   {printed['snapshot']}&R&9&P / &N")
    return 3


def _printed(words: str) -> str:
    """Words for a page's header, in which & begins a code; a header holds 255 characters."""
    return legible(words)[:80].replace("&", "&&")


def width(rows: Sequence[Row], words: Callable[[Row], str], least: float, most: float) -> float:
    """A width in which the words fit; a Japanese letter is as wide as two digits."""
    widest = max((display_width(words(row)) for row in rows), default=0)
    return min(max(widest * 1.05 + 2, least), most)


def display_width(words: str) -> int:
    """How many digits wide words are."""
    return sum(2 if east_asian_width(letter) in "WFA" else 1 for letter in words)
