"""A YAML file that a person writes, read into a pydantic model.

What is wrong with the file is reported together, each problem with its entry, its line and what to do, as one
:class:`connectors.errors.SourceError`. No object but mappings, lists and text is ever constructed.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from connectors.errors import SourceError

Model = TypeVar("Model", bound=BaseModel)
Entry = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong at an entry (its keys and list positions from the top of the file) and what to do."""

    entry: Entry
    problem: str
    remedy: str


def wrong(*problems: Problem) -> PydanticCustomError:
    """What a validator raises; the entries are below the one that it validates (``()``: that one itself)."""
    return PydanticCustomError("wrong", "see the problems in the context", {"problems": problems})


def nearest(word: str, known: Sequence[str]) -> str:
    """``"did you mean x? Known: x, y"``, for a word that is not among the known ones."""
    close = get_close_matches(word, known, n=1)
    return (f"did you mean {close[0]}? " if close else "") + f"Known: {', '.join(known)}"


def _day(text: object) -> date:
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise wrong(Problem((), f"{text} is not a day", "write it as 2025-04-01"))


Day = Annotated[date, BeforeValidator(_day)]
"""A day written as YYYY-MM-DD, and nothing else that pydantic would take for one (a number of seconds)."""


def read(path: Path, model: type[Model], if_missing: str, context: Any = None) -> Model:
    """The file as ``model``; ``if_missing`` is what to do when there is none, ``context`` what its validators get.

    Raises SourceError: no such file, not UTF-8, not YAML, a key written twice, or what the model refuses.
    """
    data, lines = _parse(path, if_missing)
    place = partial(_place, lines=dict(reversed(lines)))
    return validated(data, model, path.name, place, list(_duplicates(lines)), context)


def validated(
    data: Any,
    model: type[Model],
    file: str,
    place: Callable[[Entry], str],
    found: Sequence[Problem] = (),
    context: Any = None,
) -> Model:
    """What a person wrote as ``model``; ``place`` says where in ``file`` an entry stands.

    Raises SourceError with the problems ``found`` before and with what the model refuses of other entries.
    """
    problems, told = list(found), {problem.entry for problem in found}
    try:
        valid = model.model_validate(data, context=context)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            problems.extend(problem for problem in _problems(model, detail) if problem.entry not in told)
    if problems:
        raise _source_error(file, problems, place)
    return valid


class _TextLoader(yaml.SafeLoader):
    """YAML whose scalars are the text as written: the model decides the type.

    So ``NO``, ``on``, ``007`` and ``12:30`` stay what the person typed, which YAML 1.1 would turn into
    False, True, 7 and 750. A key with nothing after it counts as left out.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        return {key: value for key, value in super().construct_mapping(node, deep).items() if value is not None}


def _parse(path: Path, if_missing: str) -> tuple[Any, list[tuple[Entry, int]]]:
    """The file's mappings, lists and text, and each entry with the line that it begins on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SourceError(path.name, f"there is no such file in {path.parent}", if_missing) from None
    except OSError as error:
        raise SourceError(path.name, f"cannot be read: {error.strerror}", "let this user read the file") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path.name} line {line}", "is not UTF-8", "save the file as UTF-8") from None
    try:
        loader = _TextLoader(text)
        root = loader.get_single_node()
        lines = [] if root is None else list(_lines(root))
        data = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path.name} line {mark.line + 1} column {mark.column + 1}" if mark else path.name
        raise SourceError(where, f"is not YAML: {error.problem or error.context}", _YAML_REMEDY) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SourceError(f"{path.name} line {line}", "holds a control character", "remove it") from None
    except RecursionError:
        raise SourceError(path.name, "is nested too deeply", "write plain mappings and lists") from None
    if not isinstance(data, dict):
        raise SourceError(path.name, "does not hold `key: value` lines", if_missing)
    return data, lines


_YAML_REMEDY = "look at the line named and the one above it: indent with spaces, quote text that holds : # or {"


