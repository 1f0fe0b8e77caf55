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
from typing import Annotated, Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors import cells, tabular_file
from connectors.errors import SourceError
from connectors.table import Fetch, Load, Table, columns
from connectors.yaml_file import Problem, nearest, wrong

DAY, TEXT, MOMENT, MONEY, COUNT = pa.date32(), pa.string(), pa.timestamp("us"), pa.decimal128(18, 2), pa.int64()

# *_at is the moment in UTC; *_on beside it is the day of that moment in the company's time zone.
CONTACTS = Table(
    "exports_contacts",
    "One row per contact of the MA/CRM, without name, phone or e-mail address. "
    "invalid_reason: competitor, student, spam, sales_pitch, support, other.",
    columns(
        {"contact_id": TEXT, "created_on": DAY},
        {
            "account_id": TEXT,
            "industry": TEXT,
            "job_title": TEXT,
            "landing_host": TEXT,
            "landing_path": TEXT,
            "newsletter_on": DAY,
            "unsubscribed_on": DAY,
            "invalid_reason": TEXT,
        },
    ),
    key=("contact_id",),
)
FORM_SUBMISSIONS = Table(
    "exports_form_submissions",
    "One row per form submission. kind: download, inquiry, newsletter, other. "
    "invalid_reason: competitor, student, spam, sales_pitch, support, other.",
    columns(
        {"submission_id": TEXT, "contact_id": TEXT, "kind": TEXT, "submitted_at": MOMENT, "submitted_on": DAY},
        {"form": TEXT, "asset": TEXT, "page_host": TEXT, "page_path": TEXT, "invalid_reason": TEXT},
    ),
    key=("submission_id",),
)
STAGE_CHANGES = Table(
    "exports_stage_changes",
    "One row per contact and entry into a stage. stage: lead, mql, sql, deal, customer, disqualified.",
    columns({"contact_id": TEXT, "stage": TEXT, "entered_at": MOMENT, "entered_on": DAY}),
    key=("contact_id", "stage", "entered_at"),
)
DEALS = Table(
    "exports_deals",
    "One row per deal. status: open, won, lost. kind: new, renewal, upsell.",
    columns(
        {"deal_id": TEXT, "status": TEXT, "kind": TEXT},
        {"created_on": DAY, "closed_on": DAY, "amount": MONEY, "stage": TEXT, "contact_id": TEXT, "account_id": TEXT},
    ),
    key=("deal_id",),
)
ORDERS = Table(
    "exports_orders",
    "One row per order (or invoice) of a customer. kind: new, renewal, upsell.",
    columns(
        {"order_id": TEXT, "account_id": TEXT, "ordered_on": DAY, "amount": MONEY, "kind": TEXT},
        {"cost": MONEY, "deal_id": TEXT},
    ),
    key=("order_id",),
)
CONTRACTS = Table(
    "exports_contracts",
    "One row per contract of a customer; without ended_on it runs on. ended_on is the first day without it.",
    columns({"contract_id": TEXT, "account_id": TEXT, "started_on": DAY}, {"ended_on": DAY, "monthly_amount": MONEY}),
    key=("contract_id",),
)
SOCIAL_FOLLOWERS = Table(
    "exports_social_followers",
    "One row per day of reading, platform and account: followers on that day.",
    columns({"as_of_on": DAY, "platform": TEXT, "account": TEXT, "followers": COUNT}),
    key=("as_of_on", "platform", "account"),
)
TABLES = (CONTACTS, FORM_SUBMISSIONS, STAGE_CHANGES, DEALS, ORDERS, CONTRACTS, SOCIAL_FOLLOWERS)

KINDS = {table.name.removeprefix("exports_"): table for table in TABLES}
"""The kinds of file, by their name in company.yml."""

READ_FROM = {
    "landing_host": "landing_page",
    "landing_path": "landing_page",
    "page_host": "page",
    "page_path": "page",
    "submitted_on": "submitted_at",
    "entered_on": "entered_at",
}
"""Columns of a table that are read from a column of another name; every other one is read from its own."""

