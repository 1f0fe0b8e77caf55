"""Files (CSV, TSV, XLSX, Parquet) that MA, SFA, CRM and social tools export.

The files of a kind are together the whole of what the tools know on the day of the export, so they replace its
table. company.yml says which header holds which of our columns and what the file's values mean. Only the columns
named there are read. A row that cannot be read is set aside with its reason; where these are more than one in a
hundred, the load fails.
"""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors import cells, tabular_file
from connectors.csv_file import Rows
from connectors.errors import SourceError
from connectors.export_settings import ANY_OTHER, ExportFile
from connectors.export_tables import (
    CHOICES,
    COUNT,
    DAY,
    DEFAULTS,
    FIRST_OF,
    KINDS,
    MADE_FROM,
    MOMENT,
    MONEY,
    NEEDS,
    ONE_OF,
    RATE,
    READ_FROM,
    TEXT,
)
from connectors.personal import Pseudonyms, redacted
from connectors.table import PLACE, Fetch, Intake, Load, SetAside

REJECTED_AT_MOST = 0.01
"""The share of a kind's rows that may be rejected; above it more than the rows is wrong."""
_FOOTER_ROWS = 20

_Written = Mapping[str, cells.Written]


@dataclass(frozen=True)
class Company:
    """What the cells mean at a company: times are in ``zone``, amounts in ``currency``, persons have ``pseudonyms``."""

    zone: ZoneInfo
    currency: str
    pseudonyms: Pseudonyms
    forgotten_contacts: set[str] = dataclasses.field(default_factory=set)
    """Contacts of someone forgotten that came in under a new id: what else is theirs is not loaded either."""


def load(
    files: Mapping[str, Sequence[ExportFile]], folder: Path, timezone: str, currency: str, pseudonyms: Pseudonyms
) -> Iterator[Load]:
    """One load per kind of file, each replacing the whole of its table with the rows of all its files.

    Paths are relative to ``folder``; times without an offset are in ``timezone``, and days are days there; rows of
    another ``currency`` (ISO 4217) are rejected. While a load is drawn, SourceError is raised for a file that is
    missing, in another encoding or without a mapped header, and at its end when too many rows are rejected. Memory
    holds one block of rows, however long the file.
    """
    company = Company(ZoneInfo(timezone), currency, pseudonyms)
    for kind in (kind for kind in KINDS if kind in files):  # contacts come first
        entries = files[kind]
        fetches: list[Fetch] = []
        intake = Intake(any(entry.may_shrink for entry in entries))
        batches = _batches(kind, entries, folder, company, fetches, intake)
        yield Load(KINDS[kind], None, None, batches, fetches, intake=intake)


def found_columns(kind: str, settings: ExportFile, folder: Path | None) -> frozenset[str]:
    """Our columns that a file of the settings has, by its header; of a file that is not there yet, the mapped ones."""
    found: set[str] = set()
    for pattern in settings.file:
        try:
            found |= _File.opened(kind, settings, folder or Path(), pattern).positions.keys()
        except SourceError:
            return frozenset(settings.columns)
    return frozenset(found)


@dataclass(frozen=True)
class Sample:
    """What the beginning of a file shows, read as a night would read it."""

    name: str
    modified_at: datetime
    rows: int
    rejected: int
    first_rejected: SourceError | None
    columns: tuple[str, ...]
    """Our columns that the file has."""
    lacking: tuple[str, ...]
    """Our columns that it may lack, and does."""


def sample(kind: str, settings: ExportFile, pattern: str, folder: Path, company: Company) -> Sample:
    """Read the first block of rows of a file (some megabytes). Raises SourceError as :func:`load` does for it."""
    file, intake = _File.opened(kind, settings, folder, pattern), Intake(may_shrink=True)
    next(_file_batches(file, company, intake), None)
    first = next((row for row in intake.rows if row.is_rejected), None)
    return Sample(
        file.name,
        datetime.fromtimestamp(tabular_file.newest(folder, pattern)[0].stat().st_mtime, UTC),
        intake.read,
        intake.rejected,
        SourceError(_where(first), first.reason, first.remedy or "") if first else None,
        tuple(file.positions),
        tuple(column for column in settings.columns if column not in file.positions),
    )


