"""A CSV file as rows, each with the line that it begins on."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import SourceError

if TYPE_CHECKING:
    import _csv

_CHUNK = 1 << 20


def rows(path: Path, name: str, encodings: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """``(line, cells)`` of each row that is not empty, the header first; all rows have as many cells as the header.

    The encodings are tried in order on the whole file before the first row, so that the rows come from one encoding
    that can read all of them, and no character is ever replaced; a byte order mark is accepted with UTF-8. The file
    may be of any length.

    Raises SourceError with ``name`` as the file: missing, unreadable, empty, in none of the encodings, a row of
    another length, quotes that do not close, or a file that changed while it was read.
    """
    with unchanged(path, name), path.open(encoding=_encoding(path, name, encodings), newline="") as text:
        yield from _rows(csv.reader(text, delimiter=delimiter, strict=True), name)


@contextmanager
def unchanged(path: Path, name: str) -> Iterator[None]:
    """Raises SourceError with ``name`` as the file: missing, unreadable, or changed before the context ends."""
    try:
        before = _version(path)
        yield
        same = before == _version(path)
    except UnicodeDecodeError:
        same = False
    except FileNotFoundError:
        raise SourceError(
            name, f"there is no such file ({path})", "export it there, or correct its `file:` in company.yml"
        ) from None
    except OSError as error:
        raise SourceError(name, f"cannot be read: {error.strerror}", "let this user read the file") from None
    if not same:
        raise SourceError(name, "changed while it was read", "wait until the export is complete and run again")


def _version(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _rows(reader: "_csv.Reader", name: str) -> Iterator[tuple[int, list[str]]]:
    width = 0
    line = 1
    try:
        for cells in reader:
            if any(cells):  # Excel writes rows of empty cells below the last one
                width = width or len(cells)
                if len(cells) != width:
                    raise SourceError(
                        f"{name} line {line}",
                        f"has {len(cells)} cells where the header has {width}",
                        "correct the row, or the `delimiter:` of the file in company.yml",
                    )
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        remedy = 'close each " that opens a cell, and write "" for one inside it'
        raise SourceError(f"{name} line {line}", f"is not a row of CSV: {error}", remedy) from None
    if not width:
        raise SourceError(name, "is empty", "export it again with its header row")


def _encoding(path: Path, name: str, encodings: Sequence[str]) -> str:
    """The first encoding that can read every byte of the file.

    Bytes of EUC-JP may be CP932 as well, where they are half-width katakana and characters of private use: of the
    encodings of _JAPANESE that can read the file, the first that finds none of those is right, else the first. So
    full-width text is always read right: CP932 with one kana or common kanji is no EUC-JP, and EUC-JP is never CP932
    without a rare character. Open is only a file whose whole Japanese is half-width katakana: name its encoding.
    """
    failures: list[str] = []
    readable: list[str] = []
    for encoding in encodings:
        codec = codecs.lookup(encoding).name
        codec = "utf-8-sig" if codec == "utf-8" else codec
        if readable and codec not in _JAPANESE:
            continue
        failure = _first_bad_byte(path, codec)
        if failure is None:
            readable.append(codec)
            if codec not in _JAPANESE:
                break
        else:
            failures.append(f"{encoding} ends at byte {failure[0]}, line {failure[1]}")
    if not readable:
        raise SourceError(
            name,
            f"cannot be read as text: {'; '.join(failures)}",
            "save it as UTF-8, or name its `encoding:` in company.yml (utf-16 for Excel's Unicode text)",
        )
    if len(readable) == 1:
        return readable[0]
    return next((codec for codec in readable if not _has_rare_characters(path, codec)), readable[0])


_JAPANESE = ("cp932", "shift_jis", "euc_jp")
_RARE = re.compile("[\uff61-\uff9f\ue000-\uf8ff]")
"""Half-width katakana, and characters of private use."""


def _has_rare_characters(path: Path, encoding: str) -> bool:
    with path.open(encoding=encoding, newline="") as text:
        return any(_RARE.search(chunk) for chunk in iter(partial(text.read, _CHUNK), ""))


def _first_bad_byte(path: Path, encoding: str) -> tuple[int, int] | None:
    """Offset and line of the first byte that is not in the encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, line = 0, 1
    with path.open("rb") as binary:
        while True:
            chunk = binary.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                left = len(error.object) - error.start
                return offset + len(chunk) - left, line + error.object[: error.start].count(b"\n")
            if offset == 0 and "\0" in text[:1000]:  # UTF-16, which some 8-bit encodings can read as well
                return text.index("\0"), 1
            if not chunk:
                return None
            offset, line = offset + len(chunk), line + chunk.count(b"\n")
