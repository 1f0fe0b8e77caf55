"""Whatever somebody wrote into a title, a note or a file's name is text on the board, and text alone."""

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from board.export import export
from board.night import Night, open_night
from board.page import About, View
from board.pages import PAGES
from board.render import html, served_link
from tests.board import small_marts

PAYLOADS = [
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "</SCRIPT ><script>alert(1)//", "<!--<script>",
    "-->", "]]>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>', "'><img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "' onfocus='alert(1)",
    '" autofocus onfocus=alert(1) x="', "`onclick=alert(1)`", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>", "<iframe src=javascript:alert(1)>", "<a href=javascript:alert(1)>x</a>",
    "<body onload=alert(1)>", "<style>*{background:url(//evil.example)}</style>", "<link rel=stylesheet href=//evil>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0;url=//evil>", "<form action=//evil><input>",
    "<object data=//evil>", "<embed src=//evil>", "<math><mtext></table><mglyph><style><img src onerror=alert(1)>",
    "</title><script>alert(1)</script>", "</textarea><script>alert(1)</script>", "{{7*7}}", "{%print(7*7)%}", "${7*7}",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "\u2028alert(1)\u2029", "\\u003cscript\\u003e", "%3Cscript%3E",
    "＜script＞alert(1)＜/script＞", "\x00<script>", "<scr\x00ipt>", "{0.__class__}", "{kpi}", "<b>",
    "\"}]}'); alert(1);//",
]  # fmt: skip
ASKED: list[tuple[str, Mapping[str, Any]]] = [
    ("today", {}), ("today", {"show": "all"}), ("tree", {}), ("scorecard", {}), ("scorecard", {"grain": "quarter"}),
    ("funnel", {}), *(("funnel", {"by": by}) for by in ("channel", "article_cluster", "persona")), ("articles", {}),
    ("data", {}), *(("kpi", {"kpi": kpi}) for kpi in small_marts.KPIS), ("kpi", {"kpi": "orders", "grain": "quarter"}),
]  # fmt: skip


class Shape(HTMLParser):
    """The elements of a page with the names of their attributes, its text, and what its scripts hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._is_script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # What is kept in an attribute may differ; which there are may not.
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")]
        self.words += [value for _, value in attrs if value]
        self._is_script = tag == "script"
        if self._is_script:
            self.scripts.append("" if ("type", "application/json") in attrs else "code")

    def handle_endtag(self, tag: str) -> None:
        self._is_script = False

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts[-1] += data
        else:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ()))


def pages(folder: Path, words: small_marts.Words, name: str) -> list[str]:
    night = open_night(small_marts.write(folder / "marts.duckdb", words))
    about = About(name, "ja", "JPY", "Asia/Tokyo", 4)
    try:
        return [_made(night, about, *asked, locale) for asked in ASKED for locale in ("ja", "en")]
    finally:
        night.con.close()


def _made(night: Night, about: About, name: str, params: Mapping[str, Any], locale: Any) -> str:
    page = PAGES[name]
    view = View(night, about, locale, name, {**page.defaults, **params})
    return html(page, view, served_link, "/static/x", frozenset({"csv", "login"}))


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> list[Shape]:
    """The pages as they are when everybody wrote a plain word."""
    return [Shape(page) for page in pages(tmp_path_factory.mktemp("plain"), lambda of: "plain", "plain")]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_page_has_the_same_elements_whatever_was_written(tmp_path: Path, harmless: list[Shape], payload: str) -> None:
    made = pages(tmp_path, lambda of: payload.replace(",", "") if of == "flag" else payload, payload)
    assert len(made) == len(harmless)
    for page, plain in zip(made, harmless, strict=True):
        shape = Shape(page)
        assert shape.elements == plain.elements
        assert shape.links == plain.links
        assert not [name for _, names in shape.elements for name in names if name.startswith("on") or name == "style"]
        assert len(shape.scripts) == len(plain.scripts)
        for script in shape.scripts:
            if not script.startswith("code"):
                assert "<" not in script and ">" not in script
                json.loads(script)
        assert "".join(shape.words).count("49") == "".join(plain.words).count("49")


def test_what_was_written_is_shown_as_it_was_written(tmp_path: Path) -> None:
    """Each place by itself, so that none of them is left out of the test above by accident."""
    made = pages(tmp_path, lambda of: f"<my {of}>", "<my company>")
    said = " ".join(" ".join(Shape(page).words) for page in made)
    for place in (
        "company", "title 0", "/articles/0", "note", "owner", "file", "kind", "column", "value class",
        "reason", "remedy", "source", "table", "quota", "sentence", "segment channel", "label leads",
        "segment article_cluster", "segment persona", "definition", "sources", "flag",
    ):  # fmt: skip
        assert f"<my {place}>" in said, place
        assert not [page for page in made if f"<my {place}" in page], place


def test_the_exported_folder_is_made_of_the_same_pages(tmp_path: Path) -> None:
    """And no file of it is named by what somebody wrote."""
    night = open_night(small_marts.write(tmp_path / "marts.duckdb", lambda of: "../<script>alert(1)</script>"))
    export(night, About("</title><script>", "ja", "JPY", "Asia/Tokyo", 4), tmp_path / "board")
    night.con.close()
    files = [path for path in (tmp_path / "board").rglob("*") if path.is_file()]
    assert all("script" not in path.name and path.is_relative_to(tmp_path / "board") for path in files)
    for path in files:
        if path.suffix == ".html":
            assert "<script>" not in path.read_text(encoding="utf-8")
