from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connectors import yaml_file
from connectors.errors import SourceError
from connectors.yaml_file import Day, Problem, wrong


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(description="and what it is called")
    size: int | None = None


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    planted: Day | None = None
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()


def read(tmp_path: Path, text: str | bytes) -> Tree:
    path = tmp_path / "tree.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return yaml_file.read(path, Tree, "plant one")


def refused(tmp_path: Path, text: str | bytes) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        read(tmp_path, text)
    return refusal.value


@pytest.mark.parametrize("written", ["NO", "on", "007", "12:30", "1_000", "2025-04-01", "0x10", "1e3"])
def test_text_stays_as_the_person_typed_it(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, f"title: {written}").title == written


def test_the_model_decides_numbers_and_days(tmp_path: Path) -> None:
    tree = read(tmp_path, "title: oak\nplanted: 2025-04-01\nleaf: {name: a, size: 3}\nleaves:\n")
    assert (tree.planted and tree.planted.isoformat(), tree.leaf, tree.leaves) == (
        "2025-04-01",
        Leaf(name="a", size=3),
        (),
    )


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    tree = read(tmp_path, "title: oak\nleaf: &leaf {name: a, size: 3}\nleaves: [*leaf, {<<: *leaf, size: 4}]\n")
    assert [leaf.size for leaf in tree.leaves] == [3, 4]


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbftitle: oak").title == "oak"


def test_a_missing_file_names_its_folder_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refusal:
        yaml_file.read(tmp_path / "tree.yml", Tree, "plant one")
    assert refusal.value.where == "tree.yml"
    assert str(tmp_path) in refusal.value.problem
    assert refusal.value.remedy == "plant one"


def test_malformed_yaml_names_line_and_column(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: oak\nleaf:\n  name: a: b\n")
    assert error.where == "tree.yml line 3 column 10"
    assert error.problem.startswith("is not YAML: ")
    assert "indent" in error.remedy


def test_tabs_are_malformed(tmp_path: Path) -> None:
    assert refused(tmp_path, "title: oak\nleaf:\n\tname: a\n").where == "tree.yml line 3 column 1"


def test_a_file_in_shift_jis_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, "leaf: {name: a}\ntitle: 樫\n".encode("cp932"))
    assert (error.where, error.problem, error.remedy) == ("tree.yml line 2", "is not UTF-8", "save the file as UTF-8")


def test_a_control_character_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path, b"title: oak\nleaf: {name: a\x01}\n").where == "tree.yml line 2"


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "oak"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert (error.where, error.remedy) == ("tree.yml", "plant one")


def test_python_objects_are_not_constructed(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: !!python/object/apply:os.getcwd []\n")
    assert error.where == "tree.yml line 1 column 8"


def test_a_key_written_twice(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: oak\nleaf: {name: a}\ntitle: elm\n")
    assert error.where == "tree.yml: title (line 1)"
    assert error.problem == "is written twice, on lines 1 and 3"


def test_a_key_written_twice_on_one_line(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: oak\nleaf: {name: a, name: b}\n")
    assert error.where == "tree.yml: leaf.name (line 2)"


def test_a_mapping_written_twice_is_one_problem(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: oak\nleaf:\n  name: a\nleaf:\n  name: b\n")
    assert error.where == "tree.yml: leaf (line 2)"


def test_an_alias_inside_its_own_anchor_ends(tmp_path: Path) -> None:
    assert isinstance(refused(tmp_path, "title: oak\nleaf: &a\n  name: *a\n"), SourceError)


def test_an_unknown_key_and_the_nearest_one(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: oak\nleaf:\n  name: a\n  sise: 3\n")
    assert error.where == "tree.yml: leaf.sise (line 4)"
    assert error.problem == "is not a key that can stand here"
    assert error.remedy == "did you mean size? Known: name, size"


def test_a_missing_key_names_the_line_of_its_parent(tmp_path: Path) -> None:
    error = refused(tmp_path, "title: oak\nleaves:\n  - {name: a}\n  - {size: 3}\n")
    assert error.where == "tree.yml: leaves[1].name (line 4)"
    assert (error.problem, error.remedy) == ("is missing", "add `name:` and what it is called")


@pytest.mark.parametrize("written", ["2025", "86400", "2025-4-1", "2025-02-30", "20250401", "tomorrow"])
def test_what_is_not_a_day(tmp_path: Path, written: str) -> None:
    error = refused(tmp_path, f"title: oak\nplanted: {written}\n")
    assert error.where == "tree.yml: planted (line 2)"
    assert error.problem == f"{written} is not a day"
    assert error.remedy == "write it as 2025-04-01"


def test_all_problems_come_together_with_their_lines(tmp_path: Path) -> None:
    error = refused(tmp_path, "titel: oak\nleaf:\n  size: big\nleaves:\n  - {name: a, name: b}\n")
    assert error.where == "tree.yml"
    lines = error.problem.splitlines()
    assert lines[0] == "5 entries are wrong"
    assert "  leaves[0].name (line 5): is written twice, on lines 5 and 5" in lines
    assert "  title: is missing" in lines
    assert "  leaf.name (line 2): is missing" in lines
    assert "  titel (line 1): is not a key that can stand here" in lines
    assert "    -> did you mean title? Known: title, planted, leaf, leaves" in lines
    assert any(line.startswith("  leaf.size (line 3): should be a whole number") for line in lines)


def test_a_validator_can_report_several_entries_with_braces_in_them(tmp_path: Path) -> None:
    def two(value: object) -> object:
        raise wrong(Problem((0,), "is {braces}", "mend {it}"), Problem((1, "name"), "is odd", "mend that"))

    class Odd(BaseModel):
        leaves: Annotated[tuple[Leaf, ...], BeforeValidator(two)]

    path = tmp_path / "tree.yml"
    path.write_text("leaves:\n  - name: a\n  - name: b\n")
    with pytest.raises(SourceError) as refusal:
        yaml_file.read(path, Odd, "")
    assert refusal.value.problem.splitlines()[1:] == [
        "  leaves[0] (line 2): is {braces}",
        "    -> mend {it}",
        "  leaves[1].name (line 3): is odd",
        "    -> mend that",
    ]
