"""Backfills of ten days over a quarter's end under faults: the small edition of benchmarks/faults.py."""

import random
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

import pytest

import demo
from benchmarks.faults import (
    SOURCES,
    Days,
    Source,
    Undisturbed,
    differences,
    disturbed,
    killed,
    once,
    repeatedly,
    undisturbed,
)
from demo.faults import CUTS

DAYS = Days(date(2026, 9, 25), date(2026, 10, 4))
GRPC, REST, SEARCH_CONSOLE = SOURCES
Known = Callable[[Source], Undisturbed]
MENDED = ("429_concurrent", "403_rate", "500", "503", "slow", *CUTS)
"""What a run asks over; at all others it stops."""


@pytest.fixture(scope="module")
def servers() -> Iterator[demo.Demo]:
    with demo.serve(DAYS.last) as running:
        yield running


@pytest.fixture(scope="module")
def known(servers: demo.Demo) -> Known:
    return cache(lambda source: undisturbed(source, servers, DAYS))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        *((GRPC, kind) for kind in ("429_concurrent", "429_day", "500", "slow", "reset", "truncated")),
        *((REST, kind) for kind in CUTS),
        *((SEARCH_CONSOLE, kind) for kind in SEARCH_CONSOLE.kinds),
    ],
    ids=lambda value: value.name if isinstance(value, Source) else value,
)
def test_nothing_is_lost_and_nothing_is_there_twice(
    servers: demo.Demo, known: Known, source: Source, kind: str
) -> None:
    # Each slow answer costs two seconds.
    fault = once(source, kind, known(source)) if kind == "slow" else repeatedly(source, kind)
    outcome = disturbed(source, servers, DAYS, known(source), fault)
    assert outcome.wrong == ()
    if kind in MENDED:
        assert (outcome.ended, outcome.runs) == ("same rows", 1)
        befallen = [request for request in servers.requests if request.status == kind]
        # Each is asked once more. A cut connection may take the next request with it.
        assert 0 < len(befallen) <= outcome.retries <= outcome.asked - known(source).asked
    else:
        assert (outcome.ended, outcome.runs, outcome.retries) == ("stopped, old rows kept", 3, 0)


def test_a_kill_leaves_whole_spans_and_costs_a_rerun(servers: demo.Demo, known: Known) -> None:
    chance = random.Random(10)
    for source in (GRPC, SEARCH_CONSOLE):
        _, outcome = killed(source, servers, DAYS, known(source), chance.uniform(0.05, 0.4))
        assert outcome.wrong == ()


def test_the_comparison_sees_what_is_lost_and_what_is_there_too_much(servers: demo.Demo, known: Known) -> None:
    after = known(SEARCH_CONSOLE).after
    day = min(after["search_console_days"], key=str)
    less = after | {"search_console_days": after["search_console_days"] - {day}}
    assert ["1 rows lost" in text for text in differences(less, after, "here")] == [True]
    assert ["1 rows too many" in text for text in differences(after, less, "here")] == [True]
    # The week between the two worlds was restated and grew.
    assert any(known(SEARCH_CONSOLE).before[name] - after[name] for name in after)
    assert all(known(SEARCH_CONSOLE).before.values())
