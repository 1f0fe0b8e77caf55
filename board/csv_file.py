"""Rows as a CSV file that Excel opens as it is meant, and in which no cell is a formula.

Excel reads UTF-8 only after a byte order mark. It, LibreOffice and Google Sheets take a cell for a formula by its first
character, also by the full-width form of it; an apostrophe before that makes it text. A number is written as it is, so
that what is read back is the same number.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

STARTS_A_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def csv_bytes(rows: Iterable[Mapping[str, object]], heads: Mapping[str, str]) -> bytes:
    """A file with a head for each column, in the order of ``heads`` (by column); other columns are left out."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([as_text(head) for head in heads.values()])
    writer.writerows([_cell(row.get(column)) for column in heads] for row in rows)
    return file.getvalue().encode("utf-8-sig", errors="replace")


def as_text(words: str) -> str:
    """Words that no spreadsheet computes: what would start a formula stands behind an apostrophe.

    A text that is a number from end to end cannot compute anything and stays one.
    """
    if words.startswith(STARTS_A_FORMULA) and not _NUMBER.fullmatch(words):
        return "'" + words
    return words


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return as_text(str(value))