def _lines(node: yaml.Node, entry: Entry = (), seen: frozenset[int] = frozenset()) -> Iterator[tuple[Entry, int]]:
    if id(node) in seen:  # an alias inside its own anchor
        return
    seen |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*entry, str(key.value)), key.start_mark.line + 1
            yield from _lines(value, (*entry, str(key.value)), seen)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield (*entry, position), value.start_mark.line + 1
            yield from _lines(value, (*entry, position), seen)


def _duplicates(lines: Iterable[tuple[Entry, int]]) -> Iterator[Problem]:
    first: dict[Entry, int] = {}
    repeated: set[Entry] = set()
    for entry, line in lines:
        above = (entry[:n] for n in range(1, len(entry)))
        if entry in first and repeated.isdisjoint((entry, *above)):
            repeated.add(entry)
            yield Problem(entry, f"is written twice, on lines {first[entry]} and {line}", "keep one of them")
        first.setdefault(entry, line)


def _source_error(file: str, problems: Sequence[Problem], place: Callable[[Entry], str]) -> SourceError:
    if len(problems) == 1:
        return SourceError(f"{file}: {place(problems[0].entry)}", problems[0].problem, problems[0].remedy)
    listed = "".join(f"\n  {place(p.entry)}: {p.problem}\n    -> {p.remedy}" for p in problems)
    return SourceError(file, f"{len(problems)} entries are wrong{listed}", "mend them and run again")


def _place(entry: Entry, lines: Mapping[Entry, int]) -> str:
    """``sources.ga4.property_id (line 17)``; for an entry that is missing, the line of the one that lacks it.

    A position is left out where the file has no list: the model made a list of the one that is written.
    """
    for n in range(len(entry) - 1, -1, -1):
        if isinstance(entry[n], int) and entry[: n + 1] not in lines:
            entry = entry[:n] + entry[n + 1 :]
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in entry).removeprefix(".")
    known = next((entry[:n] for n in range(len(entry), 0, -1) if entry[:n] in lines), None)
    return name if known is None else f"{name} (line {lines[known]})"


def _problems(model: type[BaseModel], detail: ErrorDetails) -> Iterator[Problem]:
    entry, context = detail["loc"], detail.get("ctx", {})
    if "problems" in context:
        for found in context["problems"]:
            yield Problem((*entry, *found.entry), found.problem, found.remedy)
    elif detail["type"] == "missing":
        field = _annotation(model, entry[:-1]).model_fields[str(entry[-1])]
        yield Problem(entry, "is missing", f"add `{entry[-1]}:` {field.description or ''}".strip())
    elif detail["type"] == "extra_forbidden":
        known = list(_annotation(model, entry[:-1]).model_fields)
        yield Problem(entry, "is not a key that can stand here", nearest(str(entry[-1]), known))
    elif entry[-1] == "[key]":
        known = list(get_args(get_args(_annotation(model, entry[:-2]))[0]))
        remedy = nearest(str(entry[-2]), known) if known else "write a name there"
        yield Problem(entry[:-1], "is not a key that can stand here", remedy)
    else:
        problem = _PLAIN_WORDS.get(detail["type"]) or detail["msg"].replace("Input should", "should")
        yield Problem(entry, problem, "see this entry in docs/company-folder.md")


_PLAIN_WORDS = {
    "model_type": "should hold `key: value` lines",
    "mapping_type": "should hold `key: value` lines",
    "dict_type": "should hold `key: value` lines",
    "tuple_type": "should be a list, such as [a, b]",
    "string_type": "should be one text",
    "string_too_short": "is empty",
    "int_parsing": "should be a whole number",
    "float_parsing": "should be a number",
}


def _annotation(model: Any, entry: Entry) -> Any:
    """The type that the model gives the entry, without its ``Annotated`` and ``| None``."""
    while get_origin(model) in (Annotated, Union, UnionType):
        model = next(part for part in get_args(model) if part is not type(None))
    if not entry:
        return model
    if isinstance(model, type) and issubclass(model, BaseModel):
        return _annotation(model.model_fields[str(entry[0])].annotation, entry[1:])
    return _annotation(get_args(model)[0 if get_origin(model) in (list, tuple) else 1], entry[1:])
