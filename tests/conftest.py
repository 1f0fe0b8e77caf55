"""The town of whole nights: a company folder, the demo that answers it, and its first night done."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from demo import Demo, company_copy, serve, simulate, write_exports
from pipelines import night
from pipelines.company import load_company

AS_OF = date(2026, 10, 31)  # the next day begins a month within a week, and within a fiscal quarter
NEXT = AS_OF + timedelta(days=1)


@dataclass
class Town:
    """A company folder, the demo that answers it, and the state it was left in by its first night."""

    folder: Path
    demo: Demo
    kept: Path

    @property
    def marts(self) -> Path:
        return self.folder / ".gyakusan" / "marts.duckdb"

    def night(self, as_of: date) -> night.Outcome:
        return night.run(load_company(self.folder), as_of, as_of)

    def command(self, as_of: date) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "nightly", "--company", str(self.folder), "--as-of", str(as_of)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def back(self) -> None:
        """The state as the first night left it."""
        shutil.rmtree(self.folder / ".gyakusan")
        shutil.copytree(self.kept, self.folder / ".gyakusan")

    def sha256(self) -> str:
        return hashlib.sha256(self.marts.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Town]:
    """From a module's ``START`` on where it has one, for nights that need no long past."""
    tmp, world = tmp_path_factory.mktemp("town"), simulate(AS_OF)
    with serve(world=world) as demo:
        start = getattr(request.module, "START", None)
        folder = company_copy(tmp / "company", demo.ga4_grpc, demo.http, world, start=start)
        town = Town(folder, demo, tmp / "kept")
        assert town.night(AS_OF).problems == []
        shutil.copytree(folder / ".gyakusan", town.kept)
        yield town


@pytest.fixture
def town(first: Town) -> Town:
    """The town on the morning after its first night, with another day to load."""
    first.back()
    world = simulate(NEXT)
    first.demo.show(world)
    write_exports(world, first.folder / "exports")
    first.demo.faults.clear()
    first.demo.forget_requests()
    return first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights first: shared out by file, the longest files must not begin when the others are done."""
    items.sort(key=lambda item: len(item.path.parents))
