"""The log of stages: what each night adds to it, whatever the order in which nights are run."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.export_tables import CONTACTS, DEALS
from connectors.table import Load, Table
from pipelines import stage_events, warehouse
from pipelines.company import COMPANY_SETTINGS, Sources

FIRST = date(2026, 5, 1)
TABLES = [CONTACTS, DEALS, COMPANY_SETTINGS, stage_events.STAGE_EVENTS, *warehouse.TABLES]
BOTH = ("contact", "deal")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        warehouse.prepare(connection, TABLES)
        yield connection


def day(number: int) -> date:
    """The night of 1 May 2026 is 1."""
    return FIRST + timedelta(days=number - 1)


def snapshot(con: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=table.schema)
    warehouse.replace(con, Load(table, None, None, iter([batch]), []))


def contact(name: str, stage: str | None, created: int = -100) -> dict[str, Any]:
    return {"contact_id": name, "stage": stage, "created_on": day(created)}


def deal(name: str, stage: str | None, status: str, created: int = -100, closed: int | None = None) -> dict[str, Any]:
    dates = {"created_on": day(created), "closed_on": None if closed is None else day(closed)}
    return {"deal_id": name, "stage": stage, "status": status, "kind": "new", **dates}


def night(
    con: duckdb.DuckDBPyConnection,
    number: int,
    contacts: list[dict[str, Any]],
    deals: Sequence[dict[str, Any]] = (),
    objects: tuple[str, ...] = BOTH,
) -> list[tuple[Any, ...]]:
    """What the log holds of the night after it: object_id, event, stage, reason, number of the day (None: unknown)."""
    snapshot(con, CONTACTS, contacts)
    snapshot(con, DEALS, list(deals))
    for load in stage_events.load(con, objects, day(number)):
        warehouse.replace(con, load)
    return events(con, number)


def events(con: duckdb.DuckDBPyConnection, number: int) -> list[tuple[Any, ...]]:
    return con.execute(
        "select object_id, event, stage, reason, event_on - ? + 1 from raw.stage_events where observed_on = ?"
        " order by object_id, event desc, stage",
        [FIRST, day(number)],
    ).fetchall()


def test_on_the_first_night_everybody_stands_somewhere_and_few_dates_are_known(con: duckdb.DuckDBPyConnection) -> None:
    contacts = [contact("a", "lead", created=-9), contact("b", "mql"), contact("c", None)]
    deals = [
        deal("d", "提案", "open", created=-5),
        deal("e", "受注", "won", closed=-3),
        deal("f", None, "lost", closed=-2),
        deal("g", "受注", "won", closed=9),  # a day that has not come
    ]
    assert night(con, 1, contacts, deals) == [
        ("a", "entered", "lead", "first_sight", -9),
        ("b", "entered", "mql", "first_sight", None),
        ("c", "entered", "none", "first_sight", -100),
        ("d", "entered", "提案", "first_sight", None),
        ("e", "entered", "受注", "first_sight", -3),
        ("f", "entered", "lost", "first_sight", -2),
        ("g", "entered", "受注", "first_sight", None),
    ]


def test_what_changed_is_an_exit_and_an_entry_and_what_stands_still_no_row(con: duckdb.DuckDBPyConnection) -> None:
    night(con, 1, [contact("a", "lead"), contact("b", "mql")])
    assert night(con, 2, [contact("a", "mql"), contact("b", "mql"), contact("n", "mql", created=2)]) == [
        ("a", "exited", "lead", "moved", 2),
        ("a", "entered", "mql", "moved", 2),
        ("n", "entered", "mql", "new", 2),
    ]
    assert night(con, 3, [contact("a", "mql"), contact("b", "lead"), contact("n", "mql", created=2)]) == [
        ("b", "exited", "mql", "moved", 3),
        ("b", "entered", "lead", "moved", 3),
    ]


def test_a_record_that_an_export_left_out_until_now_is_only_seen_for_the_first_time(
    con: duckdb.DuckDBPyConnection,
) -> None:
    night(con, 1, [contact("a", "lead")])
    assert night(con, 2, [contact("a", "lead"), contact("old", "mql", created=-30)]) == [
        ("old", "entered", "mql", "first_sight", None)
    ]


def test_a_vanished_record_leaves_its_stage_for_none_and_may_return(con: duckdb.DuckDBPyConnection) -> None:
    night(con, 1, [contact("a", "mql"), contact("b", "mql")])
    assert night(con, 2, []) == [("a", "exited", "mql", "vanished", 2), ("b", "exited", "mql", "vanished", 2)]
    assert night(con, 3, []) == []
    assert night(con, 4, [contact("a", "mql"), contact("b", "sql")]) == [
        ("a", "entered", "mql", "returned", 4),
        ("b", "entered", "sql", "moved", 4),
    ]
    assert night(con, 5, [contact("a", "mql"), contact("b", "sql")]) == []


def test_a_reopened_deal_leaves_won_and_a_status_may_change_alone(con: duckdb.DuckDBPyConnection) -> None:
    night(con, 1, [], [deal("d", "受注", "won", closed=-3), deal("e", "交渉", "open")])
    assert night(con, 2, [], [deal("d", "提案", "open", closed=-3), deal("e", "交渉", "lost", closed=2)]) == [
        ("d", "exited", "受注", "moved", 2),
        ("d", "entered", "提案", "moved", 2),
        ("e", "exited", "交渉", "status", 2),
        ("e", "entered", "交渉", "status", 2),
    ]
    found = con.execute("select event, status from raw.stage_events where object_id = 'e' order by observed_on, 1 desc")
    assert found.fetchall() == [("entered", "open"), ("exited", "open"), ("entered", "lost")]


def test_the_same_night_twice_changes_nothing_and_sees_a_newer_file(con: duckdb.DuckDBPyConnection) -> None:
    night(con, 1, [contact("a", "lead")])
    once = night(con, 2, [contact("a", "mql")])
    assert night(con, 2, [contact("a", "mql")]) == once
    assert night(con, 2, [contact("a", "sql")]) == [
        ("a", "exited", "lead", "moved", 2),
        ("a", "entered", "sql", "moved", 2),
    ]
    assert night(con, 2, [contact("a", "lead")]) == []


def test_a_backfill_of_old_days_writes_the_night_that_the_warehouse_knows(con: duckdb.DuckDBPyConnection) -> None:
    first = night(con, 1, [contact("a", "lead")])
    last = night(con, 5, [contact("a", "mql")])
    assert night(con, 3, [contact("a", "mql")]) == []
    assert (events(con, 1), events(con, 5)) == (first, last)


def test_what_is_not_watched_any_more_has_not_vanished(con: duckdb.DuckDBPyConnection) -> None:
    deals = [deal("d", "提案", "open")]
    night(con, 1, [contact("a", "lead")], deals)
    assert night(con, 2, [contact("a", None)], deals, objects=("deal",)) == []
    assert night(con, 3, [contact("a", "mql")], deals) == [
        ("a", "exited", "lead", "moved", 3),
        ("a", "entered", "mql", "moved", 3),
    ]


def test_contacts_whose_stages_are_watched_later_are_first_seen_then(con: duckdb.DuckDBPyConnection) -> None:
    night(con, 1, [contact("a", None)], [deal("d", "提案", "open")], objects=("deal",))
    found = night(con, 2, [contact("a", "mql", created=2)], [deal("d", "提案", "open")])
    assert found == [("a", "entered", "mql", "first_sight", None)]


def test_contacts_are_watched_when_their_stage_is_exported_and_deals_always() -> None:
    contacts = {"file": "c.csv", "columns": {"contact_id": "ID", "created_on": "Created"}}
    deals = {"file": "d.csv", "columns": {"deal_id": "ID", "status": "Status"}}
    staged = {"file": "c.csv", "columns": {"contact_id": "ID", "created_on": "Created", "stage": "Stage"}}
    for exports, expected in (
        ({}, ()),
        ({"contacts": contacts}, ()),
        ({"contacts": contacts, "deals": deals}, ("deal",)),
        ({"contacts": staged, "deals": deals}, BOTH),
    ):
        assert stage_events.watched(Sources.model_validate({"exports": exports})) == expected


STAGES = st.sampled_from([None, "lead", "mql", "sql", "gone"])


@settings(max_examples=40, deadline=None)
@given(nights=st.lists(st.dictionaries(st.sampled_from("abc"), STAGES), min_size=1, max_size=6))
def test_the_log_replayed_gives_what_every_night_showed(nights: list[dict[str, str | None]]) -> None:
    with duckdb.connect() as con:
        warehouse.prepare(con, TABLES)
        stands: dict[str, str] = {}
        for number, shown in enumerate(nights, start=1):
            here = {name: stage for name, stage in shown.items() if stage != "gone"}
            for name, event, stage, *_ in night(con, number, [contact(n, s) for n, s in here.items()]):
                if event == "exited":
                    assert stands.pop(name) == stage
                else:
                    assert name not in stands
                    stands[name] = stage
            assert stands == {name: stage or "none" for name, stage in here.items()}