def _batches(
    kind: str, entries: Sequence[ExportFile], folder: Path, company: Company, fetches: list[Fetch], intake: Intake
) -> Iterator[pa.RecordBatch]:
    first: list[SetAside] = []
    remedy = ""
    for entry in entries:
        for pattern in entry.file:
            fetched_at, started, row_count, seen = datetime.now(UTC), perf_counter(), 0, len(intake.rows)
            file = _File.opened(kind, entry, folder, pattern)
            for batch in _file_batches(file, company, intake):
                first += [row for row in intake.rows[seen:] if row.is_rejected][: 3 - len(first)]
                yield batch
                seen = len(intake.rows)
                row_count += batch.num_rows
            remedy = remedy or (first[0].remedy or "" if first else "")
            duration = perf_counter() - started
            fetches.append(Fetch(KINDS[kind].name, file.name, None, None, row_count, fetched_at, duration))
    if intake.rejected > REJECTED_AT_MOST * intake.read:
        shown = "; ".join(map(_reason, first))
        raise SourceError(
            ", ".join(dict.fromkeys(row.file for row in first)),
            f"{intake.rejected:,} of {intake.read:,} rows of {kind} cannot be read, more than "
            f"{REJECTED_AT_MOST:.0%}: {shown}{'; ...' if intake.rejected > len(first) else ''}",
            f"{remedy}. All of them are in raw.quarantine of .gyakusan/warehouse.duckdb; the last good data stay",
        )


def _reason(row: SetAside) -> str:
    return f"{_where(row)} {row.reason}"


def _where(row: SetAside) -> str:
    column = f" column {row.column}" if row.column else ""
    return f"{row.file} {tabular_file.row_word(row.file)} {row.line}{column}"


@dataclass(frozen=True)
class _File:
    """One file of a kind: what company.yml says of it, its name in messages, and the file itself."""

    kind: str
    settings: ExportFile
    name: str
    tabular: tabular_file.TabularFile

    @classmethod
    def opened(cls, kind: str, settings: ExportFile, folder: Path, pattern: str) -> "_File":
        path, name = tabular_file.newest(folder, pattern)
        name = redacted(name)
        wanted = settings.columns.values()
        tabular = tabular_file.opened(
            path,
            name,
            settings.encoding,
            settings.delimiter,
            settings.sheet,
            lambda headers: sum(bool(_first_found(headers, named)) for named in wanted),
        )
        return cls(kind, settings, name, tabular)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The place of each mapped column of ours that is in the file."""
        return _positions(self)

    @cached_property
    def asked_for(self) -> Sequence[tuple[int, frozenset[str]]]:
        """The places of the headers of ``only``, and the values of rows that are asked for."""
        return [
            (_one_place(self, [header], "only"), frozenset(map(cells.plain, values)))
            for header, values in self.settings.only.items()
        ]

    def header(self, column: str | None) -> str | None:
        """The header in the file of a column of ours; that of what it is made from where it is made."""
        sources = [column or "", *(READ_FROM.get(name, name) for name in MADE_FROM.get((self.kind, column or ""), ()))]
        place = next((self.positions[name] for name in sources if name in self.positions), None)
        return None if place is None else redacted(self.tabular.headers[place].strip("\ufeff \u3000"))

    def place(self, row: int, column: str) -> str:
        """``line 17 column 金額``, for a column of ours."""
        return f"{tabular_file.row_word(self.name)} {row} column {self.header(column)}"


def _first_row(headers: Sequence[str]) -> str:
    """What a message may show of the first row: where the header is missing, it holds a person's data."""
    shown = [cells.plain(header) for header in headers]
    if any(re.search(r"@|%40|\d[\d ./:-]{4,}\d", header) for header in shown):
        return "its first row holds data, not headers"
    return f"its first row is: {', '.join(header[:100] for header in shown[:100])}"


