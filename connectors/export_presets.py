"""Presets: what the exports of a tool look like, so that company.yml need not say it.

A preset is a YAML file: ``tool:``, and below ``exports:`` the same entries as company.yml has under
``sources.exports``. The presets here stand in ``connectors/presets``, each with the files that test it in the folder
of its name; a company's own are in its folder.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from connectors import yaml_file
from connectors.export_settings import ExportFile, missing, needed, unknown, unknown_kind
from connectors.export_tables import KINDS
from connectors.yaml_file import Problem, nearest, wrong

FOLDER = Path(__file__).parent / "presets"


def _checked(exports: Mapping[str, ExportFile]) -> Mapping[str, ExportFile]:
    problems = [unknown_kind(kind) for kind in exports if kind not in KINDS]
    for kind, file in exports.items():
        if kind in KINDS:
            problems += [Problem((kind, *found.entry), found.problem, found.remedy) for found in unknown(kind, file)]
        if file.preset:
            problems.append(Problem((kind, "preset"), "stands in a preset", "write out what the other preset says"))
    if problems:
        raise wrong(*problems)
    return exports


class Preset(BaseModel):
    """A preset file: the tool's name, and how each kind of its exports is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    tool: str = Field(min_length=1, description="and the name of the tool")
    exports: Annotated[Mapping[str, ExportFile], AfterValidator(_checked)] = Field(
        description="and below it the kinds of file, as in company.yml"
    )


def names() -> list[str]:
    """The presets that come with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


@cache
def built_in(name: str) -> Preset:
    return yaml_file.read(FOLDER / f"{name}.yml", Preset, "install the program again")


def _one_or_more(entries: Any) -> Any:
    return entries if isinstance(entries, list) else [entries]


def _completed(
    exports: Mapping[str, tuple[ExportFile, ...]], info: ValidationInfo
) -> Mapping[str, tuple[ExportFile, ...]]:
    """Every entry with what its preset says beside it; raises what pydantic takes for wrong entries."""
    problems = [unknown_kind(kind) for kind in exports if kind not in KINDS]
    completed: dict[str, tuple[ExportFile, ...]] = {}
    for kind in (kind for kind in exports if kind in KINDS):
        files = []
        for place, entry in enumerate(exports[kind]):
            found = _with_preset(kind, entry, info.context)
            wrongs = [found] if isinstance(found, Problem) else [*unknown(kind, entry), *missing(kind, found)]
            problems += [Problem((kind, place, *each.entry), each.problem, each.remedy) for each in wrongs]
            if isinstance(found, ExportFile):
                files.append(found)
        completed[kind] = tuple(files)
    if problems:
        raise wrong(*problems)
    return completed


Exports = Annotated[
    Mapping[str, Annotated[tuple[ExportFile, ...], BeforeValidator(_one_or_more), Field(min_length=1)]],
    AfterValidator(_completed),
]
"""``sources.exports`` of company.yml: of each kind one file or several, whose rows add up. The validation context is
the company folder, where presets of the company's own are."""


def _with_preset(kind: str, entry: ExportFile, folder: Path | None) -> ExportFile | Problem:
    if entry.preset is None:
        return entry
    if entry.preset.endswith((".yml", ".yaml")):
        preset = yaml_file.read(
            (folder or Path()) / entry.preset, Preset, "write it, or correct the `preset:` in company.yml"
        )
    elif entry.preset in names():
        preset = built_in(entry.preset)
    else:
        remedy = f"{nearest(entry.preset, names())}; or the path of one of your own, such as presets/our-crm.yml"
        return Problem(("preset",), f"{entry.preset} is not a preset", remedy)
    if kind not in preset.exports:
        remedy = f"it knows {', '.join(preset.exports)}; write this file's `columns:` yourself"
        return Problem(("preset",), f"{entry.preset} knows no {kind}", remedy)
    return merged(kind, entry, preset.exports[kind])


def merged(kind: str, entry: ExportFile, preset: ExportFile) -> ExportFile:
    """The entry, and where it says nothing, the preset.

    Columns and values are merged one by one; a column of the preset for which the entry names no header is left out. A
    column that only the preset names may be missing in the file, unless
    no file of the kind can do without it.
    """
    ours = {name: getattr(preset, name) for name in preset.model_fields_set - entry.model_fields_set}
    columns = {column: headers for column, headers in {**preset.columns, **entry.columns}.items() if headers}
    values = {
        column: {**preset.values.get(column, {}), **entry.values.get(column, {})}
        for column in preset.values.keys() | entry.values.keys()
    }
    return entry.model_copy(
        update={
            **ours,
            "columns": columns,
            "values": values,
            "may_lack": entry.may_lack | (preset.columns.keys() - entry.columns.keys() - needed(kind)),
        }
    )