INVALID_REASONS = ("competitor", "student", "spam", "sales_pitch", "support", "other")
CHOICES = {
    ("contacts", "invalid_reason"): INVALID_REASONS,
    ("form_submissions", "kind"): ("download", "inquiry", "newsletter", "other"),
    ("form_submissions", "invalid_reason"): INVALID_REASONS,
    ("stage_changes", "stage"): ("lead", "mql", "sql", "deal", "customer", "disqualified"),
    ("deals", "status"): ("open", "won", "lost"),
    ("deals", "kind"): ("new", "renewal", "upsell"),
    ("orders", "kind"): ("new", "renewal", "upsell"),
}
"""The columns that hold one of a few values of ours."""
DEFAULTS = {("deals", "kind"): "new", ("orders", "kind"): "new"}
"""What an empty cell or a column that is not mapped means."""

BATCH_ROWS = 20_000

_Rows = Sequence[tuple[int, Sequence[str]]]
"""Rows of a file, each with the line that it begins on."""


_FilledText = Annotated[str, Field(min_length=1)]


class ExportFile(BaseModel):
    """A file of company.yml ``sources.exports``: where it is and how its headers and values map to ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: tuple[_FilledText, ...] = Field(min_length=1, description="and the path of the file in the company folder")
    encoding: tuple[str, ...] = Field(("utf-8", "cp932", "euc_jp"), min_length=1)
    delimiter: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str] = Field(description="and below it, our column: the header in your file")
    values: Mapping[str, Mapping[str, str]] = {}
    day_order: cells.DayOrder | None = None

    @field_validator("file", mode="before")
    @classmethod
    def _files(cls, file: Any) -> Any:
        return [file] if isinstance(file, str) else file

    @field_validator("encoding", mode="before")
    @classmethod
    def _encodings(cls, encoding: Any) -> Any:
        names = [encoding] if isinstance(encoding, str) else encoding
        for name in names if isinstance(names, list) else ():
            try:
                "a".encode(str(name))
            except (LookupError, UnicodeError):
                raise wrong(Problem((), f"{name} is not a text encoding", "write utf-8, cp932 or euc_jp")) from None
        return names

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise wrong(Problem((), "is not a delimiter", 'write one character: "," or ";" or "\\t" for a tab'))
        return delimiter


def readable(kind: str) -> list[str]:
    """Our columns that company.yml may map for a kind of file."""
    return list(dict.fromkeys(READ_FROM.get(name, name) for name in KINDS[kind].schema.names))


def checked_files(files: Mapping[str, ExportFile]) -> Mapping[str, ExportFile]:
    """The files as they are; raises what pydantic takes for a wrong entry when a kind, column or value is unknown."""
    problems = [problem for kind, file in files.items() for problem in _mapping_problems(kind, file)]
    if problems:
        raise wrong(*problems)
    return files


def _mapping_problems(kind: str, file: ExportFile) -> Iterator[Problem]:
    if kind not in KINDS:
        yield Problem((kind,), "is not a kind of export", nearest(kind, list(KINDS)))
        return
    for column, header in file.columns.items():
        if column not in readable(kind):
            yield Problem((kind, "columns", column), "is not a column of ours", nearest(column, readable(kind)))
        elif not _plain(header):
            yield Problem((kind, "columns", column), "names no header", "write the header in your file")
    required = {READ_FROM.get(field.name, field.name) for field in KINDS[kind].schema if not field.nullable}
    for column in readable(kind):
        if column in required and column not in file.columns and (kind, column) not in DEFAULTS:
            yield Problem((kind, "columns", column), "is missing", f"add `{column}:` and the header in your file")
    choices = {column: known for (of, column), known in CHOICES.items() if of == kind}
    for column, ours in file.values.items():
        if column not in choices:
            remedy = nearest(column, list(choices)) if choices else "leave values out for this kind of file"
            yield Problem((kind, "values", column), "is not a column whose values are mapped", remedy)
            continue
        for value, our_value in ours.items():
            if our_value not in choices[column]:
                problem = f"{our_value} is not a {column} of ours"
                yield Problem((kind, "values", column, value), problem, nearest(our_value, choices[column]))


def load(files: Mapping[str, ExportFile], folder: Path, timezone: str) -> Iterator[Load]:
    """One load per kind of file, each replacing the whole of its table with the rows of all its files.

    Paths are relative to ``folder``; times without an offset are in ``timezone``, and days are days there. While a
    load is drawn, SourceError is raised for a file that is missing, in another encoding or without a mapped header,
    and for the first row that cannot be read. Memory holds one batch of rows, however long the file.
    """
    for kind, settings in files.items():
        fetches: list[Fetch] = []
        yield Load(KINDS[kind], None, None, _batches(kind, settings, folder, ZoneInfo(timezone), fetches), fetches)


def _batches(
    kind: str, settings: ExportFile, folder: Path, zone: ZoneInfo, fetches: list[Fetch]
) -> Iterator[pa.RecordBatch]:
    for pattern in settings.file:
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
        return f"{tabular_file.row_word(self.name)} {row} column {self.settings.columns.get(column or '')}"


def _file_batches(file: _File, zone: ZoneInfo) -> Iterator[pa.RecordBatch]:
    rows = file.rows()
    positions = _positions(file, next(rows)[1])
    readings = _readings(file, zone, None)
    while batch := list(islice(rows, BATCH_ROWS)):
        try:
            arrays = _arrays(readings, positions, file, batch)
        except cells.Undecided:
            readings = _readings(file, zone, _written(file, positions))
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
    dated = _dated(file)
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
    text = _plain(text)
    if not text:
        return None, None
    return len(text.partition(".")[0]) if cells.is_serial(text) else 0, cells.day_order_shown(text)


def _dated(file: _File) -> list[str]:
    """The columns of ours that hold dates and are in the file."""
    dated = {READ_FROM.get(field.name, field.name) for field in KINDS[file.kind].schema if field.type in (DAY, MOMENT)}
    return sorted(dated & set(file.settings.columns))


def _first_row(headers: Sequence[str]) -> str:
    """What a message may show of the first row: where the header is missing, it holds a person's data."""
    if any(re.search(r"@|\d[\d ./:-]{4,}\d", _plain(header)) for header in headers):
        return "its first row holds data, not headers"
    return f"its first row is: {', '.join(_plain(header) for header in headers)}"