def _positions(file: _File) -> Mapping[str, int]:
    headers, mapped = file.tabular.headers, file.settings.columns
    found = {column: _one_place(file, named, column) for column, named in mapped.items() if
             column not in file.settings.may_lack or _first_found(headers, named)}  # fmt: skip
    lacking = [either for either in ONE_OF.get(file.kind, ()) if not found.keys() & set(either)]
    lacking += [of for column, of in NEEDS.get(file.kind, {}).items() if column in found and not found.keys() & set(of)]
    for either in lacking:
        raise _no_column(file, " or ".join(header for name in either for header in mapped.get(name, ())), either[0])
    return found


def _one_place(file: _File, named: Sequence[str], column: str) -> int:
    headers = file.tabular.headers
    alike = _first_found(headers, named)
    if not alike:
        raise _no_column(file, " or ".join(named), column)
    if len(alike) > 1:
        names = ", ".join(cells.plain(headers[place]) for place in alike)
        raise SourceError(
            f"{file.name} column {' or '.join(named)}",
            f"may be any of these headers: {names}",
            f"leave one column of this name in the export (it is our {column})",
        )
    return alike[0]


def _no_column(file: _File, headers: str, column: str) -> SourceError:
    return SourceError(
        file.name,
        f"has no column {headers} (for {column}); {_first_row(file.tabular.headers)}",
        f"correct the header under sources.exports.{file.kind}.columns in company.yml, or export that column too; "
        "if the first row came out in one piece, name the file's `delimiter:` there",
    )


def _first_found(headers: Sequence[str], named: Sequence[str]) -> list[int]:
    """The places of the first of the named headers that is there; several where they differ in writing alone."""
    found = [cells.header(header) for header in headers]
    alike = ([place for place, header in enumerate(found) if header == cells.header(name)] for name in named)
    return next(filter(None, alike), [])


def _file_batches(file: _File, company: Company, intake: Intake) -> Iterator[pa.RecordBatch]:
    places = sorted({*file.positions.values(), *(place for place, _ in file.asked_for)})
    blocks = file.tabular.rows(places)
    readings = _readings(file, company, None)
    for rows in _without_footer(blocks, intake) if file.settings.footer else blocks:
        block = _Block(file, rows.lines, {place: _encoded(text, file) for place, text in rows.texts.items()})
        try:
            batch = _batch(block, readings, company, intake)
        except cells.Undecided:
            readings = _readings(file, company, _written(file))
            batch = _batch(block, readings, company, intake)
        intake.read += len(rows.ragged)
        intake.rejected += len(rows.ragged)
        intake.rows += [_ragged(file, line, count) for line, count in rows.ragged]
        yield batch


def _ragged(file: _File, line: int, count: int) -> SetAside:
    reason = f"has {count} cells where the header has {len(file.tabular.headers)}"
    remedy = "correct the row, or the `delimiter:` of the file in company.yml"
    return SetAside(file.name, line, None, f"{count} cells", reason, remedy, is_rejected=True)


def _without_footer(blocks: Iterator[Rows], intake: Intake) -> Iterator[Rows]:
    """The rows but for the last that have other cells than the header, or at most one of those asked for."""
    held: Rows | None = None
    for rows in blocks:
        if held is None:
            held = rows
        elif len(rows.lines) + len(rows.ragged) > _FOOTER_ROWS:
            yield held
            held = rows
        else:
            texts = {place: pa.concat_arrays([text, rows.texts[place]]) for place, text in held.texts.items()}
            held = Rows(pa.concat_arrays([held.lines, rows.lines]), texts, [*held.ragged, *rows.ragged])
    if held is None:
        return
    last = len(held.lines)
    while last and sum(bool(text[last - 1].as_py().strip()) for text in held.texts.values()) <= 1:
        last -= 1
    end = held.lines[last - 1].as_py() if last else 0
    ragged = [row for row in held.ragged if row[0] < end]
    count = len(held.lines) - last + len(held.ragged) - len(ragged)
    if count > _FOOTER_ROWS:
        yield held
        return
    intake.read += count
    intake.set_aside += count
    yield Rows(held.lines[:last], {place: text[:last] for place, text in held.texts.items()}, ragged)


