"""The JSON Schema of plan.yml, by which editors complete it and mark what is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from connectors import plan, plan_schema, plan_tables
from connectors.errors import SourceError

DEMO = (Path(__file__).parents[2] / "demo/plan.yml").read_text()
SCHEMA: dict[str, Any] = json.loads(plan_schema.text())


class _Yaml12(yaml.SafeLoader):
    """The core schema of YAML 1.2, as editors read it: a day is text, and so is ``no``."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for tag, pattern in {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    _Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None)


def marked(text: str) -> list[str]:
    """Where an editor would mark the text."""
    validator = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    return [error.json_path for error in validator.iter_errors(yaml.load(text, _Yaml12))]


def loads(folder: Path, text: str) -> bool:
    (folder / "plan.yml").write_text(text)
    try:
        plan_tables.read(folder)
    except SourceError:
        return False
    return True


def test_it_takes_the_plan_of_the_demo() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert yaml.load(DEMO, _Yaml12)["kgi"]["start"] == "2025-04-01"
    assert marked(DEMO) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("kpi: deals, ", "kpi: dealz, ", "$.targets[0].kpi"),
        ("key_kpi: mqls", "key_kpi: mql", "$.focus"),
        ("focus:", "focsu:", "$"),
        ("sla_hours: 24", "sla: 24", "$.handoff"),
        ("sla_hours: 24", "sla_hours: 0", "$.handoff"),
        ("target: +20%", 'target: "+20"', "$.targets[2].target"),
        ("target: +20%", "target: 20%", "$.targets[2].target"),
        ("target: +20%", "target: more", "$.targets[2].target"),
        ("target: 90", "target: -90", "$.targets[1].target"),
        ("start: 2025-04-01", "start: 2025-04-31", "$.kgi.start"),
        ("start: 2025-04-01", "start: 2025/04/01", "$.kgi.start"),
        ("grain: quarter", "grain: year", "$.kgi.grain"),
        ("weekday: monday", "weekday: sunday", "$.reviews[0].weekday"),
        ("business_day: 3", "business_day: 0", "$.reviews[1].business_day"),
        ("industries: [製造業, 卸売業]", "industries: 製造業", "$.personas[0].industries"),
        ("version: 1\n", "", "$"),
    ],
)
def test_it_marks_what_is_wrong(tmp_path: Path, old: str, new: str, where: str) -> None:
    assert old in DEMO
    wrong = DEMO.replace(old, new, 1)
    assert marked(wrong) == [where]
    assert not loads(tmp_path, wrong)


@pytest.mark.parametrize(
    "written",
    ["60", "0.5", '"1,200,000"', "６０", "+20%", "-12.5 %", "＋２０％", "－１０％", "−10%", "from_kgi", "increase"],
)
def test_it_takes_what_the_reader_takes(tmp_path: Path, written: str) -> None:
    text = DEMO.replace("target: +20%", f"target: {written}")
    assert loads(tmp_path, text)
    assert marked(text) == []


def test_a_key_that_may_be_left_out_may_be_empty(tmp_path: Path) -> None:
    kgi = "version: 1\nkgi: {kpi: orders, grain: quarter, start: 2025-04-01, end: 2027-03-31, target: 30, owner: }\n"
    text = kgi + "".join(f"{name}:\n" for name in plan.Plan.model_fields if name not in ("version", "kgi"))
    assert loads(tmp_path, text)
    assert marked(text) == []


def test_every_key_is_described() -> None:
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        assert part["description"]
        assert [name for name, key in part["properties"].items() if not key.get("description")] == []
    assert not re.search(r'"(title|default)":', plan_schema.text())


def test_it_is_written_where_it_is_not_yet(tmp_path: Path) -> None:
    path = tmp_path / "state" / "plan.schema.json"
    plan_schema.write(path.parent)
    assert json.loads(path.read_text()) == SCHEMA
    written = path.stat().st_mtime_ns
    plan_schema.write(path.parent)
    assert path.stat().st_mtime_ns == written
    path.write_text("of an older version")
    plan_schema.write(path.parent)
    assert json.loads(path.read_text()) == SCHEMA
    assert [file.name for file in path.parent.iterdir()] == ["plan.schema.json"]
