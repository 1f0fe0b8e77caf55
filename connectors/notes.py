"""notes.csv: dated notes beside the charts (a renewed site, a campaign, an outage), written by hand or saved by Excel.

The file is the whole of the notes and replaces their table; without one there are none. Notes explain numbers and make
none, so nothing in the file stops a night: a row that cannot be read is set aside with its reason, and so is the file,
as its first line, where it cannot be read at all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from connectors import cell_dates, cells, csv_file
from connectors.csv_file import Rows
from connectors.errors import SourceError
from connectors.personal import is_personal, redacted
from connectors.table import PLACE, Fetch, Intake, Load, SetAside, Table, columns

NAME = "notes.csv"
TAGS = {
    "seo": "seo", "action": "action", "施策": "action", "measurement": "measurement", "計測": "measurement",
    "outage": "outage", "障害": "outage", "site": "site", "サイト": "site", "campaign": "campaign",
    "キャンペーン": "campaign", "other": "other", "その他": "other",
}  # fmt: skip
"""What may stand in the file, and our tag for it."""
HEADERS = {"start": ("start", "開始", "日付"), "end": ("end", "終了"), "tag": ("tag", "種類"), "text": ("text", "内容")}
"""Our columns and the headers that they may have in the file; the first that the file has is taken."""
LONGEST_TEXT = 1000

DAY, TEXT, COUNT = pa.date32(), pa.string(), pa.int64()
NOTES = Table(
    "notes",
    "One row per note of notes.csv, in the order of the file: its first and its last day (none: it is of one day), its "
    "tag (seo, action, measurement, outage, site, campaign, other) and its text.",
    columns({"note": COUNT, "start_on": DAY, "tag": TEXT, "text": TEXT}, {"end_on": DAY}),
    key=("note",),
)
TABLES = (NOTES,)

_DAY_REMEDY = "write the day as 2025-04-01, 2025/4/1 or 2025年4月1日"
_TAG_REMEDY = (
    "write one of: seo, action (施策), measurement (計測), outage (障害), site (サイト), campaign (キャンペーン), "
    "other (その他)"
)
_FILE_REMEDY = (
    "write the header start,end,tag,text (開始,終了,種類,内容) and below it one note a line, "
    'close each " that opens a cell, and save it as CSV in UTF-8'
)


def is_there(folder: Path) -> bool:
    """Whether the company folder has notes."""
    return (folder / NAME).exists()


def load(folder: Path, zone: ZoneInfo) -> Load:
    """The notes of a company folder; days with a time are days in ``zone``. Raises nothing while it is drawn."""
    fetches: list[Fetch] = []
    intake = Intake(may_shrink=True)
    batches = _batches(folder / NAME, zone, fetches, intake) if is_there(folder) else iter(())
    return Load(NOTES, None, None, batches, fetches, intake=intake)


def _batches(path: Path, zone: ZoneInfo, fetches: list[Fetch], intake: Intake) -> Iterator[pa.RecordBatch]:
    fetched_at, started, count = datetime.now(UTC), perf_counter(), 0
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        file = csv_file.opened(path, NAME, ("utf-8", "cp932"), None, lambda headers: len(_places(headers)))
        places = _places(file.headers)
        for column in HEADERS.keys() - places.keys() - {"end"}:
            raise SourceError(NAME, f"has no column {' or '.join(HEADERS[column])}", _FILE_REMEDY)
        for rows in file.rows(sorted(places.values())):
            batch = _batch(rows, file.headers, places, zone, count, intake)
            count += batch.num_rows
            yield batch
    except SourceError as error:
        problem = error.problem if error.where == NAME else f"{error.where.removeprefix(f'{NAME} ')} {error.problem}"
        intake.read += 1
        intake.rejected += 1
        intake.rows.append(SetAside(NAME, 1, None, None, problem, _FILE_REMEDY, is_rejected=True))
    duration = perf_counter() - started
    fetches.append(Fetch(NOTES.name, NAME, None, None, count, fetched_at, duration, changed_at=changed_at))


def _places(headers: Sequence[str]) -> Mapping[str, int]:
    """The place in the file of each of our columns that it has."""
    found = [cells.header(header) for header in headers]
    first = {column: next((name for name in named if name in found), None) for column, named in HEADERS.items()}
    return {column: found.index(name) for column, name in first.items() if name is not None}


def _batch(
    rows: Rows, headers: Sequence[str], places: Mapping[str, int], zone: ZoneInfo, before: int, intake: Intake
) -> pa.RecordBatch:
    """The rows as notes, numbered from ``before`` on; those that cannot be read go to the intake."""
    notes: list[dict[str, Any]] = []
    texts = {column: rows.texts[place].to_pylist() for column, place in places.items()}
    rejected = [_ragged(line, count, len(headers)) for line, count in rows.ragged]
    for row, line in enumerate(rows.lines.to_pylist()):
        try:
            note = _note({column: found[row] for column, found in texts.items()}, zone)
        except _WrongCell as wrong:
            header, shown = headers[places[wrong.column]], cells.described(cells.plain(wrong.text))
            header = header.strip("\ufeff \u3000")
            rejected.append(SetAside(NAME, line, header, shown, wrong.problem, wrong.remedy, is_rejected=True))
        else:
            notes.append({**note, "note": before + len(notes) + 1, "file": NAME, "line": line})
    intake.read += len(notes) + len(rejected)
    intake.rejected += len(rejected)
    intake.rows += rejected
    return pa.RecordBatch.from_pylist(notes, schema=pa.schema([*NOTES.schema.remove_metadata(), *PLACE]))


def _ragged(line: int, count: int, expected: int) -> SetAside:
    reason = f"has {count} cells where the header has {expected}"
    remedy = 'write all cells, an empty one too, and put a text with a comma in quotes: "a, b"'
    return SetAside(NAME, line, None, f"{count} cells", reason, remedy, is_rejected=True)


@dataclass
class _WrongCell(Exception):
    column: str
    text: str
    problem: str
    remedy: str


def _note(texts: Mapping[str, str], zone: ZoneInfo) -> dict[str, date | str | None]:
    """A row as the columns of the table without its number. Raises _WrongCell."""
    parsers: Mapping[str, Callable[[str], date | str]] = {
        "start": partial(_day, zone), "end": partial(_day, zone), "tag": _tag, "text": _words,
    }  # fmt: skip
    found: dict[str, date | str | None] = {}
    for column, parser in parsers.items():
        text = texts.get(column, "")
        try:
            found[column] = parser(text) if column != "end" or cells.plain(text) else None
        except cells.CellError as error:
            raise _WrongCell(column, text, error.problem, error.remedy) from None
    start, end = found.pop("start"), found.pop("end")
    if isinstance(start, date) and isinstance(end, date) and end < start:
        raise _WrongCell("end", texts["end"], f"{end} is before the note begins, {start}", "write a day from then on")
    return {"start_on": start, "end_on": end, **found}


def _day(zone: ZoneInfo, text: str) -> date:
    written = cells.plain(text)
    if not written:
        raise cells.CellError("is empty", _DAY_REMEDY)
    try:
        return cell_dates.day(zone, written, cells.Written())
    except cells.CellError as error:
        raise cells.CellError(error.problem.partition(", and no date of the file")[0], _DAY_REMEDY) from None


def _tag(text: str) -> str:
    written = cells.plain(text)
    if written.casefold() not in TAGS:
        raise cells.CellError(f"{cells.shown(written)} is not a tag" if written else "is empty", _TAG_REMEDY)
    return TAGS[written.casefold()]


def _words(text: str) -> str:
    """The text on one line, without the e-mail addresses and phone numbers in it; else as it was typed."""
    line = " ".join(text.split())
    if not line or len(line) > LONGEST_TEXT:
        problem = f"is a text of {len(line)} characters" if line else "is empty"
        raise cells.CellError(problem, f"write what happened, in at most {LONGEST_TEXT} characters")
    plain = cells.plain(line)
    return redacted(plain) if is_personal(plain) else line
