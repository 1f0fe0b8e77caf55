"""Forgetting a person: out of the warehouse, out of what is published, and never back in from an old export.

DELETE leaves the bytes of a row in a DuckDB file, so the file is written anew. What remains is a tombstone: a
pseudonym of the pseudonym, from which nobody can get back to either, and by which a load knows whom to leave out.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import duckdb

from connectors import tabular_file
from connectors.errors import SourceError
from pipelines import lock, night, raw, warehouse
from pipelines.company import Company
from pipelines.credentials import FORGOTTEN, pseudonyms, tombstones

# A deal is the company's: it stays, without the person.
EMPTIED = {("exports_deals", "contact_id")}
PERSONAL = ("person_id", "contact_id", "client_id")


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
    person_id = pseudonyms(state).person(email) if email else None
    path = state / "warehouse.duckdb"
    known = frozenset({person_id} - {None}), frozenset({contact_id} - {None})
    person = Person({"person_id": known[0], "contact_id": known[1]})  # type: ignore[dict-item]
    changed: dict[str, int] = {}
    if path.exists():
        with warehouse.connect(path) as con:
            warehouse.prepare(con, raw.ALL_TABLES)
            person = find(con, person_id, contact_id)
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
    kinds = company.sources.exports.values()
    return sorted(
        {tabular_file.newest(company.folder, pattern)[0] for kind in kinds for entry in kind for pattern in entry.file}
    )


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


def find(con: duckdb.DuckDBPyConnection, person_id: str | None, contact_id: str | None) -> Person:
    """Everything that the warehouse knows the person by: all contacts of the address, those merged with them, and
    the client ids of their browsers."""
    people, contacts = {person_id} - {None}, {contact_id} - {None}
    while True:
        rows = con.execute(
            "select contact_id, person_id, client_id, merged_ids, merged_into_id from raw.exports_contacts"
            " where list_contains(?, person_id) or list_contains(?, contact_id) or list_contains(?, merged_into_id)",
            [list(people), list(contacts), list(contacts)],
        ).fetchall()
        merged = con.execute(
            "select merged_id, kept_id from raw.exports_merges"
            " where object = 'contact' and (list_contains(?, kept_id) or list_contains(?, merged_id))",
            [list(contacts), list(contacts)],
        ).fetchall()
        found = {row[0] for row in rows} | {part for row in rows for part in (row[3] or "").split(";")}
        found |= {row[4] for row in rows} | {part for row in merged for part in row}
        known = people | {row[1] for row in rows} - {None}, contacts | found - {None, ""}
        if known == (people, contacts):
            clients = {row[2] for row in rows} - {None}
            ids = {"person_id": people, "contact_id": contacts, "client_id": clients}
            return Person({column: frozenset(map(str, values)) for column, values in ids.items()})
        people, contacts = known


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
        if "rest" in columns:  # the readable cells of a quarantined row
            values = [value for column in PERSONAL for value in person.of(column)]
            yield table, "list_any_value([v for v in ? if contains(rest, '\"' || v || '\"')]) is not null", [values]


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
            if any(needle in tail + chunk for needle in wanted):
                return True
            tail = chunk[-longest:]
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
