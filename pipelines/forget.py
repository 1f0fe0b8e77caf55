"""Forgetting a person: out of the warehouse, out of what is published, and never back in from an old export.

DELETE leaves the bytes of a row in a DuckDB file, so the file is written anew. What remains is a tombstone: a
pseudonym of the pseudonym, from which nobody can get back to either, and by which a load knows whom to leave out.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import duckdb

from connectors import notes, tabular_file
from connectors.errors import SourceError
from pipelines import lock, night, raw, warehouse
from pipelines.company import Company
from pipelines.credentials import FORGOTTEN, pseudonyms, tombstones

# A deal is the company's: it stays, without the person.
EMPTIED = {("exports_deals", "contact_id")}
PERSONAL = ("person_id", "contact_id", "client_id")
QUARANTINED = {**dict.fromkeys(("contact_id", "kept_id", "merged_id", "merged_into_id"), "contact_id"),
               "person_id": "person_id", "subscriber_id": "person_id", "client_id": "client_id"}  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What forgetting changed (rows of each raw table) and what a search found afterwards: ``traces`` in the state
    folder (none, if all went well) and files of the company's own that still name the person."""

    changed: Mapping[str, int]
    traces: list[str]
    own_files: list[str]
    searched: int


@dataclass(frozen=True)
class Person:
    """By what the warehouse knows someone: values of the columns of ``PERSONAL``."""

    ids: Mapping[str, frozenset[str]]

    def of(self, column: str) -> list[str]:
        return sorted(self.ids.get(column, ()))


def forget(company: Company, email: str | None, contact_id: str | None, tell: Callable[[str], None]) -> Done:
    """Forget the person of an address or of a contact's id; running it again finishes what a kill interrupted.

    The caller holds the company's lock. Raises SourceError when the marts cannot be built and published again:
    the tombstone then stands, but the published file still counts the person.
    """
    state = company.state
    people = {pseudonyms(state).person(email)} if email else set()
    contacts = {contact_id} if contact_id else set()
    path = state / "warehouse.duckdb"
    person = Person({"person_id": frozenset(people), "contact_id": frozenset(contacts)})
    changed: dict[str, int] = {}
    if path.exists():
        with warehouse.connect(path) as con:
            warehouse.prepare(con, raw.ALL_TABLES)
            person = find(con, people, contacts)
            bury(state, person)
            changed = erase(con, person)
            as_of = warehouse.last_night(con)
        tell(
            "removed from the warehouse: "
            + (", ".join(f"{table} {rows}" for table, rows in changed.items()) or "no rows")
        )
        if as_of:
            tell("building and publishing the marts without them")
            outcome = night.rebuild(company, as_of)
            if outcome.problems:
                remedy = "mend that and run the same command again; they are not loaded any more meanwhile"
                raise SourceError("gyakusan forget", "\n".join(outcome.problems), remedy)
            lock.take(state)
        tell("writing the warehouse anew")
        rewrite(path)
    else:
        bury(state, person)
    own = [str(name) for name in _own_files(company) if email and _holds(name, _spellings(email))]
    return Done(changed, traces(state, email, person), own, len(_files(state)))


def _own_files(company: Company) -> list[Path]:
    """The files that a night would read and that may name people; those that are not there hold nobody."""
    found = {company.folder / notes.NAME}
    for pattern in {pattern for kind in company.sources.exports.values() for entry in kind for pattern in entry.file}:
        with suppress(SourceError):
            found.add(tabular_file.newest(company.folder, pattern)[0])
    return sorted(path for path in found if path.is_file())


def _spellings(email: str) -> set[str]:
    plain = email.strip()
    return {plain, plain.lower(), quote(plain.lower(), safe="")}


def bury(state: Path, person: Person) -> None:
    """Write the tombstones. From here on no load brings the person back, whatever happens to the rest."""
    of = pseudonyms(state)
    stones = {of.tombstone(column, value) for column in PERSONAL for value in person.of(column)} | tombstones(state)
    draft = state / f"{FORGOTTEN}.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("".join(f"{stone}\n" for stone in sorted(stones)))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(state / FORGOTTEN)


def find(con: duckdb.DuckDBPyConnection, people: Set[str], contacts: Set[str]) -> Person:
    """Everything that the warehouse knows the person of these pseudonyms and contact ids by: all contacts of the
    address, those merged with them, and the client ids of browsers that no other contact has used."""
    while True:
        rows = con.execute(
            "select contact_id, person_id, merged_ids, merged_into_id from raw.exports_contacts"
            " where list_contains(?, person_id) or list_contains(?, contact_id) or list_contains(?, merged_into_id)",
            [list(people), list(contacts), list(contacts)],
        ).fetchall()
        merged = con.execute(
            "select merged_id, kept_id from raw.exports_merges"
            " where object = 'contact' and (list_contains(?, kept_id) or list_contains(?, merged_id))",
            [list(contacts), list(contacts)],
        ).fetchall()
        ids = {part for row in merged for part in row}
        for contact, _, merged_ids, merged_into in rows:
            ids |= {contact, merged_into, *(merged_ids or "").split(";")}
        known = people | {row[1] for row in rows} - {None}, contacts | ids - {None, ""}
        if known == (people, contacts):
            found = {"person_id": people, "contact_id": contacts, "client_id": _browsers(con, contacts)}
            return Person({column: frozenset(values) for column, values in found.items()})
        people, contacts = known