@dataclass(frozen=True)
class _Block:
    """Some rows of a file: the line of each, and its cells by their place, each different text once."""

    file: _File
    lines: pa.Int64Array
    texts: Mapping[int, pa.DictionaryArray]

    def of(self, column: str | None) -> pa.DictionaryArray | None:
        """The cells of a column of ours; None where the file has none."""
        place = self.file.positions.get(column or "")
        return None if place is None else self.texts[place]

    def asked_for(self) -> "_Block":
        """The rows that have one of the values of ``only`` in each of its columns."""
        block = self
        for place, values in self.file.asked_for:
            text = block.texts[place]
            named = pa.array([(value or "") in values for value in text.dictionary.to_pylist()], pa.bool_())
            mask = named.take(text.indices)
            texts = {place: text.filter(mask) for place, text in block.texts.items()}
            block = _Block(self.file, block.lines.filter(mask), texts)
        return block


@dataclass(frozen=True)
class _Bad:
    """Why a row cannot be read: the column of ours, what stands there, what is wrong with it and what to do."""

    column: str
    text: str | None
    problem: str
    remedy: str


_BadRows = dict[int, _Bad]
"""By the row in its block; of each row the first reason."""


def _batch(block: _Block, readings: Sequence["_Reading"], company: Company, intake: Intake) -> pa.RecordBatch:
    """The rows of a block that are loaded; those that are not go to the intake. Raises cells.Undecided."""
    file, read = block.file, len(block.lines)
    block = block.asked_for()
    bad: _BadRows = {}
    deleted = _true_rows(_column(_flag("is_deleted"), block, bad))
    columns = {reading.field.name: _column(reading, block, bad) for reading in readings}
    _in_another_currency(block, company, bad)
    if {"is_won", "is_closed"} <= file.positions.keys():
        won, closed = (_column(_flag(name), block, bad) for name in ("is_won", "is_closed"))
        columns["status"] = pc.if_else(won, "won", pc.if_else(closed, "lost", "open"))
    if file.kind == "deals" and company.pseudonyms.has_forgotten:  # the deal is the company's, and stays
        gone = pc.is_in(columns["contact_id"], _forgotten_ids(columns["contact_id"], "contact_id", company))
        columns["contact_id"] = pc.if_else(gone, pa.scalar(None, TEXT), columns["contact_id"])
    for (kind, name), made in MADE_FROM.items():
        if kind == file.kind:
            columns[name] = pc.coalesce(columns[name], _made(columns, made))
    for field in KINDS[file.kind].schema:
        if not field.nullable and columns[field.name].null_count:
            for row in pc.indices_nonzero(columns[field.name].is_null()).to_pylist():
                bad.setdefault(row, _Bad(field.name, None, "is empty", "fill it in where the file comes from"))
    batch = pa.RecordBatch.from_arrays(
        [
            *(columns[name] for name in KINDS[file.kind].schema.names),
            pa.repeat(file.name, len(block.lines)),
            block.lines,
        ],
        schema=pa.schema([*KINDS[file.kind].schema.remove_metadata(), *PLACE]),
    )
    forgotten = _forgotten(file.kind, batch, company)
    deleted = [row for row in deleted if row not in forgotten]
    bad = {row: why for row, why in bad.items() if row not in forgotten}
    aside = sorted({*deleted, *bad})
    intake.rows += _set_aside(batch.take(pa.array(aside, pa.int64())), aside, file, bad, set(deleted)) if aside else []
    intake.read += read
    intake.set_aside += read - len(block.lines) + len(deleted) + len(forgotten)
    intake.rejected += len(aside) - len(deleted)
    gone = pa.array([*aside, *forgotten], pa.int64())
    return batch.filter(pc.invert(pc.is_in(pa.arange(0, len(batch)), gone))) if len(gone) else batch


