"""A Google Sheet that stands in for plan.yml: a tab for each section, whose first row holds the section's keys.

The sheet is read as it is at that moment, in two requests: the titles of its tabs, then the cells of those that are
sections, each as value, as it is shown and with its kind of number. The values alone would not do: a date is a serial
number, and ``+20%`` that somebody typed is the number 0.2, which only its format tells from two tenths of an inquiry.
A share such as 35 % is therefore the level of a rate and refused of any other KPI; a change is text (``'+20%``), or a
number whose format shows the sign.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from unicodedata import normalize

from google.auth.credentials import Credentials
from googleapiclient.discovery import Resource
from googleapiclient.http import HttpRequest
from pydantic import BaseModel

from connectors import google
from connectors.plan import Focus, Handoff, OnMiss, Persona, Plan, Review, Target, is_rate
from connectors.plan import Resource as Means
from connectors.yaml_file import Entry, Problem, nearest, validated

API = google.SHEETS
SCOPES = ("https://www.googleapis.com/auth/spreadsheets.readonly",)
NAME = "plan sheet"
ONE_ROW: Mapping[str, type[BaseModel]] = {"kgi": Target, "focus": Focus, "handoff": Handoff, "on_miss": OnMiss}
MANY_ROWS: Mapping[str, type[BaseModel]] = {
    "targets": Target, "personas": Persona, "reviews": Review, "resources": Means,
}  # fmt: skip
SECTIONS = {**ONE_ROW, **MANY_ROWS}
DAYS = ("start", "end")
NUMBERS = ("target", "sla_hours", "business_day", "hours_per_month", "budget_per_month")
LISTS = ("industries", "roles", "problems")
"""The columns whose cells are more than the text that they show."""
TITLES = "sheets(properties(title))"
CELLS = "sheets(properties(title),data(rowData(values(effectiveValue,formattedValue,effectiveFormat(numberFormat)))))"
DAY_0 = date(1899, 12, 30)
SERIALS = range(10_000, 100_000)
"""Days from 1927 to 2173; a year or 20250401 that was typed as a number is none of them."""
HEADER = "header"


@dataclass(frozen=True)
class Cell:
    """A cell: what it shows, its number (of a date the days since ``DAY_0``), and what kind of number that is."""

    shown: str = ""
    number: float | None = None
    kind: str = ""
    is_error: bool = False

    @property
    def is_share(self) -> bool:
        """Whether it is a number that shows as a percentage without a sign; with one it is a change."""
        is_percentage = self.number is not None and (self.kind == "PERCENT" or "%" in self.shown)
        return is_percentage and not self.shown.startswith(("+", "-"))


@dataclass(frozen=True)
class Row:
    """A row that holds something: its entry in the plan, its number in the tab, and its cells by their columns."""

    entry: Entry
    number: int
    cells: Mapping[str, Cell]

    @property
    def kpi(self) -> str:
        return self.cells["kpi"].shown if "kpi" in self.cells else ""


def service(endpoint: str | None, credentials: Credentials, timeout_seconds: float = 60.0) -> Resource:
    """A client for Google's own endpoint (``None``) or another URL. It is not for use by several threads.

    Raises SourceError for anonymous credentials without an endpoint.
    """
    return google.service(API, "sheets", "v4", endpoint, credentials, timeout_seconds)


def read(service: Resource, sheet_id: str, pause_seconds: float = 1.0) -> Plan:
    """The plan that the sheet holds now; ``pause_seconds`` is the first pause before a further try.

    Raises SourceError naming tab, row and column of each wrong entry, or why Google did not answer, and then with one
    of google.ERRORS as its cause.
    """
    spreadsheets = service.spreadsheets()
    listed = _answer(spreadsheets.get(spreadsheetId=sheet_id, fields=TITLES), pause_seconds)
    titles = [tab["properties"]["title"] for tab in listed.get("sheets", [])]
    ranges = [f"'{title}'" for title in titles if _folded(title) in SECTIONS]
    if not ranges:  # without any, Google gives the whole spreadsheet
        return plan_of([])
    asked = spreadsheets.get(spreadsheetId=sheet_id, ranges=ranges, fields=CELLS)
    return plan_of([(tab["properties"]["title"], _rows(tab)) for tab in _answer(asked, pause_seconds)["sheets"]])


def _answer(request: HttpRequest, pause_seconds: float) -> dict[str, Any]:
    try:
        return google.ask(partial(google.execute, request), google.ask_again, pause_seconds)[0]
    except google.ERRORS as error:
        raise API.explain(error, "the plan of the last night") from error


def _rows(tab: Mapping[str, Any]) -> list[list[Cell]]:
    """The rows of a tab; Google leaves out the empty rows and cells at the end, and the parts of cells that are not."""
    [grid] = tab.get("data", [{}])
    return [[_cell(found) for found in row.get("values", [])] for row in grid.get("rowData", [])]


def _cell(found: Mapping[str, Any]) -> Cell:
    value = found.get("effectiveValue", {})
    kind = found.get("effectiveFormat", {}).get("numberFormat", {}).get("type", "")
    return Cell(found.get("formattedValue", "").strip(), value.get("numberValue"), kind, "errorValue" in value)


def plan_of(tabs: Iterable[tuple[str, Sequence[Sequence[Cell]]]]) -> Plan:
    """The plan of tabs, given as title and rows. Raises SourceError naming tab, row and column of what is wrong."""
    data: dict[str, Any] = {"version": 1}
    numbers: dict[Entry, int] = {}
    problems: list[Problem] = []
    for title, cells in tabs:
        section = _folded(title)
        if section in data:
            problems.append(Problem((f"tab {title}",), "is that section once more", "rename one of the two tabs"))
        elif section in SECTIONS:
            header = _header(cells)
            rows = _filled(section, header, cells)
            numbers |= {(section, HEADER): 1, **{row.entry: row.number for row in rows}}
            problems += [*_faults_of_header(section, header), *(fault for row in rows for fault in _faults(row))]
            entries = [{name: _value(name, cell, row.kpi) for name, cell in row.cells.items()} for row in rows]
            if entries:
                data[section] = entries if section in MANY_ROWS else entries[0]
    if "kgi" not in data:
        remedy = "add a tab kgi with kpi, grain, start, end and target in its first row and what they are in the second"
        problems.append(Problem(("kgi",), "there is no such tab, or nothing below its first row", remedy))
    return validated(data, Plan, NAME, partial(_place, numbers=numbers), problems)


def _header(cells: Sequence[Sequence[Cell]]) -> dict[int, str]:
    """The columns that have a name, by their position; a name that begins with # is a remark."""
    names = {column: _folded(cell.shown) for column, cell in enumerate(cells[0] if cells else ())}
    return {column: name for column, name in names.items() if name and not name.startswith("#")}


