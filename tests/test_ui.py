"""The Dagster UI in a real browser: what `make ui` opens."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DEMO = Path(__file__).parents[1] / "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install Debian's package chromium"),
]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("company")
    for name in ("company.yml", "plan.yml"):
        shutil.copy(DEMO / name, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipelines.cli", "ui", "--company", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, "the UI ended"
        try:
            urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the UI did not come up")


def test_the_lineage_goes_from_the_sources_to_the_published_marts(ui: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"{ui}/asset-groups", timeout=60_000)
        for group in ("raw", "staging", "intermediate", "analysis", "marts", "published"):
            page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
        page.goto(f"{ui}/assets/marts/scorecard", timeout=60_000)
        page.get_by_text("One row per KPI").first.wait_for(timeout=60_000)
        browser.close()


def test_pictures_of_the_lineage_for_the_readme(ui: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("GYAKUSAN_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1366, "height": 560})
        page.goto(f"{ui}/asset-groups", timeout=60_000)
        page.get_by_text("published", exact=True).first.wait_for(timeout=60_000)
        page.wait_for_timeout(2000)  # the graph glides into its place
        page.screenshot(path=folder / "lineage.png")
        Image.open(folder / "lineage.png").quantize(64).save(folder / "lineage.png", optimize=True)
        assert 5_000 < (folder / "lineage.png").stat().st_size < 100_000
        browser.close()
