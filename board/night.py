"""One published night, opened so that its rows can be read and nothing else can be done.

DuckDB keeps one database for a path in a process, so a file that was replaced is only seen once every connection to the
old one is closed. Readers therefore take turns: whoever reads sees one night from beginning to end.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from connectors.errors import SourceError

LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "lock_configuration": True,
    "memory_limit": "256MB",
    "temp_directory": "",
    "threads": 2,
}
"""Nothing but the file itself is read, nothing is written, and no setting can be changed back."""

log = logging.getLogger(__name__)
KEPT_ROWS = 20_000
"""So many rows of answers a night remembers: some 16 MB."""
Row = dict[str, Any]


class Busy(Exception):
    """Other readers took longer than this one would wait."""


class NotPublished(Exception):
    """There are no marts to show; ``reason`` is no_night, earlier_version or unreadable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Night:
    """The marts of one night."""

    con: duckdb.DuckDBPyConnection
    as_of: date
    published_at: datetime
    run_id: str
    _asked: dict[Any, list[Row]] = field(default_factory=dict, repr=False)

    @property
    def snapshot(self) -> str:
        """What page, workbook and slides of one night have in common."""
        return f"{self.as_of:%Y%m%d}-{self.run_id[:8]}"

    def rows(self, queries: Path, name: str, **values: object) -> list[Row]:
        """The rows of a query of a file, with its ``$places`` filled by values; read by many, so not to be changed.

        The night does not change, so what was asked once is not asked again.
        """
        key = queries, name, tuple(sorted(values.items()))
        if key not in self._asked:
            found = self._ask(_queries(queries)[name], values)
            if sum(1 + len(rows) for rows in self._asked.values()) + len(found) > KEPT_ROWS:
                self._asked.clear()
            self._asked[key] = found
        return self._asked[key]

    def _ask(self, sql: str, values: Mapping[str, object]) -> list[Row]:
        try:
            answer = self.con.execute(sql, values or None)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise NotPublished("earlier_version") from error
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def row(self, queries: Path, name: str, **values: object) -> Row | None:
        """The one row of a query, or None."""
        found = self.rows(queries, name, **values)
        return found[0] if found else None


@cache
def _queries(path: Path) -> Mapping[str, str]:
    """The queries of a file by the names in front of them: ``-- name: lines``."""
    parts = re.split(r"^-- name: (\w+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


class Nights:
    """The newest published night of a file, opened again when the file is replaced."""

    def __init__(self, path: Path, patience: float = 5.0) -> None:
        self._path = path
        self._patience = patience
        self._lock = Lock()
        self._night: Night | None = None
        self._opened: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Night]:
        """The newest night, this reader's own until it is done. Raises NotPublished, Busy."""
        if not self._lock.acquire(timeout=self._patience):
            raise Busy
        try:
            yield self._current()
        except duckdb.Error as error:
            log.exception("the published marts could not be read")
            self.close()  # a connection that met damage answers nothing any more
            raise NotPublished("unreadable") from error
        finally:
            self._lock.release()

    def _current(self) -> Night:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise NotPublished("no_night") from None
        file = found.st_ino, found.st_mtime_ns
        if self._night is None or file != self._opened:
            self.close()
            self._night, self._opened = open_night(self._path), file
        return self._night

    def close(self) -> None:
        """Let go of the file."""
        if self._night:
            self._night.con.close()
        self._night = self._opened = None


def open_night(path: Path) -> Night:
    """Open a marts file for reading alone. Raises NotPublished for a file without a night in it."""
    try:
        con = duckdb.connect(str(path), read_only=True, config=LOCKED_DOWN)
    except duckdb.Error as error:  # damaged, locked by a writer, or of a version to come
        raise NotPublished("unreadable") from error
    try:
        row = con.execute("select as_of, published_at, run_id from publication").fetchone()
    except duckdb.Error as error:
        con.close()
        is_other = isinstance(error, duckdb.CatalogException | duckdb.BinderException)
        raise NotPublished("earlier_version" if is_other else "unreadable") from error
    assert row is not None
    return Night(con, row[0], row[1].replace(tzinfo=UTC), row[2])


@contextmanager
def opened(path: Path) -> Iterator[Night]:
    """The night of a marts file, for a command. Raises SourceError where none was published yet."""
    if not path.exists():
        raise SourceError(str(path), "no marts have been published yet", "run: gyakusan nightly")
    try:
        night = open_night(path)
        try:
            yield night
        finally:
            night.con.close()
    except NotPublished as error:
        problem = "cannot be read" if error.reason == "unreadable" else "was published by an earlier version"
        raise SourceError(str(path), problem, "run: gyakusan nightly") from None
