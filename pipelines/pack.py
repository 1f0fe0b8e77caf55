"""`gyakusan report`: the files of the monthly meeting, whole or not at all."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

from board.formats import Formats
from board.night import opened
from board.pack import report, workbook
from connectors.errors import SourceError
from connectors.text import Locale, Text
from pipelines.company import Company

NEXT = {
    False: Text(
        "次は: サマリーの「見るべきもの」を会議で話す。スライドも要るなら --slides を付ける。",
        "Next: talk through What to look at on the summary. For slides too, add --slides.",
    ),
    True: Text(
        "次は: 最後から2枚目の「見るべき」に、担当者が一文と次の一手を書き足す。",
        "Next: on the last slide but one, What to look at, each owner adds a sentence and what they do next.",
    ),
}


def write(company: Company, month: date | None, out: Path | None, with_slides: bool, locale: Locale) -> list[Path]:
    """Write the month's workbook, and its slides; where they are.

    Raises SourceError for a month of which nothing is known, without python-pptx, and where nothing can be written.
    """
    deck = _slides_library() if with_slides else None
    formats = Formats(locale, company.currency, company.timezone, company.fiscal_year_start)
    with opened(company.state / "marts.duckdb") as night:
        found = report.read(night, company.name, formats, month)
    stem = (out or company.state / "reports") / f"{found.month:%Y-%m}"
    files = {stem.with_suffix(".xlsx"): workbook.workbook_bytes(found)}
    if deck:
        files[stem.with_suffix(".pptx")] = deck(found)
    for path, content in files.items():
        _replace(path, content)
    return list(files)


def _slides_library() -> Callable[[report.Report], bytes]:
    """What makes slides; asked for first, so that nothing is written where it is missing."""
    try:
        from board.pack.slides import slides_bytes
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pptx":
            raise
        raise SourceError(
            "--slides", "needs python-pptx, which is not installed", 'run: pip install "gyakusan[slides]"'
        ) from None
    return slides_bytes


def _replace(path: Path, content: bytes) -> None:
    """Write a file under another name first: whoever opens it finds the old one or the new one, whole."""
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        remedy = "close it where it is open, or give another folder with --out"
        raise SourceError(str(path), f"cannot be written ({error.strerror})", remedy) from None
