"""Files (CSV, TSV, XLSX, Parquet) that MA, SFA, CRM and social tools export.

The files of a kind are together the whole of what the tools know on the day of the export, so they replace its
table. company.yml says which header holds which of our columns and what the file's values mean. Only the columns
named there are read. A row that cannot be read fails the load, and the error names file, line and column.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors import cells, tabular_file
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.export_tables import CHOICES, COUNT, DAY, DEFAULTS, KINDS, MOMENT, MONEY, READ_FROM, TEXT
from connectors.table import Fetch, Load

BATCH_ROWS = 20_000

_Rows = Sequence[tuple[int, Sequence[str]]]
"""Rows of a file, each with the line that it begins on."""


def load(files: Mapping[str, Sequence[ExportFile]], folder: Path, timezone: str) -> Iterator[Load]:
    """One load per kind of file, each replacing the whole of its table with the rows of all its files.

    Paths are relative to ``folder``; times without an offset are in ``timezone``, and days are days there. While a
    load is drawn, SourceError is raised for a file that is missing, in another encoding or without a mapped header,
    and for the first row that cannot be read. Memory holds one batch of rows, however long the file.
    """
    for kind, entries in files.items():
        fetches: list[Fetch] = []
        yield Load(KINDS[kind], None, None, _batches(kind, entries, folder, ZoneInfo(timezone), fetches), fetches)


def has_column(settings: ExportFile, column: str, folder: Path | None) -> bool:
    """Whether a column of ours can be read. Where the files may lack it, their headers are asked."""
    if column not in settings.columns:
        return False
    if column not in settings.may_lack or folder is None:
        return True
    named = set(map(cells.header, settings.columns[column]))
    for pattern in settings.file:
        path, name = tabular_file.newest(folder, pattern)
        headers = next(tabular_file.rows(path, name, settings.encoding, settings.delimiter, settings.sheet))[1]
        if named & set(map(cells.header, headers)):
            return True
    return False


def _batches(
    kind: str, entries: Sequence[ExportFile], folder: Path, zone: ZoneInfo, fetches: list[Fetch]
) -> Iterator[pa.RecordBatch]:
    for settings, pattern in ((settings, pattern) for settings in entries for pattern in settings.file):
        fetched_at, started, row_count = datetime.now(UTC), perf_counter(), 0
        file = _File(kind, settings, *tabular_file.newest(folder, pattern))
        for batch in _file_batches(file, zone):
            yield batch
            row_count += batch.num_rows
        duration = perf_counter() - started
        fetches.append(Fetch(KINDS[kind].name, file.name, None, None, row_count, fetched_at, duration))


@dataclass(frozen=True)
class _File:
    """One file of a kind: what company.yml says of it, where it is and its name in messages."""

    kind: str
    settings: ExportFile
    path: Path
    name: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        of = self.settings
        return tabular_file.rows(self.path, self.name, of.encoding, of.delimiter, of.sheet)

    def place(self, row: int, column: str | None) -> str:
        """``line 17 column 金額``, for a column of ours."""
        headers = self.settings.columns.get(column or "", ("",))
        return f"{tabular_file.row_word(self.name)} {row} column {' or '.join(headers)}"


def _file_batches(file: _File, zone: ZoneInfo) -> Iterator[pa.RecordBatch]:
    rows = file.rows()
    positions = _positions(file, next(rows)[1])
    readings = _readings(file, positions, zone, None)
    while batch := list(islice(rows, BATCH_ROWS)):
        try:
            arrays = _arrays(readings, positions, file, batch)
        except cells.Undecided:
            readings = _readings(file, positions, zone, _written(file, positions))
            arrays = _arrays(readings, positions, file, batch)
        yield pa.RecordBatch.from_arrays(arrays, schema=KINDS[file.kind].schema)


def _arrays(readings: Sequence["_Reading"], positions: Mapping[str, int], file: _File, batch: _Rows) -> list[pa.Array]:
    """The columns of one batch; raises SourceError for a cell that cannot be read, and cells.Undecided."""
    texts = list(zip(*(row for _, row in batch), strict=True))
    arrays = []
    for reading in readings:
        try:
            text = None if reading.source is None else texts[positions[reading.source]]
            arrays.append(_column(reading, text, len(batch)))
        except _RowError as bad:
            where = f"{file.name} {file.place(batch[bad.row][0], reading.source)}"
            raise SourceError(where, bad.problem, bad.remedy) from None
    return arrays


def _written(file: _File, positions: Mapping[str, int]) -> dict[str, cells.Written]:
    """How each column of dates is written, from all rows of the file; called only for a file that needs it.

    Batches that were read before hold no date of either order and no number, so that they stay right. Memory holds
    one row. Raises SourceError for a file with the day first in one row and the month first in another.
    """
    dated = [column for column in _dated(file) if column in positions]
    orders: dict[cells.DayOrder, str] = {}
    serials, others = set(), set()
    for number, row in islice(file.rows(), 1, None):
        for column in dated:
            digits, order = _shown(row[positions[column]])
            if digits == 5:
                serials.add(column)
            if digits in (0, 6):
                others.add(column)
            if order:
                orders.setdefault(order, file.place(number, column))
    if len(orders) > 1:
        raise SourceError(
            file.name,
            f"has a date with its month first in {orders['mdy']} and one with its day first in {orders['dmy']}",
            "export all dates in one order, or as 2025-04-01",
        )
    order = next(iter(orders), file.settings.day_order)
    return {column: cells.Written(order, column in serials - others) for column in dated}


@lru_cache(maxsize=1 << 16)
def _shown(text: str) -> tuple[int | None, cells.DayOrder | None]:
    """What a cell of dates shows: the digits of a day number of Excel (0: it is none, None: it is empty), and the
    order of day and month. From 1927 to 2173 a day number has five digits; one of four may be a year instead, and
    one of six a month (202504) or a day (250401).
    """
    text = cells.plain(text)
    if not text:
        return None, None
    return len(text.partition(".")[0]) if cells.is_serial(text) else 0, cells.day_order_shown(text)


def _dated(file: _File) -> list[str]:
    """The columns of ours that hold dates and are in the file."""
    dated = {READ_FROM.get(field.name, field.name) for field in KINDS[file.kind].schema if field.type in (DAY, MOMENT)}
    return sorted(dated & set(file.settings.columns))


def _first_row(headers: Sequence[str]) -> str:
    """What a message may show of the first row: where the header is missing, it holds a person's data."""
    if any(re.search(r"@|\d[\d ./:-]{4,}\d", cells.plain(header)) for header in headers):
        return "its first row holds data, not headers"
    return f"its first row is: {', '.join(cells.plain(header) for header in headers)}"


