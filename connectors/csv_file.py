"""A CSV file as columns of text, with the line that each row begins on.

Arrow parses blocks of whole rows. What it would not read as Python's csv module does in strict mode (quotes in odd
places, rows of another length) that module reads instead, ten times slower.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import islice
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connectors.errors import SourceError

_CHUNK = 1 << 20
_BLOCK = 1 << 22
"""Bytes that are parsed together: some 20,000 rows."""
_LONGEST_ROW = 1 << 23
_READER_ROWS = 10_000
_DELIMITERS = (",", "\t", ";")


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: of each the line that it begins on and the text of the columns asked for, by their place.

    ``ragged`` are the rows among them that have more or fewer cells than the header: their line and how many.
    """

    lines: pa.Int64Array
    texts: Mapping[int, pa.StringArray]
    ragged: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header was read: it is ``header_lines`` long, ``header_bytes`` in UTF-8."""

    path: Path
    name: str
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    header_lines: int
    header_bytes: int

    def rows(self, places: Sequence[int]) -> Iterator[Rows]:
        """The rows below the header that are not empty, with the columns at ``places``; a file may be of any length.

        Raises SourceError with ``name`` as the file: bytes that are not in the encoding, quotes that do not close,
        or a file that changed while it was read.
        """
        with unchanged(self.path, self.name):
            try:
                yield from self._rows(places)
            except UnicodeDecodeError:
                raise _no_text(self.path, self.name, [self.encoding]) from None

    def _rows(self, places: Sequence[int]) -> Iterator[Rows]:
        line = self.header_lines + 1
        for block in _blocks(self._chunks()):
            if len(block) > _LONGEST_ROW or not _is_regular(block, self.delimiter):
                break
            lines = len(block.splitlines())
            found = self._parsed(block, line, lines, places)
            yield from [found] if found else self._read(StringIO(block.decode(), newline=""), line, places)
            line += lines
        else:
            return
        with self.path.open(encoding=self.encoding, newline="") as text:
            yield from self._read(islice(text, line - 1, None), line, places)

    def _chunks(self) -> Iterator[bytes]:
        """What follows the header, in UTF-8."""
        left = self.header_bytes
        for chunk in _utf_8(self.path, self.encoding):
            yield chunk[left:]
            left = max(0, left - len(chunk))

    def _parsed(self, block: bytes, line: int, line_count: int, places: Sequence[int]) -> Rows | None:
        """The rows of a block by Arrow; None where one may be empty or has another number of cells."""
        ragged = []

        def skipped(row: arrow_csv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        names, asked = [str(place) for place in range(len(self.headers))], [str(place) for place in places]
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(block), column_names=names),
            arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=skipped),
            arrow_csv.ConvertOptions(
                check_utf8=False, include_columns=asked, column_types=dict.fromkeys(asked, pa.string())
            ),
        ).combine_chunks()
        texts = {place: _array(table.column(str(place))) for place in places}
        if ragged or _has_empty_row(texts.values()):
            return None
        if line_count == table.num_rows:
            lines = pa.arange(line, line + table.num_rows)
        else:
            lines = pa.array([line + start for start in _starts(block)], pa.int64())
        return Rows(lines, texts)

    def _read(self, lines: Iterable[str], line: int, places: Sequence[int]) -> Iterator[Rows]:
        """The rows of some lines by Python's csv module; the first of the lines has the number ``line``."""
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        first = line
        rows: list[tuple[int, list[str]]] = []
        ragged: list[tuple[int, int]] = []
        try:
            for cells in reader:
                if any(cells):  # Excel writes rows of empty cells below the last one
                    if len(cells) == len(self.headers):
                        rows.append((line, cells))
                    else:
                        ragged.append((line, len(cells)))
                    if len(rows) + len(ragged) == _READER_ROWS:
                        yield as_rows(rows, places, ragged)
                        rows, ragged = [], []
                line = first + reader.line_num
        except csv.Error as error:
            raise _no_row(self.name, line, error) from None
        yield as_rows(rows, places, ragged)


