"""One exported file: its header, the places of our columns in it, and its rows block by block."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connectors import cells, tabular_file
from connectors.csv_file import Rows
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.export_tables import MADE_FROM, NEEDS, ONE_OF, READ_FROM, TEXT
from connectors.personal import redacted
from connectors.table import Intake

_FOOTER_ROWS = 20


@dataclass(frozen=True)
class File:
    """One file of a kind: what company.yml says of it, its name in messages, and the file itself."""

    kind: str
    settings: ExportFile
    name: str
    tabular: tabular_file.TabularFile

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


def opened(kind: str, settings: ExportFile, folder: Path, pattern: str) -> File:
    """The file that a path of ``settings.file`` names, with its header.

    Raises SourceError as :func:`connectors.tabular_file.opened` does.
    """
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
    return File(kind, settings, name, tabular)


def _positions(file: File) -> Mapping[str, int]:
    headers, mapped = file.tabular.headers, file.settings.columns
    found = {column: _one_place(file, named, column) for column, named in mapped.items() if
             column not in file.settings.may_lack or _first_found(headers, named)}  # fmt: skip
    lacking = [either for either in ONE_OF.get(file.kind, ()) if not found.keys() & set(either)]
    lacking += [of for column, of in NEEDS.get(file.kind, {}).items() if column in found and not found.keys() & set(of)]
    for either in lacking:
        raise _no_column(file, " or ".join(header for name in either for header in mapped.get(name, ())), either[0])
    return found


def _one_place(file: File, named: Sequence[str], column: str) -> int:
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


def _no_column(file: File, headers: str, column: str) -> SourceError:
    return SourceError(
        file.name,
        f"has no column {headers} (for {column}); {_first_row(file.tabular.headers)}",
        f"correct the header under sources.exports.{file.kind}.columns in company.yml, or export that column too; "
        "if the first row came out in one piece, name the file's `delimiter:` there",
    )


def _first_row(headers: Sequence[str]) -> str:
    """What a message may show of the first row: where the header is missing, it holds a person's data."""
    shown = [cells.plain(header) for header in headers]
    if any(re.search(r"@|%40|\d[\d ./:-]{4,}\d", header) for header in shown):
        return "its first row holds data, not headers"
    return f"its first row is: {', '.join(header[:100] for header in shown[:100])}"


def _first_found(headers: Sequence[str], named: Sequence[str]) -> list[int]:
    """The places of the first of the named headers that is there; several where they differ in writing alone."""
    found = [cells.header(header) for header in headers]
    alike = ([place for place, header in enumerate(found) if header == cells.header(name)] for name in named)
    return next(filter(None, alike), [])


@dataclass(frozen=True)
class Block:
    """Some rows of a file: the line of each, and its cells by their place, each different text once.

    ``ragged`` are as in :class:`connectors.csv_file.Rows`.
    """

    file: File
    lines: pa.Int64Array
    texts: Mapping[int, pa.DictionaryArray]
    ragged: Sequence[tuple[int, int]] = ()

    def of(self, column: str | None) -> pa.DictionaryArray | None:
        """The cells of a column of ours; None where the file has none."""
        place = self.file.positions.get(column or "")
        return None if place is None else self.texts[place]

    def asked_for(self) -> "Block":
        """The rows that have one of the values of ``only`` in each of its columns."""
        block = self
        for place, values in self.file.asked_for:
            text = block.texts[place]
            named = pa.array([(value or "") in values for value in text.dictionary.to_pylist()], pa.bool_())
            mask = named.take(text.indices)
            texts = {place: text.filter(mask) for place, text in block.texts.items()}
            block = Block(self.file, block.lines.filter(mask), texts)
        return block


def blocks(file: File, intake: Intake) -> Iterator[Block]:
    """The mapped columns and those of ``only``, some rows at a time; a footer goes to the intake."""
    rows = file.tabular.rows(sorted({*file.positions.values(), *(place for place, _ in file.asked_for)}))
    for some in _without_footer(rows, intake) if file.settings.footer else rows:
        texts = {place: encoded(text, file) for place, text in some.texts.items()}
        yield Block(file, some.lines, texts, some.ragged)


def _without_footer(parts: Iterator[Rows], intake: Intake) -> Iterator[Rows]:
    """The rows but for the last that have other cells than the header, or at most one of those asked for."""
    held: Rows | None = None
    for rows in parts:
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


def encoded(texts: pa.StringArray, file: File) -> pa.DictionaryArray:
    """The cells of a column as they are parsed, each different text once; null where one is or means empty."""
    codes = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(codes.indices, _plain(codes.dictionary, file.settings.empty))


def _plain(texts: pa.StringArray, empty: Sequence[str]) -> pa.StringArray:
    """Each text as ``cells.plain`` gives it; one that is or means empty is null."""
    if not pc.all(pc.string_is_ascii(texts), min_count=0).as_py():
        texts = pc.utf8_normalize(texts, "NFKC")
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(texts, pa.array(["", *map(cells.plain, empty)])), pa.scalar(None, TEXT), texts)