_PERSONS = {"person_id": "person_id", "subscriber_id": "person_id", "contact_id": "contact_id",
            "merged_into_id": "contact_id", "kept_id": "contact_id", "merged_id": "contact_id"}  # fmt: skip
"""Columns that say whose a row is, and by what a tombstone knows the person."""


def _forgotten(kind: str, batch: pa.RecordBatch, company: Company) -> frozenset[int]:
    """The rows of those who were forgotten: nothing of them is loaded or listed."""
    found: set[int] = set()
    if kind == "deals" or not company.pseudonyms.has_forgotten:
        return frozenset()
    for name, known_as in _PERSONS.items():
        if name in batch.schema.names:
            found.update(_true_rows(pc.is_in(batch[name], _forgotten_ids(batch[name], known_as, company))))
    if kind == "merges":
        found -= set(_true_rows(pc.not_equal(batch["object"], "contact")))
    if kind == "contacts":
        company.forgotten_contacts.update(batch["contact_id"].take(pa.array(found, pa.int64())).drop_null().to_pylist())
    return frozenset(found)


def _forgotten_ids(ids: pa.StringArray, known_as: str, company: Company) -> pa.StringArray:
    also = company.forgotten_contacts if known_as == "contact_id" else ()
    different = ids.unique().drop_null().to_pylist()
    return pa.array(
        [each for each in different if each in also or company.pseudonyms.is_forgotten(known_as, each)], TEXT
    )


def _set_aside(
    rows: pa.RecordBatch, numbers: Sequence[int], file: _File, bad: _BadRows, deleted: set[int]
) -> Iterator[SetAside]:
    for number, row in zip(numbers, rows.to_pylist(), strict=True):
        name, line = row.pop("file"), row.pop("line")
        rest = json.dumps({key: str(value) for key, value in row.items() if value is not None}, ensure_ascii=False)
        if number in deleted:
            yield SetAside(name, line, file.header("is_deleted"), None, "deleted", None, is_rejected=False, rest=rest)
        else:
            why = bad[number]
            shown = cells.described(why.text)
            yield SetAside(name, line, file.header(why.column), shown, why.problem, why.remedy, True, rest)


def _true_rows(flags: pa.BooleanArray) -> list[int]:
    found: list[int] = pc.indices_nonzero(flags).to_pylist()
    return found


def _in_another_currency(block: _Block, company: Company, bad: _BadRows) -> None:
    """An amount in another currency would be added up as if it were the company's."""
    reading = _Reading(pa.field("currency", TEXT), "currency", cells.Parser(partial(_own_currency, company.currency)))
    _column(reading, block, bad)


def _own_currency(code: str, text: str) -> str:
    """Tools write JPY, 日本円 (JPY) or JPY - Japanese Yen."""
    if code in re.findall(r"[A-Z]{3}", text.upper()) or (code == "JPY" and text in ("¥", "円", "日本円", "\\")):
        return code
    raise cells.CellError(f"is another currency than {code}", f"export amounts in {code}, the currency of company.yml")


def _made(columns: Mapping[str, pa.Array], names: Sequence[str]) -> pa.StringArray:
    """A readable id of other columns: the first that says who, and what else tells the rows of one apart."""
    who = pc.coalesce(*(columns[name] for name in names if name.endswith("_id")))
    rest = [columns[name] for name in names if not name.endswith("_id")]
    texts = [_moment_text(each) if each.type == MOMENT else each for each in rest]
    return pc.binary_join_element_wise(who, *(pc.fill_null(each, "") for each in texts), "|") if texts else who


