import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import csv_file
from connectors.errors import SourceError

DEFAULT = ("utf-8", "cp932", "euc_jp")


def read(path: Path, encodings: tuple[str, ...] = DEFAULT, delimiter: str = ",") -> list[tuple[int, list[str]]]:
    """The header and every row that has as many cells, each with its line."""
    file = csv_file.opened(path, path.name, encodings, delimiter, len)
    places = range(len(file.headers))
    found = [(file.header_lines, list(file.headers))]
    for rows in file.rows(places):
        cells = zip(*(rows.texts[place].to_pylist() for place in places), strict=True)
        found += zip(rows.lines.to_pylist(), map(list, cells), strict=True)
    return found


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "deals.csv"
    path.write_bytes(content)
    return path


def refused(path: Path, encodings: tuple[str, ...] = DEFAULT, delimiter: str = ",") -> SourceError:
    with pytest.raises(SourceError) as refusal:
        read(path, encodings, delimiter)
    return refusal.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, newline: str) -> None:
    content = newline.join(["商談ID,会社", "D1,㈱髙﨑～①", "D2,表計算ソ能"]) + newline
    assert read(written(tmp_path, content.encode(encoding))) == [
        (1, ["商談ID", "会社"]),
        (2, ["D1", "㈱髙﨑～①"]),
        (3, ["D2", "表計算ソ能"]),
    ]


def test_a_row_has_the_line_that_it_begins_on(tmp_path: Path) -> None:
    content = b'id,note\r\n1,"two\r\nlines"\r\n\r\n2,"a ""b"", c"\r\n,\r\n3,\r\n'
    assert read(written(tmp_path, content)) == [
        (1, ["id", "note"]),
        (2, ["1", "two\r\nlines"]),
        (5, ["2", 'a "b", c']),
        (7, ["3", ""]),
    ]


def test_the_last_row_needs_no_line_end(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"id\n1")) == [(1, ["id"]), (2, ["1"])]


def test_other_delimiters(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"id\ta,b\n1\t2\n"), delimiter="\t") == [(1, ["id", "a,b"]), (2, ["1", "2"])]


@pytest.mark.parametrize(
    "content",
    [
        "商談ID,会社\nD1,株式会社山田商店\n",  # CP932 cannot read it
        "会社\n株式会社\n",  # as CP932: half-width katakana and characters of private use
        "なまえ,カナ\nたろう,タロウ\n",
        "商談\n提案\n",  # as CP932: half-width katakana alone
    ],
)
def test_euc_jp(tmp_path: Path, content: str) -> None:
    rows = [cells for _, cells in read(written(tmp_path, content.encode("euc_jp")))]
    assert rows == list(csv.reader(StringIO(content)))


@pytest.mark.parametrize("content", ["会社\nﾔﾏﾀﾞ\n", "社\nﾔﾏﾀﾞ\n", "者,社\n", "ｶﾅ,名\nﾔﾏﾀﾞ,ﾀﾛ\n", "ﾔﾏﾀﾞﾀﾛｳﾃﾝ\n"])
def test_cp932_with_half_width_katakana(tmp_path: Path, content: str) -> None:
    rows = [cells for _, cells in read(written(tmp_path, content.encode("cp932")))]
    assert rows == list(csv.reader(StringIO(content)))


def test_what_can_be_utf_8_is_utf_8(tmp_path: Path) -> None:
    assert read(written(tmp_path, "ﾔﾏﾀﾞ\n".encode())) == [(1, ["ﾔﾏﾀﾞ"])]


WORDS = [
    "商談",
    "会社",
    "お問い合わせ",
    "資料ダウンロード",
    "東京都",
    "受注",
    "フェーズ",
    "金額",
    "氏名",
    "製造業",
    "課長",
]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([*WORDS, "A1", "2025/4/1", "1,234円"]), min_size=2, max_size=2), min_size=1),
    st.sampled_from(["utf-8", "utf-8-sig", "cp932", "euc_jp", "iso2022_jp"]),
)
def test_japanese_text_reads_back_from_any_encoding(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encoding: str
) -> None:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    encodings = ("iso2022_jp",) if encoding == "iso2022_jp" else DEFAULT
    assert [cells for _, cells in read(path, encodings)] == rows


@settings(deadline=None)
@given(
    st.lists(st.text("あアんン亜腕一東京会社営業部者社資株", min_size=1), min_size=1),
    st.sampled_from(["cp932", "euc_jp"]),
)
def test_full_width_japanese_is_never_taken_for_another_encoding(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], encoding: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_bytes("\n".join(rows).encode(encoding))
    assert [cells for _, (cells,) in read(path)] == rows


def test_utf_16_when_it_is_named(tmp_path: Path) -> None:
    assert read(written(tmp_path, "id\n商\n".encode("utf-16")), ("utf-16",)) == [(1, ["id"]), (2, ["商"])]


def test_an_encoding_is_tried_on_the_whole_file_before_the_first_row(tmp_path: Path) -> None:
    ascii_rows = b"12345678,abcdefgh\n" * 150_000  # 2.7 MB, more than one chunk
    *_, last = read(written(tmp_path, ascii_rows + "1,商談\n".encode("cp932")))
    assert last == (150_001, ["1", "商談"])