def _positions(file: _File, headers: Sequence[str]) -> dict[str, int]:
    """The place of each mapped column of ours in the file's rows."""
    places = {column: _first_found(headers, named) for column, named in file.settings.columns.items()}
    missing = [column for column in places if not places[column] and column not in file.settings.may_lack]
    if missing:
        wanted = ", ".join(f"{' or '.join(file.settings.columns[column])} (for {column})" for column in missing)
        raise SourceError(
            file.name,
            f"has no column {wanted}; {_first_row(headers)}",
            f"correct the header under sources.exports.{file.kind}.columns in company.yml, or export that column too; "
            "if the first row came out in one piece, name the file's `delimiter:` there",
        )
    for column, alike in places.items():
        if len(alike) > 1:
            names = [cells.plain(headers[place]) for place in alike]
            where = f"{file.name} column {' or '.join(file.settings.columns[column])}"
            problem = f"may be any of these headers: {', '.join(names)}"
            raise SourceError(where, problem, f"leave one column of this name in the export (it is our {column})")
    return {column: alike[0] for column, alike in places.items() if alike}


def _first_found(headers: Sequence[str], named: Sequence[str]) -> list[int]:
    """The places of the first of the named headers that is there; several where they differ in writing alone."""
    found = [cells.header(header) for header in headers]
    alike = ([place for place, header in enumerate(found) if header == cells.header(name)] for name in named)
    return next(filter(None, alike), [])