def _browsers(con: duckdb.DuckDBPyConnection, contacts: Set[str]) -> set[str]:
    rows = con.execute(
        "select client_id from raw.exports_contacts where client_id is not null"
        " group by client_id having bool_and(list_contains(?, contact_id))",
        [list(contacts)],
    ).fetchall()
    return {client for (client,) in rows}


def erase(con: duckdb.DuckDBPyConnection, person: Person) -> dict[str, int]:
    """Delete the person's rows of all raw tables in one transaction. Returns the rows changed in each table."""
    changed: dict[str, int] = {}
    con.begin()
    try:
        for table, where, values in _rows_of(con, person):
            column = next((column for of, column in EMPTIED if of == table), None)
            verb = f"update raw.{table} set {column} = null" if column else f"delete from raw.{table}"
            row = con.execute(f"{verb} where {where}", values).fetchone()
            if row and row[0]:
                changed[table] = changed.get(table, 0) + int(row[0])
        con.commit()
    except BaseException:
        con.rollback()
        raise
    return changed


def _rows_of(con: duckdb.DuckDBPyConnection, person: Person) -> Iterator[tuple[str, str, list[object]]]:
    """Each raw table with the condition by which rows are the person's."""
    tables = con.execute(
        "select table_name, list(column_name) from duckdb_columns() where schema_name = 'raw' group by 1 order by 1"
    ).fetchall()
    for table, columns in tables:
        for column in PERSONAL:
            if column in columns:
                yield table, f"list_contains(?, {column})", [person.of(column)]
        if {"object", "object_id"} <= set(columns):
            yield table, "object = 'contact' and list_contains(?, object_id)", [person.of("contact_id")]
        if {"kept_id", "merged_id"} <= set(columns):
            ids = person.of("contact_id")
            yield table, "object = 'contact' and (list_contains(?, kept_id) or list_contains(?, merged_id))", [ids, ids]
        if "rest" in columns:  # the readable cells of a quarantined row, by our columns
            for key, known_as in QUARANTINED.items():
                yield table, f"list_contains(?, rest ->> '{key}')", [person.of(known_as)]


def rewrite(path: Path) -> None:
    """Write a DuckDB file anew, without the bytes of what was deleted. Nobody else may have it open."""
    new = path.with_name(path.name + ".new")
    for leftover in (new, new.with_name(new.name + ".wal")):
        leftover.unlink(missing_ok=True)
    with warehouse.connect(path) as con:
        (name,) = con.execute("select current_database()").fetchone() or ("",)
        quoted = str(new).replace("'", "''")
        con.execute(f"attach '{quoted}' as rewritten")
        con.execute(f'copy from database "{name}" to rewritten')
        con.execute("checkpoint rewritten")
        con.execute("detach rewritten")
    os.replace(new, path)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def traces(state: Path, email: str | None, person: Person) -> list[str]:
    """Where the address or its pseudonym still stands: files by their bytes, DuckDB tables by their values too
    (compression hides bytes). Empty when the person is forgotten."""
    needles = {*person.of("person_id"), *person.of("client_id")}
    if email:
        needles |= _spellings(email)
    found = [str(path.relative_to(state)) for path in _files(state) if _holds(path, needles)]
    for path in _files(state):
        if path.suffix == ".duckdb":
            found += [f"{path.name}: {table}" for table in _tables_with(path, needles)]
    if (state / "warehouse.duckdb").exists():
        with warehouse.connect(state / "warehouse.duckdb") as con:
            for table, where, values in _rows_of(con, person):
                (count,) = con.execute(f"select count(*) from raw.{table} where {where}", values).fetchone() or (0,)
                if count:
                    found.append(f"warehouse.duckdb: raw.{table} ({count} rows)")
    return sorted(set(found))


def _files(state: Path) -> list[Path]:
    return [path for path in sorted(state.rglob("*")) if path.is_file()]


def _holds(path: Path, needles: Iterable[str]) -> bool:
    wanted = [coded for needle in needles for coded in (needle.encode(), needle.encode("utf-16-le"))]
    longest = max(map(len, wanted), default=0)
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            window = tail + chunk
            if any(needle in window for needle in wanted):
                return True
            tail = window[-longest:]
    return False


def _tables_with(path: Path, needles: set[str]) -> list[str]:
    with duckdb.connect(str(path), read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where data_type = 'VARCHAR' and not internal order by all"
        ).fetchall()
        found = set()
        for schema, table, column in columns:
            for needle in needles:
                sql = f'select 1 from "{schema}"."{table}" where contains(lower("{column}"), lower(?)) limit 1'
                if con.execute(sql, [needle]).fetchone():
                    found.add(f"{schema}.{table}")
    return sorted(found)