def opened(
    path: Path, name: str, encodings: Sequence[str], delimiter: str | None, found: Callable[[Sequence[str]], int]
) -> CsvFile:
    """The file with its header, the first row that is not empty.

    The encodings are tried in order, so that all rows come from one encoding that can read all of them, and no
    character is ever replaced; a byte order mark is accepted with UTF-8. Without a ``delimiter`` it is the one of
    comma, tab and semicolon with which the header has most of the columns asked for, as ``found`` counts them.

    Raises SourceError with ``name`` as the file: missing, unreadable, empty, or in none of the encodings.
    """
    with unchanged(path, name):
        encoding = _encoding(path, name, encodings)
        files, failures = [], []
        for mark in [delimiter] if delimiter else _DELIMITERS:
            try:
                files.append(_headed(path, name, encoding, mark))
            except csv.Error as error:
                failures.append(_no_row(name, 1, error))
            except UnicodeDecodeError:
                raise _no_text(path, name, [encoding]) from None
    if not files:
        raise failures[0]
    return max(files, key=lambda file: found(file.headers))


def _headed(path: Path, name: str, encoding: str, delimiter: str) -> CsvFile:
    read = 0

    def counted(lines: Iterable[str]) -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += len(line.encode())
            yield line

    with path.open(encoding=encoding, newline="") as text:
        reader = csv.reader(counted(text), delimiter=delimiter, strict=True)
        headers = next((cells for cells in reader if any(cells)), None)
    if headers is None:
        raise SourceError(name, "is empty", "export it again with its header row")
    return CsvFile(path, name, encoding, delimiter, tuple(headers), reader.line_num, read)


def as_rows(
    rows: Sequence[tuple[int, Sequence[str]]], places: Sequence[int], ragged: Sequence[tuple[int, int]] = ()
) -> Rows:
    """Rows of cells, each with its line, as columns."""
    texts = {place: pa.array([cells[place] for _, cells in rows], pa.string()) for place in places}
    return Rows(pa.array([line for line, _ in rows], pa.int64()), texts, ragged)


@contextmanager
def unchanged(path: Path, name: str) -> Iterator[None]:
    """Raises SourceError with ``name`` as the file: missing, unreadable, or changed before the context ends."""
    try:
        before = _version(path)
        yield
        same = before == _version(path)
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


def _no_row(name: str, line: int, error: csv.Error) -> SourceError:
    remedy = 'close each " that opens a cell, and write "" for one inside it'
    return SourceError(f"{name} line {line}", f"is not a row of CSV: {error}", remedy)


