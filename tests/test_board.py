"""The board of a night of the demo, in a real browser: what a team opens every week, and what a night writes."""

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import duckdb
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

from board.night import LOCKED_DOWN
from board.server import LOOPBACK, application
from demo import site
from pipelines import boards
from pipelines.company import load_company
from tests.conftest import Town

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install Debian's package chromium")
pytestmark = [pytest.mark.timeout(600)]

PAGES = (
    "today", "today?show=all", "tree", "scorecard", "scorecard?grain=week", "scorecard?grain=quarter", "funnel",
    "funnel?by=channel", "articles", "data", "kpi?kpi=orders&grain=quarter", "kpi?kpi=users", "kpi?kpi=search_position",
    "kpi?kpi=churn_rate&grain=week",
)  # fmt: skip
LOCALES = ("ja", "en")
WIDTHS = (1366, 390)
PICTURES = os.environ.get("GYAKUSAN_PICTURES")
"""A folder for the pictures of the README; else they are taken and thrown away."""


@pytest.fixture(scope="module")
def address(first: Town) -> Iterator[str]:
    """The board of the town's first night, served on loopback as `gyakusan board` does."""
    first.back()
    board = boards.board(load_company(first.folder), "127.0.0.1", (), "http://127.0.0.1:3000")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application(board, LOOPBACK), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


class Watched:
    """A page of the browser, with everything that went wrong on it and every address that it asked for."""

    def __init__(self, browser: Browser, width: int = 1366, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 768}, **options)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", self._asked)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", self._failed)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def _asked(self, dialog: Dialog) -> None:
        self.problems.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the icon of a page that was left at once
            self.problems.append(f"failed: {request.url}")

    def open(self, address: str) -> Page:
        self.page.goto(address)
        self.page.wait_for_selector("figure.chart:not(.drawn)", state="detached")
        return self.page

    def close(self) -> None:
        self.context.close()


def ask(first: Town, sql: str, *values: object) -> list[dict[str, Any]]:
    with duckdb.connect(str(first.marts), read_only=True, config=LOCKED_DOWN) as con:  # as the board in this process
        answer = con.execute(sql, values)
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_page_is_drawn_without_an_error_and_axe_finds_no_violation(
    address: str, browser: Browser, locale: str, width: int
) -> None:
    watched, axe = Watched(browser, width), Axe()
    found: list[str] = []
    for name in PAGES:
        page = watched.open(f"{address}/{locale}/{name}")
        assert page.get_attribute("html", "lang") == locale
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the screen"
        for violation in axe.run(page).response["violations"]:
            targets = [node["target"] for node in violation["nodes"]][:3]
            found.append(f"{name}: {violation['id']} {targets}")
    assert found == []
    assert watched.problems == []
    assert all(url.startswith(address) for url in watched.asked)
    watched.close()


