"""What is kept so that pages come at once is bounded, and keeping it changes no page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from board import night, server
from board.night import Nights
from board.page import About
from board.pages import PAGES
from board.server import Board
from tests.board.marts_file import write_marts

ABOUT = About("デモ", "ja", "JPY", "Asia/Tokyo", 4)
ASKED = [
    ("scorecard", {}), ("scorecard", {"grain": "week"}), ("kpi", {"kpi": "leads"}), ("kpi", {"kpi": "ltv"}),
    ("articles", {}), ("data", {}), ("scorecard", {}),
]  # fmt: skip


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    write_marts(tmp_path / "marts.duckdb")
    nights = Nights(tmp_path / "marts.duckdb")
    yield Board(ABOUT, nights, {})
    nights.close()


def pages(board: Board) -> list[bytes]:
    return [board.page(PAGES[name], "ja", given)[0] for name, given in ASKED]


def test_pages_are_kept_up_to_so_many_bytes(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    unbounded = pages(board)
    board._kept.clear()
    monkeypatch.setattr(server, "KEPT_BYTES", 60_000)
    assert pages(board) == unbounded
    kept = [len(page) for page, _ in board._kept.values()]
    assert sum(map(len, unbounded)) > 60_000 >= sum(kept) > 0


def test_a_night_remembers_up_to_so_many_rows(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    unbounded = pages(board)
    with board.nights.reading() as night_now:
        all_rows = sum(map(len, night_now._asked.values()))
        night_now._asked.clear()
    board._kept.clear()
    monkeypatch.setattr(night, "KEPT_ROWS", 500)
    assert pages(board) == unbounded
    with board.nights.reading() as night_now:
        assert all_rows > 500 >= sum(map(len, night_now._asked.values())) > 0