def test_a_file_in_no_encoding_names_byte_and_line_of_each(tmp_path: Path) -> None:
    # 0x87 cannot begin a character of UTF-8; in CP932 it begins one, and 0x20 cannot end it.
    error = refused(written(tmp_path, b"id,name\n1,a\n2,\x87 b\n"))
    assert error.where == "deals.csv"
    assert error.problem == (
        "cannot be read as text: utf-8 ends at byte 14, line 3; cp932 ends at byte 14, line 3; "
        "euc_jp ends at byte 14, line 3"
    )
    assert "encoding:" in error.remedy


def test_the_byte_is_right_behind_a_byte_order_mark_and_in_a_later_chunk(tmp_path: Path) -> None:
    assert "byte 6, line 2" in refused(written(tmp_path, b"\xef\xbb\xbfid\n\x87"), ("utf-8",)).problem
    content = b"id\n" * 600_000 + b"\x87"
    assert "byte 1800000, line 600001" in refused(written(tmp_path, content), ("utf-8",)).problem


def test_a_character_cut_off_at_the_end(tmp_path: Path) -> None:
    assert "byte 3, line 2" in refused(written(tmp_path, b"id\n" + "商".encode()[:2]), ("utf-8",)).problem


def test_utf_16_that_nobody_named(tmp_path: Path) -> None:
    error = refused(written(tmp_path, "id,商談\n".encode("utf-16")))
    assert "utf-16" in error.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    error = refused(tmp_path / "deals.csv")
    assert error.where == "deals.csv"
    assert str(tmp_path / "deals.csv") in error.problem
    assert "company.yml" in error.remedy


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").mkdir()
    assert "cannot be read" in refused(tmp_path / "deals.csv").problem


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b",,\n"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    error = refused(written(tmp_path, content))
    assert (error.where, error.problem) == ("deals.csv", "is empty")


@pytest.mark.parametrize(("row", "count"), [(b"1", 1), (b"1,2,3", 3)])
def test_a_row_of_another_length(tmp_path: Path, row: bytes, count: int) -> None:
    path = written(tmp_path, b"id,name\n1,a\n\n" + row + b"\n2,b\n")
    (rows,) = csv_file.opened(path, path.name, DEFAULT, ",", len).rows([0])
    assert (rows.ragged, rows.lines.to_pylist(), rows.texts[0].to_pylist()) == ([(4, count)], [2, 5], ["1", "2"])


@pytest.mark.parametrize("row", [b'2,"a', b'2,"a"b'])
def test_quotes_that_do_not_close(tmp_path: Path, row: bytes) -> None:
    error = refused(written(tmp_path, b"id,name\n1,a\n" + row + b"\n"))
    assert error.where == "deals.csv line 3"
    assert error.problem.startswith("is not a row of CSV")


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, b"id\n1\n")
    rows = csv_file.opened(path, path.name, DEFAULT, ",", len).rows([0])
    next(rows)
    with path.open("ab") as file:
        file.write(b"2\n")
    with pytest.raises(SourceError) as refusal:
        list(rows)
    assert refusal.value.problem == "changed while it was read"


# Python's own csv writer does not quote a lone CR, and CP932 gives these characters back as their wide twins.
CP932_TEXT = st.text(st.characters(codec="cp932", exclude_characters="\0\r¢£¬‖−〜"), max_size=8)


@settings(deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CP932_TEXT, min_size=width, max_size=width), min_size=1)),
    st.sampled_from([("utf-8", ("utf-8",)), ("utf-8-sig", DEFAULT), ("cp932", ("cp932",))]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_csv_reads_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encoding: tuple[str, tuple[str, ...]], newline: str
) -> None:
    text = StringIO(newline="")
    csv.writer(text, lineterminator=newline).writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_bytes(text.getvalue().encode(encoding[0]))
    filled = [row for row in rows if any(row)]
    if filled:
        assert [cells for _, cells in read(path, encoding[1])] == filled


@settings(deadline=None, max_examples=300)
@given(st.text('ab日,"\n\r \0', max_size=40), st.integers(2, 30))
def test_any_text_is_read_as_python_s_csv_module_reads_it(
    tmp_path_factory: pytest.TempPathFactory, text: str, block: int
) -> None:
    """Blocks of a few bytes, so that rows, quotes and line ends are cut wherever they can be."""
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_bytes(b"id,name\n" + text.encode())
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    expected, ragged, line = [], [], 2
    try:
        for cells in reader:
            if len(cells) == 2 and any(cells):
                expected.append((line, cells))
            elif any(cells):
                ragged.append((line, len(cells)))
            line = 2 + reader.line_num
    except csv.Error:
        expected = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "_CHUNK", 3)
        patch.setattr(csv_file, "_BLOCK", block)
        file = csv_file.opened(path, path.name, ("utf-8",), ",", len)
        try:
            found = list(file.rows([0, 1]))
        except SourceError as error:
            assert line > 1 and error.problem.startswith("is not a row of CSV")
            assert error.where == f"any.csv line {line}"
            return
    assert [each for rows in found for each in rows.ragged] == ragged
    assert [
        (line, [first, second])
        for rows in found
        for line, first, second in zip(
            rows.lines.to_pylist(), rows.texts[0].to_pylist(), rows.texts[1].to_pylist(), strict=True
        )
    ] == expected