def _array(column: pa.ChunkedArray) -> pa.StringArray:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _utf_8(path: Path, encoding: str) -> Iterator[bytes]:
    """The text of a file in UTF-8; whole characters in each part."""
    with path.open("rb") as binary:
        if encoding == "utf-8-sig" and binary.read(3) != codecs.BOM_UTF8:
            binary.seek(0)
        chunks = iter(partial(binary.read, _CHUNK), b"")
        if encoding == "utf-8-sig":
            yield from chunks
        else:
            decoder = codecs.getincrementaldecoder(encoding)()
            yield from (decoder.decode(chunk).encode() for chunk in chunks)
            yield decoder.decode(b"", final=True).encode()


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of whole rows, as far as quotes are used as they should be; one that grows too long may end anywhere."""
    left = b""
    for chunk in chunks:
        left += chunk
        if len(left) >= _BLOCK and (end := _end_of_rows(left)):
            yield left[:end]
            left = left[end:]
        elif len(left) > _LONGEST_ROW:
            break
    if left:
        yield left


def _end_of_rows(block: bytes) -> int:
    """Where the last whole row of a block ends: behind a line end that is outside quotes. 0: there is none."""
    mark, end = (b"\n", len(block)) if b"\n" in block else (b"\r", len(block) - 1)  # the last \r may be half of \r\n
    inside = b'"' in block and block.count(b'"', 0, end) & 1
    while (at := block.rfind(mark, 0, end)) >= 0:
        inside ^= block.count(b'"', at, end) & 1
        if not inside:
            return at + 1
        end = at
    return 0


def _is_regular(block: bytes, delimiter: str) -> bool:
    """Whether every quote begins a cell, ends one, or is written twice inside one."""
    if not delimiter.isascii():
        return False
    if b'"' not in block:
        return True
    parts = block.split(b'"')
    outside = list(filter(None, parts[2:-1:2]))
    begins, ends = set(map(itemgetter(0), [*outside, *filter(None, parts[-1:])])), set(map(itemgetter(-1), outside))
    ends.update(parts[0][-1:])
    return len(parts) % 2 == 1 and begins | ends <= {ord(delimiter), *b"\r\n"}


_LINE_END = re.compile(rb"\r\n|\r|\n")


def _starts(block: bytes) -> Iterator[int]:
    """The lines of a block on which a row begins, from 0."""
    inside = False
    for number, line in enumerate(_LINE_END.split(block)):
        if line and not inside:
            yield number
        if line.count(b'"') & 1:
            inside = not inside


def _has_empty_row(columns: Iterable[pa.StringArray]) -> bool:
    empty = None
    for column in columns:
        here = pc.equal(column, "")
        empty = here if empty is None else pc.and_(empty, here)
        if not empty.true_count:
            return False
    return empty is not None


def _encoding(path: Path, name: str, encodings: Sequence[str]) -> str:
    """The first encoding that can read the file; of one alone that is left, its end may show that it cannot.

    Bytes of EUC-JP may be CP932 as well, where they are half-width katakana and characters of private use: of the
    encodings of _JAPANESE that can read the file, the first that finds none of those is right, else the first. So
    full-width text is always read right: CP932 with one kana or common kanji is no EUC-JP, and EUC-JP is never CP932
    without a rare character. Open is only a file whose whole Japanese is half-width katakana: name its encoding.
    """
    known = [codecs.lookup(encoding).name for encoding in encodings]
    known = ["utf-8-sig" if codec == "utf-8" else codec for codec in known]
    for codec in known:
        alike = [codec] if codec not in _JAPANESE else [each for each in known if each in _JAPANESE]
        readable = _readable(path, alike)
        if readable:
            if len(readable) == 1:
                return readable[0]
            return next((each for each in readable if not _has_rare_characters(path, each)), readable[0])
    raise _no_text(path, name, encodings)


_JAPANESE = ("cp932", "shift_jis", "euc_jp")
_RARE = re.compile("[\uff61-\uff9f\ue000-\uf8ff]")
"""Half-width katakana, and characters of private use."""


def _readable(path: Path, codecs_alike: Sequence[str]) -> list[str]:
    """The encodings that can read the file. Several are read side by side until one is left."""
    decoders = {codec: codecs.getincrementaldecoder(codec)() for codec in codecs_alike}
    first = True
    with path.open("rb") as binary:
        while decoders:
            chunk = binary.read(_CHUNK)
            for codec, decoder in list(decoders.items()):
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError:
                    del decoders[codec]
                else:
                    if first and "\0" in text[:1000]:  # UTF-16, which some 8-bit encodings can read as well
                        del decoders[codec]
            first = False
            if not chunk or (len(codecs_alike) > 1 and len(decoders) == 1):
                break
    return list(decoders)


def _has_rare_characters(path: Path, encoding: str) -> bool:
    with path.open(encoding=encoding, newline="") as text:
        return any(_RARE.search(chunk) for chunk in iter(partial(text.read, _CHUNK), ""))


def _no_text(path: Path, name: str, encodings: Sequence[str]) -> SourceError:
    bad = {
        encoding: _first_bad_byte(path, "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding)
        for encoding in encodings
    }
    ends = (f"{encoding} ends at byte {found[0]}, line {found[1]}" for encoding, found in bad.items() if found)
    return SourceError(
        name,
        f"cannot be read as text: {'; '.join(ends)}",
        "save it as UTF-8, or name its `encoding:` in company.yml (utf-16 for Excel's Unicode text)",
    )


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
            if offset == 0 and "\0" in text[:1000]:
                return text.index("\0"), 1
            if not chunk:
                return None
            offset, line = offset + len(chunk), line + chunk.count(b"\n")
