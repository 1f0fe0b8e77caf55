"""A file of rows as columns of text: CSV and TSV, an XLSX sheet, or Parquet.

Cells of XLSX and Parquet have types; their text is one that :mod:`connectors.cells` reads back to the same value.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from math import isnan
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from connectors import csv_file
from connectors.csv_file import CsvFile, Rows, as_rows
from connectors.errors import SourceError

_BATCH_ROWS = 10_000
_EXCEL = (".xlsx", ".xlsm")


def newest(folder: Path, pattern: str) -> tuple[Path, str]:
    """The file that a path in ``folder`` (or an absolute one) names, and its name in messages.

    A glob means the file last modified of those that match, and the last by name of several of the same moment.
    Hidden files and the ``~$`` files of an open Excel never match. A file of that very name is no glob.
    """
    path = folder / pattern
    if path.exists() or not set(pattern) & set("*?["):
        return path, pattern
    root = Path(path.anchor) if Path(pattern).is_absolute() else folder
    try:
        matching = [
            (found.stat().st_mtime_ns, found)
            for found in root.glob(str(path.relative_to(root)))
            if found.is_file() and not found.name.startswith((".", "~$"))
        ]
    except (ValueError, OSError):  # not a pattern, or a file that went away meanwhile
        matching = []
    if not matching:
        raise SourceError(pattern, "matches no file", "export one there, or correct its `file:` in company.yml")
    found = max(matching)[1]
    return found, str(found.relative_to(root) if root == folder else found)


def row_word(name: str) -> str:
    """What the number beside a row counts: lines of text, rows of a sheet, or rows of a Parquet file."""
    return "row" if name.lower().endswith((*_EXCEL, ".parquet")) else "line"


def opened(
    path: Path,
    name: str,
    encodings: Sequence[str],
    delimiter: str | None,
    sheet: str | None,
    found: Callable[[Sequence[str]], int],
) -> "TabularFile":
    """The file with its header.

    Without a ``delimiter`` it is a tab for ``.tsv``, and found from the header for others (see
    :func:`connectors.csv_file.opened`); without a ``sheet`` it is the first. CSV and Parquet may be of any length; a
    sheet is held in memory (Excel has at most 1,048,576 rows).

    Raises SourceError with ``name`` as the file: missing, unreadable, empty, or not what its ending says.
    """
    ending = path.suffix.lower()
    if ending in _EXCEL:
        return _opened_sheet(path, name, sheet)
    if ending == ".parquet":
        return _opened_parquet(path, name)
    return csv_file.opened(path, name, encodings, delimiter or ("\t" if ending == ".tsv" else None), found)


@dataclass(frozen=True)
class Sheet:
    """A sheet of Excel; its header is its first row that is not empty."""

    headers: tuple[str, ...]
    header_row: int
    cells: CalamineSheet

    def rows(self, places: Sequence[int]) -> Iterator[Rows]:
        """The rows below the header that are not empty, with the columns at ``places``; numbers are the sheet's."""
        filled = (
            (number, [_text(cell) for cell in row])
            for number, row in enumerate(self.cells.iter_rows(), 1)
            if number > self.header_row
        )
        batch: list[tuple[int, list[str]]] = []
        for number, texts in filled:
            if any(texts):
                batch.append((number, texts))
            if len(batch) == _BATCH_ROWS:
                yield as_rows(batch, places)
                batch = []
        yield as_rows(batch, places)


def _opened_sheet(path: Path, name: str, sheet: str | None) -> Sheet:
    with csv_file.unchanged(path, name):
        cells = _sheet(path, name, sheet)
    for number, row in enumerate(cells.iter_rows(), 1):
        if any(texts := [_text(cell) for cell in row]):
            return Sheet(tuple(texts), number, cells)
    raise SourceError(name, "is empty", "export it again with its header row, or name another `sheet:`")


def _sheet(path: Path, name: str, sheet: str | None) -> CalamineSheet:
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
            names = workbook.sheet_names
            if not names or sheet not in (None, *names):
                remedy = "correct its `sheet:` in company.yml; without it the first is read"
                raise SourceError(name, f"has no sheet {sheet or ''}; its sheets are: {', '.join(names)}", remedy)
            return workbook.get_sheet_by_name(names[0] if sheet is None else sheet)
    except CalamineError:
        remedy = "open it in Excel without a password and save it as .xlsx, or export it as CSV"
        raise SourceError(name, "is not an Excel file that can be read", remedy) from None


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file; its headers are the names of its columns."""

    path: Path
    name: str
    headers: tuple[str, ...]

    def rows(self, places: Sequence[int]) -> Iterator[Rows]:
        """The rows that are not empty, with the columns at ``places``, numbered from 1."""
        with csv_file.unchanged(self.path, self.name), self.path.open("rb") as file, _no_parquet(self.name):
            number = 1
            for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=list(self.headers)):
                texts = [_texts(column) for column in batch.columns]
                filled = reduce(pc.or_, (pc.not_equal(column, "") for column in texts))
                numbers = pa.arange(number, number + batch.num_rows)
                yield Rows(numbers.filter(filled), {place: texts[place].filter(filled) for place in places})
                number += batch.num_rows


def _opened_parquet(path: Path, name: str) -> ParquetFile:
    with csv_file.unchanged(path, name), path.open("rb") as file, _no_parquet(name):
        return ParquetFile(
            path, name, tuple(field.name for field in pq.ParquetFile(file).schema_arrow if _has_text(field.type))
        )


TabularFile = CsvFile | Sheet | ParquetFile


@contextmanager
def _no_parquet(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise SourceError(name, "is not a Parquet file, or is damaged", "export it again") from None


def _has_text(kind: pa.DataType) -> bool:
    """Lists, structs and bytes are left out: nothing of ours is written so."""
    types = pa.types
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return not (types.is_nested(kind) or is_bytes)


def _texts(column: pa.Array) -> pa.StringArray:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_string(column.type):
        return column.fill_null("")
    return pa.array([_text(value) for value in column.to_pylist()], pa.string())


def _text(value: object) -> str:
    """The text of a typed cell; empty for None and for NaN, which pandas writes where nothing is."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):  # Excel keeps 15 digits
        return format(Decimal(format(value, ".15g")), "f")
    return format(value, "f") if isinstance(value, Decimal) else str(value)