def _moment_text(moments: pa.TimestampArray) -> pa.StringArray:
    return pc.strftime(moments.cast(pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class _Reading:
    """How a column of a table is read: from which column of ours (None: not exported), and by which parser."""

    field: pa.Field
    source: str | None
    parser: cells.Parser
    if_empty: str | bool | None = None


def _flag(column: str) -> _Reading:
    return _Reading(pa.field(column, pa.bool_()), column, cells.BOOLEAN, if_empty=False)


def _readings(file: _File, company: Company, written: _Written | None) -> list[_Reading]:
    return [_reading(field, file, company, written) for field in KINDS[file.kind].schema]


def _reading(field: pa.Field, file: _File, company: Company, written: _Written | None) -> _Reading:
    source = READ_FROM.get(field.name, field.name)
    values = {cells.plain(value): ours for value, ours in file.settings.values.get(source, {}).items()}
    if_empty = values.get("", DEFAULTS.get((file.kind, field.name)))
    parser = _parser(field, file, company, values, None if written is None else written.get(source, cells.Written()))
    return _Reading(field, source, parser, None if if_empty == "none" else if_empty)


def _parser(
    field: pa.Field, file: _File, company: Company, values: Mapping[str, str], written: cells.Written | None
) -> cells.Parser:
    name = field.name
    if (file.kind, name) in CHOICES:
        return cells.Parser(partial(_choice, file.kind, name, values))
    if name in ("person_id", "email_domain"):
        return cells.person_in(company.pseudonyms) if name == "person_id" else cells.DOMAIN
    if name == "client_id":
        return cells.client_in(company.pseudonyms)
    if name.endswith(("_id", "_ids")):
        is_one = name.endswith("_id")
        if file.settings.id_format == "salesforce":
            parser = cells.SALESFORCE_ID if is_one else cells.SALESFORCE_IDS
        else:
            parser = cells.IDENTIFIER if is_one else cells.IDENTIFIERS
        return cells.first_of(parser) if (file.kind, name) in FIRST_OF else parser
    if name.endswith(("_host", "_path")):
        return cells.HOST if name.endswith("_host") else cells.PATH
    if field.type == DAY:
        return cells.day_in(company.zone, written)
    if field.type == MOMENT:
        return cells.moment_in(company.zone, written)
    return cells.rate_in(written) if field.type == RATE else _PARSERS[field.type]


_PARSERS = {TEXT: cells.WORDS, MONEY: cells.AMOUNT, COUNT: cells.COUNT}


CATEGORY_ROWS = 3
"""A value on so many rows of a block is a category and is shown; a rarer one may be somebody's name."""


class _Unmapped(cells.CellError):
    """A value that company.yml does not map."""

    def __init__(self, kind: str, column: str, text: str) -> None:
        known = ", ".join(CHOICES[kind, column])
        self.problem_with_text = f"{text} is not a {column} that company.yml knows"
        self.remedy_with_text = (
            f"map it in company.yml: sources.exports.{kind}.values.{column}: {{{text}: one of {known}}}"
        )
        super().__init__(
            f"{cells.described(text)} is not a {column} that company.yml knows",
            f"map what stands there in company.yml: sources.exports.{kind}.values.{column}: {{value: one of {known}}}",
        )

    def shown(self) -> cells.CellError:
        return cells.CellError(self.problem_with_text, self.remedy_with_text)


def _choice(kind: str, column: str, values: Mapping[str, str], text: str) -> str | None:
    known = CHOICES[kind, column]
    ours = values.get(text) or (text if text in known else values.get(ANY_OTHER))
    if ours is None and column == "invalid_reason":  # that it is invalid is what counts
        ours = "other"
    if ours is None:
        raise _Unmapped(kind, column, cells.words(text)[:100])
    return None if ours == "none" else ours


def _column(reading: _Reading, block: _Block, bad: _BadRows) -> pa.Array:
    """The values of a column of a block; null, and a reason in ``bad``, where a cell cannot be read."""
    text = block.of(reading.source)
    if text is None:
        array = pa.nulls(len(block.lines), reading.field.type)
    else:
        values, errors = _parsed(text.dictionary, reading.parser, reading.field.type)
        array = values.take(text.indices)
        if errors:
            errors = {code: _with_category(error, code, text.indices) for code, error in errors.items()}
            codes = pa.array(errors, text.indices.type)
            for row in pc.indices_nonzero(pc.is_in(text.indices, codes)).to_pylist():
                error = errors[text.indices[row].as_py()]
                bad.setdefault(row, _Bad(reading.source or "", text[row].as_py(), error.problem, error.remedy))
    return array if reading.if_empty is None else pc.fill_null(array, reading.if_empty)


def _with_category(error: cells.CellError, code: int, codes: pa.Array) -> cells.CellError:
    is_category = isinstance(error, _Unmapped) and pc.sum(pc.equal(codes, code)).as_py() >= CATEGORY_ROWS
    return error.shown() if isinstance(error, _Unmapped) and is_category else error


def _parsed(
    texts: pa.StringArray, parser: cells.Parser, kind: pa.DataType
) -> tuple[pa.Array, Mapping[int, cells.CellError]]:
    """The value of each text, and by its place the error of each that has none."""
    try:
        return parser.column(texts), {}
    except (pa.ArrowInvalid, cells.CellError):
        pass
    values: list[object] = []
    errors = {}
    for place, text in enumerate(texts.to_pylist()):
        value = None
        try:
            value = None if text is None else parser.cell(text)
        except cells.Undecided:
            raise
        except cells.CellError as error:
            errors[place] = error
        values.append(value)
    return pa.array(values, kind), errors


def _encoded(texts: pa.StringArray, file: _File) -> pa.DictionaryArray:
    encoded = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices, _plain(encoded.dictionary, file.settings.empty))


def _plain(texts: pa.StringArray, empty: Sequence[str]) -> pa.StringArray:
    """Each text as ``cells.plain`` gives it; one that is or means empty is null."""
    if not pc.all(pc.string_is_ascii(texts), min_count=0).as_py():
        texts = pc.utf8_normalize(texts, "NFKC")
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(texts, pa.array(["", *map(cells.plain, empty)])), pa.scalar(None, TEXT), texts)