def shown(value: float | None, unit: str) -> str:
    """A number as a table shows it, by the rules of the board's visual guide: – for none, rates with one decimal."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{value * 100:.1f}%" if value == 0 or abs(value) >= 0.02 else f"{value * 100:.2f}%"
    if unit == "currency":
        return f"¥{value:,.0f}"
    if unit == "count":
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}"
    return f"{value:,.1f}" + {"seconds": " s", "rank": ""}[unit]


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("grain", ["week", "month", "quarter"])
def test_the_scorecard_shows_what_the_mart_holds(first: Town, address: str, browser: Browser, grain: str) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/en/scorecard?grain={grain}")
    cells = page.eval_on_selector_all(
        "tr[data-kpi]", "rows => rows.map(row => [row.dataset.kpi, ...[...row.cells].map(cell => cell.innerText)])"
    )
    found = {kpi: (actual, target, landing.split("\n")[0]) for kpi, _, _, actual, target, _, _, landing, *_ in cells}
    lines = ask(
        first,
        "select scorecard.*, unit from scorecard join kpis using (kpi), publication"
        " where grain = ? and as_of between period_start and period_end",
        grain,
    )
    assert found == {
        line["kpi"]: tuple(shown(line[name], line["unit"]) for name in ("actual", "target", "projected"))
        for line in lines
    }
    assert len(found) == 26
    watched.close()


@needs_browser
@pytest.mark.browser
def test_today_says_whether_the_goal_will_be_reached_and_shows_a_tile_of_each_stage(
    first: Town, address: str, browser: Browser
) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/en/today")
    (goal,) = ask(
        first,
        "select scorecard.*, chance from scorecard join attainment using (kpi, grain, period_start), publication"
        " where is_kgi and publication.as_of between scorecard.period_start and scorecard.period_end",
    )
    said = page.inner_text("h1")
    assert {"reached": "is reached", "on_track": "on track", "at_risk": "may miss", "off_track": "will miss"}[
        goal["outlook"]
    ] in said
    for number in (goal["target"], goal["projected"], goal["projected_low"], goal["projected_high"]):
        assert f"{number:,.0f}" in said
    # The plan names its one key KPI: it and the goal are all there is until the rest is asked for.
    kpis = "tiles => tiles.map(tile => tile.dataset.kpi)"
    assert page.eval_on_selector_all(".tile", kpis) == ["orders", "mqls"]
    page.click("text=All four stages")
    assert page.eval_on_selector_all(".tile", kpis) == ["orders", "users", "read_through_rate", "mqls", "churn_rate"]
    tile = page.locator(".tile[data-kpi=mqls]")
    (line,) = ask(
        first,
        "select scorecard.* from scorecard, publication"
        " where kpi = 'mqls' and grain = 'month' and as_of between period_start and period_end",
    )
    text = tile.inner_text()
    assert tile.locator(".value strong").inner_text() == f"{line['actual']:,.0f}"
    assert f"target {line['target']:,.0f}" in text
    tile.locator("summary").click()
    told = tile.locator(".explained").inner_text()
    sql = tile.locator("code.sql").inner_text()
    (row,) = ask(first, sql.replace("marts.", ""))
    assert row["value"] == line["actual"]
    assert f"MQLs = {line['actual']:,.0f}" in told
    assert "マーケティング部" in told
    assert len(page.query_selector_all(".things li")) == 3
    watched.close()


@needs_browser
@pytest.mark.browser
def test_the_tree_shows_what_is_required_and_its_sliders_walk_the_goal_back_again(
    first: Town, address: str, browser: Browser
) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/en/tree")
    rows = ask(
        first,
        "select required.* from required, publication"
        " where is_goal_period and as_of between goal_start and goal_end order by place",
    )
    required = {row["kpi"]: row["required"] for row in rows}

    def numbers() -> dict[str, str]:
        cells = "rows => rows.map(row => [row.dataset.kpi, row.querySelector('.required').innerText])"
        return dict(page.eval_on_selector_all("tr[data-kpi]", cells))

    before = numbers()
    assert before["orders"] == f"{required['orders']:,.0f}"
    assert before["mqls"] == f"{required['mqls']:,.0f}"
    slider = page.locator("input[name=deals]")
    slider.focus()
    page.keyboard.press("End")  # twice today's rate
    changed = numbers()
    assert changed["orders"] == before["orders"]
    assert changed["deals"] in (f"{required['deals'] / 2:,.0f}", f"{required['deals'] / 2:,.1f}")
    assert changed["mqls"] == f"{required['mqls'] / 2:,.0f}"
    assert "deals=200" in page.url
    page.reload()
    assert numbers() == changed, "the address keeps the slider"
    page.fill("input[name=goal]", str(required["orders"] * 2))
    assert numbers()["mqls"] == f"{required['mqls']:,.0f}"
    page.click("text=Reset")
    page.wait_for_url("**/tree")
    assert numbers() == before
    page.click("tr[data-kpi=mqls] a")
    assert "kpi=mqls" in page.url
    assert page.inner_text("h1").startswith("MQLs")
    assert watched.problems == []
    watched.close()


@needs_browser
@pytest.mark.browser
def test_the_funnel_shows_rates_with_how_many_of_how_many(first: Town, address: str, browser: Browser) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/en/funnel")
    for row in ask(first, "select * from funnel where segment = 'all'"):
        cells = page.locator(f"tr[data-step={row['stage']}]").inner_text()
        assert f"{row['moved']:,}/{row['n']:,}" in cells
        assert f"{row['rate'] * 100:.1f}%" in cells
        drawn = page.locator("figure.chart svg").first.inner_html()
        assert f"{row['moved']:,}/{row['n']:,}" in drawn
    young = ask(
        first,
        "select maturity from funnel_cohorts, publication where stage = 'deal' and grain = 'month' and not is_mature"
        " and n > 0 and period_start > as_of - interval 13 month order by period_start",
    )
    badges = page.locator("table.cohorts tbody tr").nth(2).locator(".badge").all_inner_texts()
    assert badges == [f"{row['maturity'] * 100:.0f}%" for row in young]
    watched.close()


@needs_browser
@pytest.mark.browser
def test_articles_are_found_sorted_and_chosen_and_a_script_in_a_title_is_only_a_title(
    first: Town, address: str, browser: Browser
) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/en/articles")
    known = {row["path"]: row for row in ask(first, "select * from article_rates")}

    def listed() -> list[list[str]]:
        return page.eval_on_selector_all(  # type: ignore[no-any-return]
            "#articles tbody tr:not([hidden])", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
        )

    assert len(listed()) == min(50, len(known))
    page.click("#articles-more")
    assert len(listed()) == len(known)
    page.click("button[data-sort=leads]")
    leads = [int(cells[4].replace(",", "")) for cells in listed()]
    assert leads == sorted((row["leads"] for row in known.values()), reverse=True)
    scripted = known[site.SCRIPTED]
    assert "<script>" in scripted["title"]
    page.fill("#search", "script")
    (cells,) = listed()
    assert cells[0].split("\n")[0] == scripted["title"]
    assert cells[2:5] == [f"{scripted[name]:,}" for name in ("page_views", "landing_sessions", "leads")]
    assert cells[9] == f"¥{scripted['order_value']:,.0f}"
    page.reload()
    assert page.input_value("#search") == "script", "the address keeps the search"
    assert len(listed()) == 1
    page.fill("#search", "")
    page.click("button[data-choice=improve_cta]")
    chosen = {cells[0].split("\n")[-1] for cells in listed()}
    assert chosen == {path for path, row in known.items() if row["action"] == "improve_cta"}
    assert site.PV_HEAVY in chosen
    assert watched.problems == []
    watched.close()


@needs_browser
@pytest.mark.browser
def test_the_data_page_tells_of_every_table_and_leads_to_dagster(first: Town, address: str, browser: Browser) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/en/data")
    for row in ask(first, "select * from source_health"):
        line = page.locator(f"tr[data-table={row['table_name']}]")
        assert f"{row['row_count']:,}" in line.inner_text()
        assert line.locator("a").get_attribute("href") == f"http://127.0.0.1:3000/assets/{row['asset']}"
    watched.close()


@needs_browser
@pytest.mark.browser
def test_notes_stand_in_the_charts(first: Town, address: str, browser: Browser) -> None:
    watched = Watched(browser)
    page = watched.open(f"{address}/ja/kpi?kpi=page_views")
    notes = ask(
        first,
        "select text from notes where end_on >= ("
        " select min(period_start) from scorecard where kpi = 'page_views' and grain = 'month' and actual is not null)"
        " order by start_on, note",
    )
    assert notes
    assert [note["text"] for note in notes] == [
        re.sub(r"^.*?日(–\S+)? \S+ ", "", item) for item in page.locator("ol.notes li").all_inner_texts()
    ]
    drawn = page.locator("figure.chart svg text").all_text_contents()
    assert {str(number + 1) for number in range(len(notes))} <= set(drawn)
    watched.close()


@needs_browser
@pytest.mark.browser
def test_the_keyboard_alone_reaches_everything(address: str, browser: Browser) -> None:
    watched = Watched(browser)
    for name in ("today?show=all", "tree", "articles"):
        page = watched.open(f"{address}/en/{name}")
        count = page.evaluate(
            "[...document.querySelectorAll('a, button, input, summary, [tabindex=\"0\"]')]"
            ".filter(one => one.checkVisibility() && !one.disabled).length"
        )
        page.evaluate("window.reached = new Set(); document.body.focus()")
        for _ in range(count):
            page.keyboard.press("Tab")
            page.evaluate("window.reached.add(document.activeElement)")
        assert page.evaluate("window.reached.delete(document.body), window.reached.size") == count, name
    watched.close()


@needs_browser
@pytest.mark.browser
def test_the_exported_folder_opens_from_disk_without_the_network(first: Town, browser: Browser) -> None:
    first.back()
    folder = first.folder / ".gyakusan" / "board"
    start = Watched(browser, offline=True)
    start.open((folder / "index.html").as_uri()).wait_for_url("**/ja/today.html")
    start.close()
    watched = Watched(browser, offline=True)
    page = watched.page
    for name in (
        "today.show-all",
        "tree",
        "scorecard.grain-week",
        "kpi.grain-quarter.kpi-orders",
        "funnel",
        "articles",
    ):
        watched.open((folder / "en" / f"{name}.html").as_uri())
    page.fill("#search", "script")
    assert page.locator("#articles tbody tr:visible").count() == 1
    watched.open((folder / "en" / "tree.html").as_uri())
    page.locator("input[name=deals]").focus()
    page.keyboard.press("End")
    assert "deals=200" in page.url
    assert watched.problems == []
    assert {urlsplit(url).scheme for url in watched.asked} <= {"file", "data"}
    watched.close()


@needs_browser
@pytest.mark.browser
def test_a_page_prints_on_a4_landscape(first: Town, browser: Browser, tmp_path: Path) -> None:
    first.back()
    watched = Watched(browser)
    page = watched.open((first.folder / ".gyakusan" / "board" / "ja" / "today.show-all.html").as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    sizes = set(re.findall(rb"/MediaBox\s*\[\s*0 0 ([0-9.]+) ([0-9.]+)", printed))
    assert {(round(float(width)), round(float(height))) for width, height in sizes} == {(842, 595)}
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2
    watched.close()


class Links(HTMLParser):
    """What a page leads to and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_every_link_of_the_exported_folder_leads_to_a_page_in_it(first: Town) -> None:
    first.back()
    folder = first.folder / ".gyakusan" / "board"
    pages = sorted(folder.glob("*/*.html"))
    assert len(pages) > 150
    for path in pages:
        links = Links()
        links.feed(path.read_text(encoding="utf-8"))
        for link in links.found:
            if link.startswith("http://127.0.0.1:3000/assets/") or link.startswith("#"):
                continue
            assert (path.parent / unquote(link)).resolve().is_file(), f"{path.name} leads to {link}"


