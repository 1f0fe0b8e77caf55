"""notes.csv: what its rows may look like, what is set aside and why, and that nothing in it stops a night."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import notes
from pipelines import warehouse

TOKYO = ZoneInfo("Asia/Tokyo")
HEADER = "start,end,tag,text\n"


def read(folder: Path, content: str | bytes | None) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The notes in the warehouse after a night, and its quarantine."""
    if content is not None:
        (folder / notes.NAME).write_bytes(content.encode() if isinstance(content, str) else content)
    with duckdb.connect() as con:
        warehouse.prepare(con, [*notes.TABLES, *warehouse.TABLES])
        written = warehouse.replace(con, notes.load(folder, TOKYO))
        found = con.execute("select note, start_on, end_on, tag, text from raw.notes order by note").fetchall()
        aside = con.execute(
            "select line, column_name, value_class, reason from raw.quarantine order by line"
        ).fetchall()
        (counts,) = con.execute("select rows_read, row_count, rows_rejected, rows_set_aside from raw.loads").fetchall()
    assert counts == (len(found) + len(aside), written, len(aside), 0)
    return found, aside


def test_notes_have_a_first_and_a_last_day_a_tag_and_a_text(tmp_path: Path) -> None:
    found, aside = read(tmp_path, HEADER + "2026-04-01,,site,New design\n2026/5/7,2026/5/20,Campaign,Spring\n")
    assert found == [
        (1, date(2026, 4, 1), None, "site", "New design"),
        (2, date(2026, 5, 7), date(2026, 5, 20), "campaign", "Spring"),
    ]
    assert aside == []


@pytest.mark.parametrize(("encoding", "dash"), [("utf-8", "〜"), ("utf-8-sig", "〜"), ("cp932", "～")])
def test_a_japanese_file_is_read_in_the_encodings_of_excel(tmp_path: Path, encoding: str, dash: str) -> None:
    rows = [
        "開始,終了,種類,内容",
        "2026年4月1日,,サイト,新しい画面",
        f"令和8年5月7日,2026-05-20,ＳＥＯ,題名{dash}（変更）",
    ]
    found, aside = read(tmp_path, "\r\n".join(rows).encode(encoding))
    assert found == [
        (1, date(2026, 4, 1), None, "site", "新しい画面"),
        (2, date(2026, 5, 7), date(2026, 5, 20), "seo", f"題名{dash}（変更）"),
    ]
    assert aside == []


@pytest.mark.parametrize(
    ("tag", "ours"),
    [("施策", "action"), ("計測", "measurement"), ("障害", "outage"), ("サイト", "site"), ("ｻｲﾄ", "site"),
     ("キャンペーン", "campaign"), ("その他", "other"), ("SEO", "seo"), ("Outage", "outage")],
)  # fmt: skip
def test_a_tag_may_be_written_in_japanese(tmp_path: Path, tag: str, ours: str) -> None:
    assert [row[3] for row in read(tmp_path, f"{HEADER}2026-04-01,,{tag},x\n")[0]] == [ours]


def test_the_day_may_stand_under_its_own_header_and_there_may_be_no_end(tmp_path: Path) -> None:
    found, _ = read(tmp_path, "備考,日付,種類,内容\n,2026-04-01,その他,展示会\n")
    assert found == [(1, date(2026, 4, 1), None, "other", "展示会")]


def test_a_file_that_is_missing_or_has_a_header_alone_is_no_notes(tmp_path: Path) -> None:
    assert read(tmp_path, None) == ([], [])
    assert read(tmp_path, HEADER) == ([], [])


@pytest.mark.parametrize(
    ("row", "column", "value_class", "reason"),
    [
        ("2026-02-30,,site,x", "start", "a date, 2026-02-30", "2026-02-30 is not a day of the calendar"),
        ("4/5/2026,,site,x", "start", "a date, 4/5/2026", "4/5/2026 may begin with its month or its day"),
        (",,site,x", "start", "empty", "is empty"),
        ("2026-04-01,soon,site,x", "end", "a text of 4 characters",
         "a text of 4 characters is not a date or a date with a time"),
        ("2026-04-02,2026-04-01,site,x", "end", "a date, 2026-04-01",
         "2026-04-01 is before the note begins, 2026-04-02"),
        ("2026-04-01,,sale,x", "tag", "a text of 4 characters", "a text of 4 characters is not a tag"),
        ("2026-04-01,,,x", "tag", "empty", "is empty"),
        ("2026-04-01,,site, ", "text", "empty", "is empty"),
        (f"2026-04-01,,site,{'x' * 1001}", "text", "a text of 1001 characters", "is a text of 1001 characters"),
        ("2026-04-01,,site,one, two", None, "5 cells", "has 5 cells where the header has 4"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_set_aside_and_the_others_are_loaded(
    tmp_path: Path, row: str, column: str | None, value_class: str, reason: str
) -> None:
    found, aside = read(tmp_path, f"{HEADER}2026-03-01,,site,before\n{row}\n2026-05-01,,site,after\n")
    assert [(note[0], note[4]) for note in found] == [(1, "before"), (2, "after")]
    assert aside == [(3, column, value_class, reason)]


def test_an_unknown_tag_is_told_what_to_write(tmp_path: Path) -> None:
    (tmp_path / notes.NAME).write_text("開始,終了,種類,内容\n2026-04-01,,値上げ,x\n")
    load = notes.load(tmp_path, TOKYO)
    list(load.batches)
    assert load.intake is not None
    (wrong,) = load.intake.rows
    assert (wrong.file, wrong.line, wrong.column) == ("notes.csv", 2, "種類")
    assert "campaign (キャンペーン)" in (wrong.remedy or "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("start,end,text\n2026-04-01,,x\n", "has no column tag or 種類"),
        (b"\xff\xfe\x81", "cannot be read as text"),
        (HEADER + '2026-04-01,,site,"x\n', "line 2 is not a row of CSV"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_stops_nothing_and_says_why(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    found, aside = read(tmp_path, content)
    assert found == []
    ((*place, said),) = aside
    assert (place, reason in said) == ([1, None, None], True)


def test_addresses_and_phone_numbers_in_a_text_are_cut_out(tmp_path: Path) -> None:
    found, _ = read(tmp_path, f"{HEADER}2026-04-01,,outage,taro@example.co.jp に連絡（０９０（１２３４）５６７８）\n")
    assert [row[4] for row in found] == ["(redacted) に連絡(redacted))"]


CELLS = st.sampled_from(
    ["2026-04-01", "2026/4/9", "4/9/2026", "", "site", "障害", "nobody", "a,b", 'say "x"', "two\nlines"]
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=5), max_size=12), st.sampled_from(["utf-8-sig", "cp932"]))
def test_every_row_is_a_note_or_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encoding: str
) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["start", "end", "tag", "text"], *rows])
    found, aside = read(tmp_path_factory.mktemp("notes"), file.getvalue().encode(encoding))
    days = {"2026-04-01": date(2026, 4, 1), "2026/4/9": date(2026, 4, 9)}
    tags = {"site": "site", "障害": "outage"}
    right = [
        (days[row[0]], days.get(row[1]), tags[row[2]], " ".join(row[3].split()))
        for row in rows
        if len(row) == 4 and row[0] in days and row[1] in (*days, "") and row[2] in tags and row[3]
        and not (row[1] and days[row[1]] < days[row[0]])
    ]  # fmt: skip
    assert [row[1:] for row in found] == right
    assert [row[0] for row in found] == list(range(1, len(right) + 1))
    assert len(found) + len(aside) == sum(any(row) for row in rows)