def _faults_of_header(section: str, header: Mapping[int, str]) -> Iterator[Problem]:
    known = list(SECTIONS[section].model_fields)
    for name, times in Counter(header.values()).items():
        if name not in known:
            yield Problem((section, HEADER, name), "is not a column that can stand here", nearest(name, known))
        elif times > 1:
            yield Problem((section, HEADER, name), "is written twice", "keep one of the two columns")


def _filled(section: str, header: Mapping[int, str], cells: Sequence[Sequence[Cell]]) -> list[Row]:
    """The rows below the first that hold something in a known column."""
    known = {column: name for column, name in header.items() if name in SECTIONS[section].model_fields}
    rows: list[Row] = []
    for number, row in enumerate(cells[1:], start=2):
        filled = {known[column]: cell for column, cell in enumerate(row) if column in known and cell.shown}
        if filled:
            is_only = section in ONE_ROW and not rows
            rows.append(Row((section,) if is_only else (section, len(rows)), number, filled))
    return rows


def _faults(row: Row) -> Iterator[Problem]:
    """What is wrong with a row that its values do not show."""
    section, *position = row.entry
    if section in ONE_ROW and position:
        yield Problem(row.entry, "is one row too many", "keep one row below the first")
        return
    for name, cell in row.cells.items():
        if cell.is_error:
            yield Problem((*row.entry, name), f"holds the error {cell.shown}", "mend its formula")
        elif name == "target" and cell.is_share and not is_rate(row.kpi):
            problem = f"{cell.shown} is a share to Google, and {row.kpi or 'the KPI'} is no rate"
            remedy = "for a change write '+20% (the apostrophe keeps it as it is written), else a number without %"
            yield Problem((*row.entry, name), problem, remedy)


def _value(name: str, cell: Cell, kpi: str) -> object:
    """A cell as the model takes it: a day as YYYY-MM-DD, a list, a number, or the text that is shown."""
    if name in DAYS:
        return _day(cell)
    if name in LISTS:
        return [part.strip() for part in re.split(r"[、､,，;；\n]", cell.shown) if part.strip()]
    is_plain = cell.kind not in ("PERCENT", "DATE", "TIME", "DATE_TIME") and "%" not in cell.shown
    if name in NUMBERS and cell.number is not None and (is_plain or (cell.is_share and is_rate(kpi))):
        return cell.number
    return cell.shown


def _day(cell: Cell) -> str:
    if cell.number is not None and int(cell.number) in SERIALS:
        return str(DAY_0 + timedelta(days=int(cell.number)))
    found = re.fullmatch(r"(\d{4})/(\d{1,2})/(\d{1,2})", normalize("NFKC", cell.shown))
    return f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}" if found else cell.shown


def _folded(text: str) -> str:
    """A title or header whatever its width and case."""
    return normalize("NFKC", text).strip().casefold()


def _place(entry: Entry, numbers: Mapping[Entry, int]) -> str:
    """``targets row 3 target``; of a tab that is not there, its name alone."""
    row = next((numbers[entry[:n]] for n in range(len(entry), 0, -1) if entry[:n] in numbers), None)
    column = [part for part in entry[1:] if isinstance(part, str)][-1:]
    return " ".join([str(entry[0]), *([f"row {row}"] if row else []), *column])
