"""`gyakusan report`: whole files, in the state folder or where asked for; otherwise one message and nothing written."""

import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import SourceError
from pipelines import pack
from pipelines.company import Company, load_company
from tests.board.conftest import make_marts
from tests.board.packs import sheets
from tests.pipelines.test_cli import COMPANY, gyakusan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "company.yml").write_text(COMPANY)
    (tmp_path / ".gyakusan").mkdir()
    make_marts(tmp_path / ".gyakusan" / "marts.duckdb")
    return tmp_path


@pytest.fixture
def company(folder: Path) -> Company:
    return load_company(folder)


def test_the_command_writes_the_last_complete_month_and_says_where(folder: Path) -> None:
    done = gyakusan("report", folder=folder)
    written = folder / ".gyakusan" / "reports" / "2026-10.xlsx"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(written)]
    assert "--slides" in done.stderr
    assert "Summary" in sheets(written.read_bytes())
    assert [path.name for path in written.parent.iterdir()] == [written.name]
    assert sorted(path.name for path in folder.iterdir()) == [".gyakusan", "company.yml"]


def test_a_month_a_folder_slides_and_a_language_can_be_asked_for(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    done = gyakusan("report", "2026-11", "--slides", "--locale", "ja", "--out", str(out), folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(out / "2026-11.xlsx"), str(out / "2026-11.pptx")]
    assert "サマリー" in sheets((out / "2026-11.xlsx").read_bytes())


@pytest.mark.parametrize(
    ("month", "said"), [("2020-01", "give a month from 2026-09 to 2026-11"), ("2026-13", "does not match the format")]
)
def test_what_is_no_month_of_the_night_is_refused(folder: Path, month: str, said: str) -> None:
    done = gyakusan("report", month, folder=folder)
    assert done.returncode != 0
    assert said in done.stderr
    assert not (folder / ".gyakusan" / "reports").exists()


def test_before_the_first_night_it_says_what_to_run(folder: Path, company: Company) -> None:
    (company.state / "marts.duckdb").unlink()
    with pytest.raises(SourceError, match="run: gyakusan nightly"):
        pack.write(company, None, None, False, "ja")


def test_without_the_extra_it_says_what_to_install_and_writes_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pptx" or name == "board.pack.slides"]:
        monkeypatch.delitem(sys.modules, name)

    class NotThere:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "pptx":
                raise ModuleNotFoundError("No module named 'pptx'", name="pptx")

    monkeypatch.setattr(sys, "meta_path", [NotThere(), *sys.meta_path])
    with pytest.raises(SourceError, match='pip install "gyakusan\\[slides\\]"'):
        pack.write(company, None, None, True, "ja")
    assert not (company.state / "reports").exists()


def test_a_file_that_cannot_be_replaced_stays_and_leaves_no_draft(company: Company, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "2026-10.xlsx").mkdir(parents=True)  # stands for a file that another program holds open
    with pytest.raises(SourceError, match="close it where it is open"):
        pack.write(company, date(2026, 10, 1), out, False, "ja")
    assert [path.name for path in out.iterdir()] == ["2026-10.xlsx"]
    shutil.rmtree(out)