def test_the_exported_pages_say_the_same_as_the_served_ones(first: Town, address: str) -> None:
    first.back()
    folder = first.folder / ".gyakusan" / "board"

    def words(text: str) -> str:
        return " ".join(re.sub(r"<script.*?</script>|<[^>]*>|CSV", " ", text, flags=re.DOTALL).split())

    for name, file in (("today", "today"), ("scorecard?grain=week", "scorecard.grain-week"), ("data", "data")):
        served = urlopen(f"{address}/ja/{name}").read().decode()
        assert words((folder / "ja" / f"{file}.html").read_text(encoding="utf-8")) == words(served)


@needs_browser
@pytest.mark.browser
def test_pictures_for_the_readme(address: str, browser: Browser, tmp_path: Path) -> None:
    folder = Path(PICTURES) if PICTURES else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    watched = Watched(browser, device_scale_factor=1)
    for name, file in (("today?show=all", "today"), ("tree", "tree"), ("articles", "articles")):
        for locale in LOCALES:
            picture = folder / f"{file}.{locale}.png"
            watched.open(f"{address}/{locale}/{name}").screenshot(path=picture)
            Image.open(picture).quantize(64).save(picture, optimize=True)
            assert 10_000 < picture.stat().st_size < 100_000
    watched.close()
