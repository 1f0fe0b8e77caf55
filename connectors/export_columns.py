"""A column of ours from the cells of a file: how each is read, and what is wrong where a cell cannot be."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors import cell_dates, cells
from connectors.export_file import Block, File
from connectors.export_settings import ANY_OTHER
from connectors.export_tables import (
    CHOICES,
    COUNT,
    DAY,
    DEFAULTS,
    FIRST_OF,
    KINDS,
    MOMENT,
    MONEY,
    RATE,
    READ_FROM,
    TEXT,
)
from connectors.personal import Pseudonyms

CATEGORY_ROWS = 3
"""A value on so many rows of a block is a category and is shown; a rarer one may be somebody's name."""


@dataclass(frozen=True)
class Company:
    """What the cells mean at a company: times are in ``zone``, amounts in ``currency``, persons have ``pseudonyms``."""

    zone: ZoneInfo
    currency: str
    pseudonyms: Pseudonyms
    forgotten_contacts: set[str] = dataclasses.field(default_factory=set)
    """Contacts of someone forgotten that came in under a new id: what else is theirs is not loaded either."""


@dataclass(frozen=True)
class Bad:
    """Why a row cannot be read: the column of ours, what stands there, what is wrong with it and what to do."""

    column: str
    text: str | None
    problem: str
    remedy: str


BadRows = dict[int, Bad]
"""By the row in its block; of each row the first reason."""


@dataclass(frozen=True)
class Reading:
    """How a column of a table is read: from which column of ours (None: not exported), and by which parser."""

    field: pa.Field
    source: str | None
    parser: cells.Parser
    if_empty: str | bool | None = None


def readings(file: File, company: Company, written: Mapping[str, cells.Written] | None) -> list[Reading]:
    """One for each column of the kind's table; parsers that need ``written`` raise cells.Undecided without it."""
    return [_reading(field, file, company, written) for field in KINDS[file.kind].schema]


def flag(column: str) -> Reading:
    """A column of ours that is yes or no, and no table's; empty is no."""
    return Reading(pa.field(column, pa.bool_()), column, cells.BOOLEAN, if_empty=False)


def _reading(field: pa.Field, file: File, company: Company, written: Mapping[str, cells.Written] | None) -> Reading:
    source = READ_FROM.get(field.name, field.name)
    values = {cells.plain(value): ours for value, ours in file.settings.values.get(source, {}).items()}
    if_empty = values.get("", DEFAULTS.get((file.kind, field.name)))
    parser = _parser(field, file, company, values, None if written is None else written.get(source, cells.Written()))
    return Reading(field, source, parser, None if if_empty == "none" else if_empty)


def _parser(
    field: pa.Field, file: File, company: Company, values: Mapping[str, str], written: cells.Written | None
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
        return cell_dates.day_in(company.zone, written)
    if field.type == MOMENT:
        return cell_dates.moment_in(company.zone, written)
    return cells.rate_in(written) if field.type == RATE else _PARSERS[field.type]


_PARSERS = {TEXT: cells.WORDS, MONEY: cells.AMOUNT, COUNT: cells.COUNT}


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


def read_column(reading: Reading, block: Block, bad: BadRows) -> pa.Array:
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
                bad.setdefault(row, Bad(reading.source or "", text[row].as_py(), error.problem, error.remedy))
    return array if reading.if_empty is None else pc.fill_null(array, reading.if_empty)


def _with_category(error: cells.CellError, code: int, codes: pa.Array) -> cells.CellError:
    if isinstance(error, _Unmapped) and pc.sum(pc.equal(codes, code), min_count=0).as_py() >= CATEGORY_ROWS:
        return error.shown()
    return error


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


def find_other_currencies(block: Block, company: Company, bad: BadRows) -> None:
    """Puts the rows of another currency in ``bad``: their amounts would be added up as if they were the company's."""
    reading = Reading(pa.field("currency", TEXT), "currency", cells.Parser(partial(_own_currency, company.currency)))
    read_column(reading, block, bad)


def _own_currency(code: str, text: str) -> str:
    """Tools write JPY, 日本円 (JPY) or JPY - Japanese Yen."""
    if code in re.findall(r"[A-Z]{3}", text.upper()) or (code == "JPY" and text in ("¥", "円", "日本円", "\\")):
        return code
    raise cells.CellError(f"is another currency than {code}", f"export amounts in {code}, the currency of company.yml")