def _written(file: _File) -> _Written:
    """How each column of dates and of shares is written, from all rows of the file; only for a file that needs it.

    Batches that were read before hold no date of either order, no number and no share without a sign, so that they
    stay right. Memory holds one block. Raises SourceError for a file with the day first in one row and the month
    first in another.
    """
    types = {READ_FROM.get(field.name, field.name): field.type for field in KINDS[file.kind].schema}
    places = {name: place for name, place in file.positions.items() if types.get(name) in (DAY, MOMENT, RATE)}
    orders: dict[cells.DayOrder, str] = {}
    serials, others = set(), set()
    shares: dict[str, Counter[str]] = {name: Counter() for name in places}
    for rows in file.tabular.rows(sorted(set(places.values()))):
        for column, place in places.items():
            encoded = _encoded(rows.texts[place], file)
            counts = {count["values"]: count["counts"] for count in encoded.indices.value_counts().to_pylist()}
            for code, text in enumerate(encoded.dictionary.to_pylist()):
                if text is not None and types[column] == RATE:
                    shares[column][cells.rate_shown(text) or "nothing"] += counts[code]
                    continue
                digits, order = _shown(text or "")
                if digits == 5:
                    serials.add(column)
                if digits in (0, 6):
                    others.add(column)
                if order and order not in orders:
                    orders[order] = file.place(rows.lines[pc.index(encoded.indices, code).as_py()].as_py(), column)
    if len(orders) > 1:
        raise SourceError(
            file.name,
            f"has a date with its month first in {orders['mdy']} and one with its day first in {orders['dmy']}",
            "export all dates in one order, or as 2025-04-01",
        )
    order = next(iter(orders), file.settings.day_order)
    return {
        column: cells.Written(
            order,
            serials=column in serials - others,
            percents=shares[column]["above_one"] > shares[column]["share"] and not shares[column]["percent"],
        )
        for column in places
    }


@lru_cache(maxsize=1 << 16)
def _shown(text: str) -> tuple[int | None, cells.DayOrder | None]:
    """What a cell of dates shows: the digits of a day number of Excel (0: it is none, None: it is empty), and the
    order of day and month. From 1927 to 2173 a day number has five digits; one of four may be a year instead, and
    one of six a month (202504) or a day (250401).
    """
    if not text:
        return None, None
    return len(text.partition(".")[0]) if cells.is_serial(text) else 0, cells.day_order_shown(text)