def _positions(file: _File, headers: Sequence[str]) -> dict[str, int]:
    """The place of each mapped column of ours in the file's rows."""
    mapped = file.settings.columns
    found = [_header(header) for header in headers]
    missing = {column: header for column, header in mapped.items() if _header(header) not in found}
    if missing:
        wanted = ", ".join(f"{header} (for {column})" for column, header in missing.items())
        raise SourceError(
            file.name,
            f"has no column {wanted}; {_first_row(headers)}",
            f"correct the header under sources.exports.{file.kind}.columns in company.yml, or export that column too; "
            "if the first row came out in one piece, name the file's `delimiter:` there",
        )
    for column, header in mapped.items():
        alike = [_plain(other) for other, same in zip(headers, found, strict=True) if same == _header(header)]
        if len(alike) > 1:
            where, problem = f"{file.name} column {header}", f"may be any of these headers: {', '.join(alike)}"
            raise SourceError(where, problem, f"leave one column of this name in the export (it is our {column})")
    return {column: found.index(_header(header)) for column, header in mapped.items()}


_BRACKETS = str.maketrans({**dict.fromkeys("[{〔【〈《「『", "("), **dict.fromkeys("]}〕】〉》」』", ")")})


def _header(text: str) -> str:
    """A header as it is compared: width, case, kind of bracket, spaces around it and their number do not matter."""
    plain = normalize("NFKC", normalize("NFKC", text.replace("\ufeff", "")).casefold()).translate(_BRACKETS)
    return " ".join(plain.split())


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


def _readings(file: _File, zone: ZoneInfo, written: Mapping[str, cells.Written] | None) -> list[_Reading]:
    return [_reading(field, file, zone, written) for field in KINDS[file.kind].schema]


def _reading(field: pa.Field, file: _File, zone: ZoneInfo, written: Mapping[str, cells.Written] | None) -> _Reading:
    kind, mapping = file.kind, file.settings
    source = READ_FROM.get(field.name, field.name)
    values = {_plain(value): ours for value, ours in mapping.values.get(source, {}).items()}
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
    return _Reading(field, source if source in mapping.columns else None, parser, if_empty)


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


def _plain(text: str) -> str:
    return normalize("NFKC", text).strip()


def _plain_texts(texts: Sequence[str]) -> pa.StringArray:
    """Each text as ``_plain`` gives it; an empty one is null."""
    array = pa.array(texts, TEXT)
    if not pc.all(pc.string_is_ascii(array)).as_py():
        encoded = array.dictionary_encode()
        array = pc.utf8_normalize(encoded.dictionary, "NFKC").take(encoded.indices)
    array = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, TEXT), array)
