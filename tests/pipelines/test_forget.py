"""Forgetting on a warehouse with two persons: what was the one's goes, the other's stays."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from connectors.export_tables import CONTACTS, DEALS, FORM_SUBMISSIONS, MERGES, STAGE_CHANGES
from connectors.table import Load, Table
from pipelines import forget, warehouse
from pipelines.credentials import pseudonyms, tombstones
from pipelines.raw import ALL_TABLES

DAY, MOMENT = date(2026, 4, 1), datetime(2026, 4, 1, 9)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    taro, hana = (pseudonyms(tmp_path).person(f"{name}@example.com") for name in ("taro", "hana"))
    rows: dict[Table, list[dict[str, Any]]] = {
        CONTACTS: [
            {"contact_id": "c1", "created_on": DAY, "person_id": taro, "merged_ids": "c0", "client_id": "browser1"},
            {"contact_id": "c2", "created_on": DAY, "person_id": hana, "client_id": "browser2"},
            {"contact_id": "lead1", "created_on": DAY, "merged_into_id": "c1"},
        ],
        FORM_SUBMISSIONS: [
            {"submission_id": "s0", "kind": "inquiry", "submitted_at": MOMENT, "submitted_on": DAY, "contact_id": "c0"},
            {"submission_id": "s1", "kind": "inquiry", "submitted_at": MOMENT, "submitted_on": DAY, "person_id": taro},
            {"submission_id": "s2", "kind": "inquiry", "submitted_at": MOMENT, "submitted_on": DAY, "contact_id": "c2"},
        ],
        STAGE_CHANGES: [
            {"contact_id": contact, "stage": "mql", "entered_at": MOMENT, "entered_on": DAY}
            for contact in ("c1", "c2", "lead1", "old")
        ],
        DEALS: [
            {"deal_id": "d1", "status": "won", "kind": "new", "contact_id": "c1"},
            {"deal_id": "d2", "status": "won", "kind": "new", "contact_id": "c2"},
        ],
        MERGES: [{"object": "contact", "kept_id": "c1", "merged_id": "old"}],
    }
    with warehouse.connect(tmp_path / "warehouse.duckdb") as con:
        warehouse.prepare(con, ALL_TABLES)
        for table, values in rows.items():
            batch = pa.RecordBatch.from_pylist(values, schema=table.schema)
            warehouse.replace(con, Load(table, None, None, iter([batch]), []))
    return tmp_path


def person(state: Path, con: duckdb.DuckDBPyConnection) -> forget.Person:
    return forget.find(con, {pseudonyms(state).person("taro@example.com")}, set())


def test_a_person_is_found_with_all_that_was_merged(state: Path) -> None:
    with warehouse.connect(state / "warehouse.duckdb") as con:
        by_email = person(state, con)
        assert by_email.of("contact_id") == ["c0", "c1", "lead1", "old"]
        assert by_email.of("client_id") == ["browser1"]
        assert forget.find(con, set(), {"old"}) == by_email


def test_their_rows_go_and_the_deal_stays_without_them(state: Path) -> None:
    with warehouse.connect(state / "warehouse.duckdb") as con:
        changed = forget.erase(con, person(state, con))
        left = {
            name: con.execute(f"select {columns} from raw.exports_{name} order by 1").fetchall()
            for name, columns in {
                "contacts": "contact_id",
                "form_submissions": "submission_id",
                "stage_changes": "contact_id",
                "deals": "deal_id, contact_id",
                "merges": "merged_id",
            }.items()
        }
    assert left == {
        "contacts": [("c2",)],
        "form_submissions": [("s2",)],
        "stage_changes": [("c2",)],
        "deals": [("d1", None), ("d2", "c2")],
        "merges": [],
    }
    assert changed == {
        "exports_contacts": 2,
        "exports_form_submissions": 2,
        "exports_stage_changes": 3,
        "exports_deals": 1,
        "exports_merges": 1,
    }


def test_the_file_is_written_anew_without_their_bytes(state: Path) -> None:
    path, taro = state / "warehouse.duckdb", pseudonyms(state).person("taro@example.com")
    with warehouse.connect(path) as con:
        found = person(state, con)
        con.execute("checkpoint")
        forget.erase(con, found)
    assert "warehouse.duckdb" in forget.traces(state, "taro@example.com", found)  # DELETE alone leaves them
    forget.rewrite(path)
    assert taro.encode() not in path.read_bytes()
    assert forget.traces(state, "taro@example.com", found) == []
    with warehouse.connect(path) as con:
        assert con.execute("select count(*) from raw.loads").fetchone() == (5,)


def test_traces_finds_addresses_in_files_and_in_compressed_columns(state: Path) -> None:
    (state / "log").mkdir()
    (state / "log" / "a.txt").write_bytes(b"x" * 5_000_000 + b" taro%40example.com ")
    with duckdb.connect(str(state / "marts.duckdb")) as con:
        con.execute("create table notes as select 'Taro@example.com ' || i // 1000 as note from range(100000) t(i)")
    found = set(forget.traces(state, "taro@example.com", forget.Person({})))
    assert found >= {"log/a.txt", "marts.duckdb: main.notes"}


def test_tombstones_tell_nothing_and_bar_the_person(state: Path) -> None:
    with warehouse.connect(state / "warehouse.duckdb") as con:
        found = person(state, con)
    forget.bury(state, found)
    taro = pseudonyms(state).person("taro@example.com")
    stones = tombstones(state)
    assert len(stones) == 6  # one person_id, four contact ids, one client id
    assert not stones & {taro, "c1"}
    assert (state / "forgotten").stat().st_mode & 0o777 == 0o600
    after = pseudonyms(state)
    assert after.is_forgotten("person_id", taro)
    assert after.is_forgotten("contact_id", "c0")
    assert not after.is_forgotten("contact_id", "c2")
    forget.bury(state, forget.Person({"contact_id": frozenset({"c9"})}))
    assert tombstones(state) > stones


def test_a_browser_that_two_have_used_stays_the_others(state: Path) -> None:
    with warehouse.connect(state / "warehouse.duckdb") as con:
        con.execute("update raw.exports_contacts set client_id = 'browser1' where contact_id = 'c2'")
        found = person(state, con)
        assert found.of("client_id") == []
        forget.erase(con, found)
        assert con.execute("select contact_id from raw.exports_contacts").fetchall() == [("c2",)]


def test_quarantined_rows_go_by_whose_they_are_not_by_what_else_is_in_them(state: Path) -> None:
    rests = ('{"contact_id": "c1"}', '{"contact_id":"c0","form":"x"}', '{"contact_id": "c2", "form": "c1"}', None)
    with warehouse.connect(state / "warehouse.duckdb") as con:
        for line, rest in enumerate(rests):
            con.execute(
                "insert into raw.quarantine by name select 'exports_deals' as table_name, 'a.csv' as file, ? as line,"
                " 'is empty' as reason, true as is_rejected, now()::timestamp as loaded_at, ? as rest",
                [line, rest],
            )
        forget.erase(con, person(state, con))
        assert con.execute("select line from raw.quarantine order by 1").fetchall() == [(2,), (3,)]
