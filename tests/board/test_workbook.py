"""The workbook, read back: its numbers are those of the marts, its formulas give them, and no text computes."""

import re
from datetime import date, datetime
from pathlib import Path

import pytest

from board.csv_file import STARTS_A_FORMULA
from board.pack.workbook import workbook_bytes
from tests.board.conftest import HOSTILE, make_marts, read
from tests.board.packs import SOFFICE, errors, formulas, parts, recalculated, sheets, tables

NAMES = ["サマリー", "スコアカード", "ファネル", "記事", "定義", "明細"]


@pytest.fixture(scope="module")
def book(marts: Path) -> bytes:
    return workbook_bytes(read(marts))


def test_the_same_night_makes_the_same_bytes(marts: Path, book: bytes) -> None:
    assert workbook_bytes(read(marts)) == book


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_the_summary_shows_the_kgi_the_targets_and_what_runs(marts: Path, locale: str) -> None:
    rows = sheets(workbook_bytes(read(marts, locale)))[NAMES[0] if locale == "ja" else "Summary"]
    kgi, targets, running = tables(rows, "KPI")
    actual, target, attained, gap = list(kgi[0])[2:6]
    assert [row[actual] for row in kgi] == [35, 29, 12]
    assert [row[attained] for row in kgi] == pytest.approx([35 / 30, 29 / 30, 0.4])
    assert [row["KPI"] for row in targets] == (
        ["ユーザー数", "読了率", "MQL数", "商談数", "解約率"]
        if locale == "ja"
        else ["Users", "Read-through rate", "MQLs", "Deals", "Churn rate"]
    )
    assert [row[target] for row in targets] == [45_000, 0.35, 100, 35.2, 0.01]
    # A difference of rates is in points; where nothing can be divided, nothing is said.
    assert [row[gap] for row in targets] == pytest.approx([2203, 2.5, -18, -12.2, -1])
    assert targets[4][attained] == ""
    # Less is better: the target over the actual.
    assert running[1][attained] == pytest.approx(0.8)
    outlooks = [list(row.values())[11] for row in (kgi[2], targets[0], targets[2])]
    assert outlooks == (
        ["✕ 未達見込み", "● 達成", "✕ 未達"] if locale == "ja" else ["✕ Off track", "● Reached", "✕ Missed"]
    )


def test_the_scorecard_has_every_kpi_with_its_changes(book: bytes) -> None:
    (rows,) = tables(_shifted(sheets(book)["スコアカード"]), "KPI")
    by_name = {row["KPI"]: row for row in rows}
    assert by_name["ユーザー数"]["前月比"] == pytest.approx(47203 / 43706 - 1)
    assert by_name["読了率"]["前月比"] == pytest.approx(-0.2)
    assert by_name["検索順位（位）"]["前年同月比"] == pytest.approx(0.1)
    assert by_name["商談数"]["前月比"] == ""  # from nothing
    assert by_name["受注数"]["前年同月比"] == ""  # unknown is not zero
    assert by_name["受注額（円）"]["実績"] == -6_444_000
    assert by_name["読了率"]["注記"] == "測定方法 scrolled_90"


def test_what_happened_since_the_month_began_stands_on_the_summary(book: bytes) -> None:
    (notes,) = tables(sheets(book)["サマリー"], "出来事")
    happened = {"出来事": "=計測が止まった", "日": date(2026, 10, 5), "まで": date(2026, 10, 7), "種類": "障害"}
    assert [{name: row[name] for name in happened} for row in notes] == [happened]


def test_definitions_say_what_is_divided_by_what(book: bytes) -> None:
    rows = tables(sheets(book)["定義"], "KPI")[0]
    assert [row["計算"] for row in rows if row["ID"] in ("mqls", "churn_rate")] == ["数えた数", "数えた数 ÷ 母数"]


def _shifted(rows: list[list[object]]) -> list[list[object]]:
    """Rows that begin with their second column."""
    return [row[1:] for row in rows]


