"""What company.yml says of exported files: where they are and how their headers and values map to ours."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from connectors import cells
from connectors.cells import DayOrder
from connectors.export_tables import CHOICES, DEFAULTS, KINDS, MADE_FROM, NEEDS, ONE_OF, READ_FROM, readable
from connectors.yaml_file import Problem, nearest, wrong


def _one_or_more(headers: Any) -> Any:
    return [headers] if isinstance(headers, str) else headers


Headers = Annotated[tuple[str, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
ANY_OTHER = "*"
"""In ``values``: every value of the file that is not named."""
_FilledText = Annotated[str, Field(min_length=1)]


class ExportFile(BaseModel):
    """A file of company.yml ``sources.exports``: where it is and how its headers and values map to ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    preset: _FilledText | None = None
    """What reads the export of a tool: the name of a preset here, or the path of one in the company folder."""
    file: Annotated[tuple[_FilledText, ...], Field(min_length=1)] = ()
    encoding: tuple[str, ...] = Field(("utf-8", "cp932", "euc_jp"), min_length=1)
    delimiter: str | None = None
    sheet: str | None = None
    columns: Mapping[str, Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]] = {}
    """Our column: the headers that it may have in the file; the first that the file has is taken. None of them leaves
    out a column of the preset."""
    may_lack: frozenset[str] = frozenset()
    """Our columns of a preset that a file may be without."""
    values: Mapping[str, Mapping[str, str]] = {}
    """Our column: {value in the file: our value}; ``*`` is any other value."""
    empty: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = ()
    """What a cell of the file holds that means an empty one."""
    only: Mapping[_FilledText, Headers] = {}
    """A header in the file: the values of the rows that are asked for; rows with any other are left out."""
    day_order: DayOrder | None = None
    footer: bool = False
    """Whether the last rows with other or hardly any cells are a footer, as Salesforce writes below a report."""
    id_format: Literal["salesforce"] | None = None
    """``salesforce``: ids of 15 characters become those of 18 that Salesforce writes elsewhere."""
    may_shrink: bool = False
    """Whether the file may hold half as many rows as the one before it, or fewer."""

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


def needed(kind: str) -> frozenset[str]:
    """Our columns that every file of a kind must have."""
    otherwise = {column for either in ONE_OF.get(kind, ()) for column in either}
    otherwise.update(column for of, column in [*DEFAULTS, *MADE_FROM] if of == kind)
    names = (READ_FROM.get(field.name, field.name) for field in KINDS[kind].schema if not field.nullable)
    return frozenset(names) - otherwise


def unknown_kind(kind: str) -> Problem:
    return Problem((kind,), "is not a kind of export", nearest(kind, list(KINDS)))


def missing(kind: str, file: ExportFile) -> Iterator[Problem]:
    """What a file cannot be read without; entries are below the file's own."""
    if not file.file:
        yield Problem(("file",), "is missing", "add `file:` and the path of the file in the company folder")
    if not file.columns:
        remedy = "add `columns:` and below it, our column: the header in your file; or the `preset:` of your tool"
        yield Problem(("columns",), "is missing", remedy)
        return
    for column in readable(kind):
        if column in needed(kind) and column not in file.columns:
            yield Problem(("columns", column), "is missing", f"add `{column}:` and the header in your file")
    for either in ONE_OF.get(kind, ()):
        if not file.columns.keys() & set(either):
            named = " or ".join(f"`{column}:`" for column in either)
            problem = f"is missing, and so is {' and '.join(either[1:])}"
            yield Problem(("columns", either[0]), problem, f"add {named} and the header in your file")
    for column, others in NEEDS.get(kind, {}).items():
        if column in file.columns and not file.columns.keys() & set(others):
            problem = f"is missing, without which {column} does not say enough"
            yield Problem(("columns", others[0]), problem, f"add `{others[0]}:` and the header in your file")


def unknown(kind: str, file: ExportFile) -> Iterator[Problem]:
    """What a file names that is no column or value of ours; entries are below the file's own."""
    for column, headers in file.columns.items():
        if column not in readable(kind):
            yield Problem(("columns", column), "is not a column of ours", nearest(column, readable(kind)))
        elif not all(map(cells.plain, headers)) or not (headers or file.preset):
            yield Problem(("columns", column), "names no header", "write the header in your file")
    choices = {column: known for (of, column), known in CHOICES.items() if of == kind}
    for column, ours in file.values.items():
        if column not in choices:
            remedy = nearest(column, list(choices)) if choices else "leave values out for this kind of file"
            yield Problem(("values", column), "is not a column whose values are mapped", remedy)
            continue
        for value, our_value in ours.items():
            if our_value not in choices[column]:
                problem = f"{our_value} is not a {column} of ours"
                yield Problem(("values", column, value), problem, nearest(our_value, choices[column]))
