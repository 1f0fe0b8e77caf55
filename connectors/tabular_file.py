"""A file of rows as rows of text: CSV and TSV, an XLSX sheet, or Parquet.

Cells of XLSX and Parquet have types; their text is one that :mod:`connectors.cells` reads back to the same value.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isnan
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook

from connectors import csv_file
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


def rows(
    path: Path, name: str, encodings: Sequence[str], delimiter: str | None, sheet: str | None
) -> Iterator[tuple[int, list[str]]]:
    """``(number, cells)`` of each row that is not empty, the header first; the number is that of ``row_word``.

    Without a ``delimiter`` it is a tab for ``.tsv`` and a comma for others; without a ``sheet`` it is the first.
    CSV and Parquet may be of any length; a sheet is held in memory (Excel has at most 1,048,576 rows).

    Raises SourceError with ``name`` as the file, see :func:`connectors.csv_file.rows`.
    """
    lower = name.lower()
    if lower.endswith(_EXCEL):
        yield from _sheet_rows(path, name, sheet)
    elif lower.endswith(".parquet"):
        yield from _parquet_rows(path, name)
    else:
        yield from csv_file.rows(path, name, encodings, delimiter or ("\t" if lower.endswith(".tsv") else ","))


def _sheet_rows(path: Path, name: str, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    empty = True
    with csv_file.unchanged(path, name):
        for number, cells in enumerate(_sheet(path, name, sheet), 1):
            if any(texts := [_text(cell) for cell in cells]):
                empty = False
                yield number, texts
    if empty:
        raise SourceError(name, "is empty", "export it again with its header row, or name another `sheet:`")


def _sheet(path: Path, name: str, sheet: str | None) -> Iterator[list[object]]:
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
            names = workbook.sheet_names
            if not names or sheet not in (None, *names):
                remedy = "correct its `sheet:` in company.yml; without it the first is read"
                raise SourceError(name, f"has no sheet {sheet or ''}; its sheets are: {', '.join(names)}", remedy)
            found = workbook.get_sheet_by_name(names[0] if sheet is None else sheet)
        yield from found.iter_rows()  # type: ignore[misc]
    except CalamineError:
        remedy = "open it in Excel without a password and save it as .xlsx, or export it as CSV"
        raise SourceError(name, "is not an Excel file that can be read", remedy) from None


def _parquet_rows(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    with csv_file.unchanged(path, name), path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            flat = [field.name for field in parquet.schema_arrow if _has_text(field.type)]
            yield 0, flat
            number = 1
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=flat):
                for cells in zip(*(_texts(column) for column in batch.columns), strict=True):
                    if any(cells):
                        yield number, list(cells)
                    number += 1
        except (pa.ArrowException, OSError, ValueError, OverflowError):
            raise SourceError(name, "is not a Parquet file, or is damaged", "export it again") from None


def _has_text(kind: pa.DataType) -> bool:
    """Lists, structs and bytes are left out: nothing of ours is written so."""
    types = pa.types
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return not (types.is_nested(kind) or is_bytes)


def _texts(column: pa.Array) -> list[str]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_string(column.type):
        texts: list[str] = column.fill_null("").to_pylist()
        return texts
    return [_text(value) for value in column.to_pylist()]


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