@dataclass(frozen=True)
class _Reading:
    """How a column of a table is read: from which column of ours (None: not exported), and by which parser."""

    field: pa.Field
    source: str | None
    parser: cells.Parser
    if_empty: str | None


class _RowError(Exception):
    def __init__(self, row: int, problem: str, remedy: str) -> None:
        self.row, self.problem, self.remedy = row, problem, remedy
        super().__init__(problem)


def _readings(
    file: _File, positions: Mapping[str, int], zone: ZoneInfo, written: Mapping[str, cells.Written] | None
) -> list[_Reading]:
    return [_reading(field, file, positions, zone, written) for field in KINDS[file.kind].schema]


def _reading(
    field: pa.Field,
    file: _File,
    positions: Mapping[str, int],
    zone: ZoneInfo,
    written: Mapping[str, cells.Written] | None,
) -> _Reading:
    kind, mapping = file.kind, file.settings
    source = READ_FROM.get(field.name, field.name)
    values = {cells.plain(value): ours for value, ours in mapping.values.get(source, {}).items()}
    if (kind, field.name) in CHOICES:
        parser = cells.Parser(partial(_choice, kind, field.name, values))
    elif field.name.endswith("_host"):
        parser = cells.HOST
    elif field.name.endswith("_path"):
        parser = cells.PATH
    elif field.type in (DAY, MOMENT):
        parser = (cells.day_in if field.type == DAY else cells.moment_in)(
            zone, None if written is None else written.get(source)
        )
    else:
        parser = _PARSERS[field.type]
    if_empty = values.get("", DEFAULTS.get((kind, field.name)))
    return _Reading(field, source if source in positions else None, parser, if_empty)


_PARSERS = {TEXT: cells.WORDS, MONEY: cells.AMOUNT, COUNT: cells.COUNT}


def _choice(kind: str, column: str, values: Mapping[str, str], text: str) -> str:
    known = CHOICES[kind, column]
    if text in values or text in known:
        return values.get(text, text)
    if column == "invalid_reason":  # that it is invalid is what counts
        return "other"
    raise cells.CellError(
        f"{text} is not a {column} that company.yml knows",
        f"map it in company.yml: sources.exports.{kind}.values.{column}: {{{text}: one of {', '.join(known)}}}",
    )


def _column(reading: _Reading, texts: Sequence[str] | None, length: int) -> pa.Array:
    """The column of one batch; raises _RowError for the first cell that cannot be read or may not be empty."""
    if texts is None:
        array = pa.nulls(length, reading.field.type)
    else:
        array = _parsed(_plain_texts(texts), reading.parser, reading.field.type)
    if reading.if_empty is not None:
        array = array.fill_null(reading.if_empty)
    if array.null_count and not reading.field.nullable:
        raise _RowError(pc.index(array.is_null(), True).as_py(), "is empty", "fill it in where the file comes from")
    return array


def _parsed(texts: pa.StringArray, parser: cells.Parser, kind: pa.DataType) -> pa.Array:
    try:
        return parser.column(texts)
    except (pa.ArrowInvalid, cells.CellError):
        pass
    encoded = texts.dictionary_encode()  # each different text is parsed once
    values = []
    for text in encoded.dictionary.to_pylist():
        try:
            values.append(parser.cell(text))
        except cells.Undecided:
            raise
        except cells.CellError as bad:
            raise _RowError(pc.index(texts, text).as_py(), bad.problem, bad.remedy) from None
    return pa.array(values, kind).take(encoded.indices)


def _plain_texts(texts: Sequence[str]) -> pa.StringArray:
    """Each text as ``_plain`` gives it; an empty one is null."""
    array = pa.array(texts, TEXT)
    if not pc.all(pc.string_is_ascii(array)).as_py():
        encoded = array.dictionary_encode()
        array = pc.utf8_normalize(encoded.dictionary, "NFKC").take(encoded.indices)
    array = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, TEXT), array)
