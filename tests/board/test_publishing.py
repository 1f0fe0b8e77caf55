"""Night after night is published while people read: nobody sees an error, and nobody sees half of two nights."""

import http.client
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from threading import Condition

import duckdb
import pytest

from demo import exports
from pipelines import publish
from tests.board.marts_file import AS_OF, fill

NIGHTS, REQUESTS, READERS = 20, 2_000, 4
SHARE = REQUESTS // (NIGHTS + 1)
PAGES = (
    "today", "tree", "scorecard?grain=quarter&period=2026-07-01", "funnel?by=channel", "articles", "data",
    "kpi?kpi=orders&grain=quarter", "kpi?kpi=leads", "kpi.csv?kpi=mqls&grain=week",
)  # fmt: skip
ADDRESSES = [f"/{locale}/{page}" for page in PAGES for locale in ("ja", "en")]
FIRST = 7001
COUNTS = re.compile(r"(?<![\d.,#])7,?0\d\d(?:\.0)?(?!\d)")
"""How the count of one night is written on a page and in its data."""
LEAST = 4
"""Every page shows it so often."""


@dataclass(frozen=True)
class Answer:
    """``night`` is what the header says; of CSV, which has none, what the numbers say."""

    address: str
    status: int
    night: int
    faults: tuple[str, ...]


def run_id(night: int) -> str:
    return f"run-{night:04}"


def snapshot(night: int) -> str:
    return f"{AS_OF:%Y%m%d}-{run_id(night)}"


def publication(night: int) -> publish.Publication:
    """At five past five in Japan, and each night a minute later."""
    return publish.Publication(
        AS_OF, datetime(2026, 11, 18, 20, 5, tzinfo=UTC) + timedelta(minutes=night), run_id(night)
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of a company, with its first night published."""
    shutil.copyfile(exports.FOLDER / "company.yml", tmp_path / "company.yml")
    (tmp_path / ".gyakusan").mkdir()
    return tmp_path / ".gyakusan"


def published(warehouse: duckdb.DuckDBPyConnection, state: Path, night: int) -> None:
    fill(warehouse, FIRST + night)
    publish.publish(warehouse, state / "marts.duckdb", publication(night))


@pytest.fixture
def port(state: Path) -> Iterator[int]:
    """``gyakusan board`` as its own process."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "pipelines.cli", "board", "--company", str(state.parent), "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        yield port
        assert process.poll() is None, "the server has ended by itself"
    finally:
        process.terminate()
        process.wait(30)


def until_it_answers(port: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                connection.request("GET", "/health")
                connection.getresponse().read()
                return
        except OSError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)


def answer(connection: http.client.HTTPConnection, address: str) -> Answer:
    connection.request("GET", address)
    got = connection.getresponse()
    text = got.read().decode()
    if got.status != 200:
        return Answer(address, got.status, -1, (text[:200],))
    is_csv = got.headers["content-type"].startswith("text/csv")
    found = COUNTS.findall(text.replace(",", " ") if is_csv else text)
    numbers = [int(float(number.replace(",", ""))) for number in found]
    header = got.headers.get("x-snapshot")
    night = numbers[0] - FIRST if header is None else int(header[-4:])
    faults = [] if set(numbers) == {FIRST + night} else [f"of night {night}: {sorted(set(numbers))}"]
    if len(numbers) < LEAST:
        faults.append(f"{len(numbers)} numbers")
    if header is not None:
        faults += [f"no {said}" for said in (snapshot(night), f"05:{5 + night:02}") if said not in text]
        faults += [f"{other}" for other in re.findall(r"\d{8}-run-\d+", text) if other != header]
    return Answer(address, got.status, night, tuple(faults))


def test_who_reads_while_nights_are_published_sees_one_night_and_no_error(state: Path, port: int) -> None:
    """Every night is published while its share of the requests is made."""
    answers: list[list[Answer]] = [[] for _ in range(READERS)]
    turns, moved, nights = count(), Condition(), 0

    def read(mine: list[Answer]) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            while True:
                with moved:
                    if (turn := next(turns)) >= REQUESTS:
                        return
                    assert moved.wait_for(lambda: turn < (nights + 2) * SHARE, timeout=60), "no night is published"
                mine.append(answer(connection, ADDRESSES[turn % len(ADDRESSES)]))
                with moved:
                    moved.notify_all()

    with duckdb.connect(config={"threads": 1}) as warehouse, ThreadPoolExecutor(READERS) as readers:
        published(warehouse, state, 0)
        until_it_answers(port)
        reading = [readers.submit(read, mine) for mine in answers]
        for night in range(1, NIGHTS + 1):
            with moved:
                while sum(map(len, answers)) < nights * SHARE and not any(one.done() for one in reading):
                    moved.wait(1)
            published(warehouse, state, night)
            with moved:
                nights = night
                moved.notify_all()
        for one in reading:
            one.result()
    every = [one for mine in answers for one in mine]
    assert len(every) == REQUESTS
    assert [one for one in every if one.status != 200 or one.faults] == []
    assert {one.address for one in every} == set(ADDRESSES)
    # A night that is there is never taken back, and most of them were seen.
    assert all(earlier.night <= later.night for mine in answers for earlier, later in pairwise(mine))
    assert len({one.night for one in every}) > NIGHTS // 2
