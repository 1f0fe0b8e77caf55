"""CSV files: what Excel opens is what was there, and no cell computes."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from board.csv_file import STARTS_A_FORMULA, as_text, csv_bytes

starts = st.sampled_from(["", *"=+-@\t\r\n\0＝＋－＠'\"; ", "-5", "-1.2e3", "+81"])
texts = st.builds(str.__add__, starts, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


def read(file: bytes) -> list[list[str]]:
    assert file.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))


@settings(max_examples=1_000, deadline=None)
@given(texts)
@example("=1+1")
@example("-5")
@example("-5\n")
@example("-5=1")
def test_no_text_can_start_a_formula_and_every_text_comes_back(words: str) -> None:
    cell = read(csv_bytes([{"a": words, "b": 1}], {"a": "A", "b": "B"}))[1][0]
    if cell.startswith(STARTS_A_FORMULA):
        assert float(cell) < 0  # nothing but a number may
        assert cell == words
    else:
        assert cell == (f"'{words}" if words.startswith(STARTS_A_FORMULA) else words)


@settings(max_examples=1_000, deadline=None)
@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers()))
@example(-5)
@example(-1.2e3)
@example(5e-324)
def test_numbers_stay_numbers_and_come_back_exactly(value: float) -> None:
    cell = read(csv_bytes([{"a": value}], {"a": "A"}))[1][0]
    assert type(value)(cell) == value
    assert not cell.startswith("'")


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_rows_and_columns_stay_where_they_are(rows: list[tuple[str, str]]) -> None:
    found = read(csv_bytes([{"a": a, "b": b} for a, b in rows], {"b": "二", "a": "=head"}))
    assert found == [["二", "'=head"], *([as_text(b), as_text(a)] for a, b in rows)]


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (float("nan"), ""), (float("inf"), ""), (True, "TRUE"), (Decimal("-1.50"), "-1.50"),
     (date(2026, 10, 1), "2026-10-01"), (datetime(2026, 10, 1, 2, 3, 4), "2026-10-01 02:03:04"), ("a\ud800", "a?")],
)  # fmt: skip
def test_what_is_neither_text_nor_number(value: object, cell: str) -> None:
    assert read(csv_bytes([{"a": value, "b": "x"}], {"a": "A", "b": "B"}))[1] == [cell, "x"]


def test_lines_end_as_excel_ends_them() -> None:
    assert csv_bytes([{"a": "é", "b": 0.1}], {"a": "名前", "b": "値"}) == "﻿名前,値\r\né,0.1\r\n".encode()
