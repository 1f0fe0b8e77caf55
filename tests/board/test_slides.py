"""The slides, reopened: titles that say something, the marts' numbers in charts that can be edited."""

import io
import re
from pathlib import Path

import pytest
from pptx import Presentation
from python_calamine import CalamineWorkbook

from board.pack.slides import slides_bytes
from tests.board.conftest import make_marts, read
from tests.board.packs import formulas, parts


@pytest.fixture(scope="module")
def deck(marts: Path) -> bytes:
    return slides_bytes(read(marts))


def test_the_same_night_makes_the_same_bytes(marts: Path, deck: bytes) -> None:
    assert slides_bytes(read(marts)) == deck


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_at_most_eight_wide_slides_with_titles_and_the_night_at_their_foot(marts: Path, locale: str) -> None:
    presentation = Presentation(io.BytesIO(slides_bytes(read(marts, locale))))
    assert presentation.slide_width / presentation.slide_height == pytest.approx(16 / 9, rel=1e-3)
    slides = list(presentation.slides)
    assert len(slides) == 8
    titles = [slide.shapes.title.text for slide in slides]
    assert all(titles)
    assert len(set(titles)) == 8
    for slide in slides:
        text = " ".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
        assert "20261126-01234567" in text
        assert ("2026年11月26日" if locale == "ja" else "Nov 26, 2026") in text
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.left + shape.width <= presentation.slide_width
            assert shape.top + shape.height <= presentation.slide_height
    if locale == "ja":
        assert titles[3] == "商談数は目標比65%で未達"


def test_charts_hold_the_numbers_of_the_marts(deck: bytes) -> None:
    slides = list(Presentation(io.BytesIO(deck)).slides)
    charts = [[shape.chart for shape in slide.shapes if shape.has_chart] for slide in slides]
    assert [len(found) for found in charts] == [0, 1, 0, 2, 1, 1, 0, 0]
    kgi = charts[1][0].plots[0]
    assert [list(series.values) for series in kgi.series] == [[35, 29, 12], [30, 30, 30]]
    assert list(charts[3][1].plots[0].series[0].values) == [89, 82]
    assert list(charts[4][0].plots[0].series[0].values) == pytest.approx([275 / 360, 82 / 101.07, 23 / 35.2, 4 / 10.5])
    assert list(charts[5][0].plots[0].series[0].values) == [20 - 2 * place for place in range(9)]


def test_no_name_computes_in_the_workbook_within_a_chart(deck: bytes) -> None:
    books = [part for name, part in parts(deck).items() if name.endswith(".xlsx")]
    assert len(books) == 5
    assert all(formulas(book) == [] for book in books)
    sheets = [CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0) for book in books]
    names = {row[0] for sheet in sheets for row in sheet.to_python()}
    assert {"'=1+1", "'＝1+1", "'@題"} <= names


def test_japanese_letters_have_a_font(deck: bytes) -> None:
    inside = parts(deck)
    theme = inside["ppt/theme/theme1.xml"].decode()
    assert (
        len(re.findall(r'<a:latin typeface="Yu Gothic"/><a:ea typeface="Yu Gothic"/>', re.sub(r"\s*\n\s*", "", theme)))
        == 2
    )
    charts = [part.decode() for name, part in inside.items() if name.startswith("ppt/charts/chart")]
    assert all('<a:ea typeface="Yu Gothic"/>' in re.sub(r' xmlns:\w+="[^"]*"', "", chart) for chart in charts)


def test_a_night_without_plan_funnel_and_articles_makes_slides_too(tmp_path: Path) -> None:
    nothing = ("funnel", "funnel_cohorts", "articles", "attainment", "required", "drivers", "plan_agreements")
    report = read(make_marts(tmp_path / "marts.duckdb", nothing))
    assert len(Presentation(io.BytesIO(slides_bytes(report))).slides) == 7