def test_articles_are_sorted_and_added_up(book: bytes) -> None:
    rows = sheets(book)["記事"]
    (articles,) = tables(rows, "記事")
    assert [row["リード"] for row in articles] == [20 - 2 * place for place in range(9)]
    assert [row["記事"] for row in articles] == [path.replace("\t", "\t") for path in HOSTILE]
    total = next(row for row in rows if row[0] == "合計（表示中の行）")
    heads = next(row for row in rows if row[0] == "記事")
    summed = dict(zip(heads, total, strict=True))
    assert summed["リード"] == sum(row["リード"] for row in articles) == 108
    assert summed["受注額（円）"] == 4_800_000
    # Users of articles may not be added up, and Discover is unknown.
    assert summed["ユーザー"] == summed["Discover"] == ""


def test_rows_behind_the_charts_are_numbers_and_days(book: bytes) -> None:
    (rows,) = tables(sheets(book)["明細"], "KPI")
    mqls = [row for row in rows if row["ID"] == "mqls"]
    assert [row["期間"] for row in mqls] == [date(2026, 9, 1), date(2026, 10, 1)]
    assert [row["値"] for row in mqls] == [89, 82]
    assert mqls[1]["n"] == 82
    charts = [part.decode() for name, part in parts(book).items() if name.startswith("xl/charts/chart")]
    drawn = '<c:v>89</c:v></c:pt><c:pt idx="1"><c:v>82</c:v>'
    assert sum("明細!$D$" in chart and drawn in chart for chart in charts) == 1
    assert len(charts) == 6 + 2


def test_no_text_of_the_data_is_a_formula(marts: Path, book: bytes) -> None:
    ours = re.compile(r"(IF\(COUNT\(|SUBTOTAL\(109,)[A-Z0-9:,()=\-/*+\"IFERO]*")
    assert all(ours.fullmatch(formula.replace("&quot;", '"')) for formula in formulas(book))
    styles = parts(book)["xl/styles.xml"].decode()
    assert 'quotePrefix="1"' in styles
    values = {row[0] for row in sheets(book)["記事"]}
    assert set(HOSTILE) <= values
    assert sum(str(value).startswith(STARTS_A_FORMULA) for value in values) == 8


def test_the_file_says_which_night_it_shows(book: bytes) -> None:
    inside = parts(book)
    assert b"20261126-01234567" in inside["docProps/custom.xml"]
    assert b"2026-11-27T01:02:03Z" in inside["docProps/core.xml"]
    for number in range(1, 7):
        sheet = inside[f"xl/worksheets/sheet{number}.xml"].decode()
        assert "2026年11月26日 まで" in sheet
        assert "20261126-01234567" in sheet
        assert "株式会社=A&amp;&amp;B" in sheet  # & begins a code in a page's header
        assert 'orientation="landscape"' in sheet
        assert "fitToPage" in sheet


def test_money_below_zero_is_written_as_each_language_writes_it(marts: Path, book: bytes) -> None:
    assert "#,##0;▲#,##0" in parts(book)["xl/styles.xml"].decode()
    english = parts(workbook_bytes(read(marts, "en")))["xl/styles.xml"].decode()
    assert "#,##0;-#,##0" in english
    assert "▲" not in english


def test_a_night_without_plan_funnel_and_articles_makes_a_workbook_too(tmp_path: Path) -> None:
    nothing = ("scorecard", "funnel", "funnel_cohorts", "articles", "attainment", "required", "drivers")
    marts = make_marts(tmp_path / "marts.duckdb", nothing[1:])
    for month in (date(2026, 9, 1), date(2026, 11, 1)):
        assert list(sheets(workbook_bytes(read(marts, month=month)))) == NAMES


@pytest.mark.skipif(SOFFICE is None, reason="needs LibreOffice")
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_libreoffice_computes_what_is_stored_and_no_error(marts: Path, tmp_path: Path, locale: str) -> None:
    written = workbook_bytes(read(marts, locale))
    computed = recalculated(written, tmp_path)
    assert errors(computed) == []
    for name, rows in sheets(written).items():
        for stored, found in zip(rows, sheets(computed)[name], strict=False):
            for ours, theirs in zip(stored, found, strict=False):
                if isinstance(ours, int | float) and not isinstance(ours, bool):
                    assert theirs == pytest.approx(ours, rel=1e-12), (name, stored)
                elif not isinstance(ours, date | datetime):
                    assert theirs == ours, (name, stored)
