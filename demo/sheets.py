"""The Sheets API's spreadsheets.get, without the wire: the demo's plan as somebody has typed it into a Google Sheet.

A cell is kept as the text that was typed; what Google makes of it (a date is a serial number, ``+20%`` is 0.2 and shows
as 20%, an apostrophe keeps the text) is made when it is asked for. Empty cells and rows at the end are left out, empty
ones between are ``{}``, and a field mask is held to the discovery document.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from googleapiclient.discovery_cache import get_static_doc

from demo.faults import SHEETS_SAY, ApiError

SHEET_ID = "1DemoGyakusanPlanSheet_0123456789-abcdefghij"
OFFICE_ID = "1DemoGyakusanPlanXlsxFile_0123456789-abcdefg"
"""An Excel file in Google Drive, which opens like a sheet and which the API refuses."""
DAY_0 = date(1899, 12, 30)
ERRORS = {"#REF!": "REF", "#N/A": "N_A", "#DIV/0!": "DIVIDE_BY_ZERO"}
_DAYS = {
    r"(\d{4})/(\d\d?)/(\d\d?)": "yyyy/mm/dd",
    r"(\d{4})-(\d\d?)-(\d\d?)": "yyyy-mm-dd",
    r"(\d{4})年(\d\d?)月(\d\d?)日": 'yyyy"年"m"月"d"日"',
}
_AMERICAN_DAY = r"(\d\d?)/(\d\d?)/(\d{4})"
Cell = dict[str, Any]


class Sheets:
    """One spreadsheet: its tabs by title, each as rows of what was typed, for a test to change."""

    def __init__(self) -> None:
        self.tabs: dict[str, list[list[str]]] = {**written_plan(), "メモ": [["計画ではないタブ"], [], ["2025/04/01"]]}
        self.is_shared = True

    def get(self, sheet_id: str, ranges: Sequence[str] = (), fields: str = "", with_data: bool = False) -> Any:
        """The JSON answer; ``ranges`` are whole tabs. Raises ApiError as Google would."""
        if sheet_id == OFFICE_ID:
            said = "This operation is not supported for this document. The document must not be an Office file."
            raise ApiError("FAILED_PRECONDITION", said, reason="failedPrecondition")
        if sheet_id != SHEET_ID:
            raise ApiError("NOT_FOUND", "Requested entity was not found.", reason="notFound")
        if not self.is_shared:
            raise ApiError("PERMISSION_DENIED", SHEETS_SAY["403_permission"], reason="forbidden")
        mask = _mask(re.findall(r"\w+|[(),./]", fields))
        _check(mask, "Spreadsheet")
        titles = [self._tab(asked) for asked in ranges] or list(self.tabs)
        has_data = with_data or bool(mask)  # which then decides
        answer = {
            "spreadsheetId": sheet_id,
            "properties": {"title": "計画", "locale": "ja_JP", "autoRecalc": "ON_CHANGE", "timeZone": "Asia/Tokyo"},
            "sheets": [
                {"properties": _properties(number, title)} | ({"data": [_grid(rows)]} if has_data else {})
                for number, (title, rows) in enumerate(self.tabs.items())
                if title in titles
            ],
            "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{sheet_id}/edit",
        }
        return _masked(answer, mask)

    def _tab(self, asked: str) -> str:
        title = asked[1:-1].replace("''", "'") if re.fullmatch(r"'.*'", asked) else asked
        if title not in self.tabs:
            raise ApiError("INVALID_ARGUMENT", f"Unable to parse range: {asked}", reason="badRequest")
        return title


def written_plan() -> dict[str, list[list[str]]]:
    """The demo's plan.yml as typed into a tab for each of its sections."""
    plan = yaml.safe_load((Path(__file__).parent / "plan.yml").read_text())
    return {title: _written(section) for title, section in plan.items() if title != "version"}


def _written(section: Any) -> list[list[str]]:
    rows = section if isinstance(section, list) else [section]
    header = list(dict.fromkeys(name for row in rows for name in row))
    return [header, *([_text(name, row.get(name)) for name in header] for row in rows)]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return f"{value:%Y/%m/%d}"
    if isinstance(value, list):
        return "、".join(value)
    if name == "target" and isinstance(value, float) and value < 1:
        return f"{100 * value:g}%"
    return f"'{value}" if str(value).startswith(("+", "-")) else str(value)


def typed(text: str) -> Cell:
    """What Google Sheets makes of a text that is typed into a cell; of an error, of the formula that has it."""
    if text.startswith("'"):
        return _cell({"stringValue": text[1:]}, text[1:])
    if text in ERRORS:
        return _cell({"errorValue": {"type": ERRORS[text], "message": "エラー"}}, text, entered={"formulaValue": "=A0"})
    if text in ("TRUE", "FALSE"):
        return _cell({"boolValue": text == "TRUE"}, text)
    if found := _day(text):
        day, pattern = found
        return _cell({"numberValue": (day - DAY_0).days}, text, {"type": "DATE", "pattern": pattern})
    if match := re.fullmatch(r"([+-]?)(\d+)(\.\d+)?%", text):
        digits, pattern = (2, "0.00%") if match[3] else (0, "0%")
        number = float(text[:-1]) / 100
        return _cell({"numberValue": number}, f"{number:.{digits}%}", {"type": "PERCENT", "pattern": pattern})
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text):
        number = int(text.replace(",", ""))
        return _cell({"numberValue": number}, f"{number:,}", {"type": "NUMBER", "pattern": "#,##0"})
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        number = float(text) if "." in text else int(text)
        return _cell({"numberValue": number}, str(number))
    return _cell({"stringValue": text}, text) if text else {}


def _day(text: str) -> tuple[date, str] | None:
    for written, pattern in _DAYS.items():
        if match := re.fullmatch(written, text):
            return date(int(match[1]), int(match[2]), int(match[3])), pattern
    if match := re.fullmatch(_AMERICAN_DAY, text):
        return date(int(match[3]), int(match[1]), int(match[2])), "m/d/yyyy"
    return None


def _cell(
    value: Mapping[str, Any],
    shown: str,
    number_format: Mapping[str, str] | None = None,
    entered: Mapping[str, Any] | None = None,
) -> Cell:
    own = {"numberFormat": number_format} if number_format else {}
    return {
        "userEnteredValue": entered or value,
        "effectiveValue": value,
        "formattedValue": shown,
        **({"userEnteredFormat": own} if own else {}),
        "effectiveFormat": {**own, "verticalAlignment": "BOTTOM", "wrapStrategy": "OVERFLOW_CELL"},
    }


def _properties(number: int, title: str) -> dict[str, Any]:
    grid = {"rowCount": 1000, "columnCount": 26}
    return {"sheetId": number, "title": title, "index": number, "sheetType": "GRID", "gridProperties": grid}


def _grid(rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    found = [list(_without_end([typed(text) for text in row])) for row in rows]
    row_data = list(_without_end([{"values": cells} if cells else {} for cells in found]))
    if not row_data:
        return {}
    widest = max(len(cells) for cells in found)
    return {
        "rowData": row_data,
        "rowMetadata": [{"pixelSize": 21}] * len(row_data),
        "columnMetadata": [{"pixelSize": 100}] * widest,
    }


def _without_end(parts: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All parts up to the last that is not empty."""
    last = max((number for number, part in enumerate(parts) if part), default=-1)
    yield from parts[: last + 1]


# Field masks ---------------------------------------------------------------------------------------------------------


def _mask(words: list[str]) -> dict[str, Any]:
    """``a(b,c.d)`` as {a: {b: {}, c: {d: {}}}}; an empty one stands for everything below it."""
    tree: dict[str, Any] = {}
    while words and words[0] != ")":
        branch = tree.setdefault(words.pop(0), {})
        while words and words[0] in "./(":
            if words.pop(0) == "(":
                branch.update(_mask(words))
                del words[:1]
            else:
                branch = branch.setdefault(words.pop(0), {})
        if words and words[0] == ",":
            del words[0]
    return tree


@cache
def _schemas() -> Any:
    return json.loads(get_static_doc("sheets", "v4"))["schemas"]


def _check(mask: Mapping[str, Any], schema: str, path: str = "") -> None:
    for name, below in mask.items():
        found = _schemas()[schema]["properties"].get(name)
        if found is None:
            said = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}{name}'."
            raise ApiError("INVALID_ARGUMENT", said, reason="badRequest")
        if below:
            _check(below, found.get("items", found)["$ref"], f"{path}{name}.")


def _masked(value: Any, mask: Mapping[str, Any]) -> Any:
    if not mask:
        return value
    if isinstance(value, list):
        return [_masked(part, mask) for part in value]
    return {name: _masked(part, mask[name]) for name, part in value.items() if name in mask}
