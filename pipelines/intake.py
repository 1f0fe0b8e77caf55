"""What becomes of the rows of a file beside its table: where each stands, which are set aside, and of several rows
with one key the one that counts.

Nothing here grows with a file but the four bytes of each row's line: rows that are set aside wait in a temporary file,
because a load that fails takes its transaction back and still keeps its quarantine.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO

import duckdb
import pyarrow as pa

from connectors.errors import SourceError
from connectors.table import Intake, Load, Table, columns

TEXT, COUNT, MOMENT = pa.string(), pa.int64(), pa.timestamp("us")
QUARANTINE = Table(
    "quarantine",
    "One row per row of a file that the last load of its table did not take. is_rejected: it could not be read, for "
    "the reason named; others are deleted, duplicate or superseded. column_name is the header in the file, "
    "value_class what kind of text stands there, rest the cells that could be read, as JSON by our columns.",
    columns(
        {
            "table_name": TEXT,
            "file": TEXT,
            "line": COUNT,
            "reason": TEXT,
            "is_rejected": pa.bool_(),
            "loaded_at": MOMENT,
        },
        {"column_name": TEXT, "value_class": TEXT, "remedy": TEXT, "rest": TEXT},
    ),
    key=("table_name", "file", "line"),
)


class Rows:
    """The rows of a load of files while it is written by ``con``; ``spool`` is a temporary file of its own."""

    def __init__(self, con: duckdb.DuckDBPyConnection, load: Load, intake: Intake, spool: IO[bytes]) -> None:
        self._con, self._load, self._intake, self._spool = con, load, intake, spool
        self._writer = pa.ipc.new_stream(spool, QUARANTINE.schema)
        self._places: list[tuple[str, pa.UInt32Array]] = []
        self._failure: BaseException | None = None
        self._loaded_at = datetime.now(UTC).replace(tzinfo=None)

    def insert(self, checked: Callable[[pa.RecordBatch], pa.RecordBatch]) -> int:
        """Insert the rows, of those with one key only one, and write the quarantine. Returns how many rows stay.

        Raises what the load raises, and SourceError when the rows are half as many as at the last load, or fewer.
        """
        batches = pa.RecordBatchReader.from_batches(self._load.table.schema, self._batches(checked))
        # One statement for all of them: DuckDB writes to disk what it has read, and memory stays flat.
        self._con.register("batches", batches)
        try:
            self._con.execute(f"insert into {self._load.table.path} by name from batches")
        except duckdb.Error as error:
            raise self._failure or error from None
        self._con.unregister("batches")
        self._insert_quarantine()
        rows = sum(len(lines) for _, lines in self._places) - self._keep_one_of_each_key()
        last = self._con.execute(
            "select row_count from raw.loads where table_name = ? order by loaded_at desc limit 1",
            [self._load.table.name],
        ).fetchone()
        if last and last[0] and 2 * rows <= last[0] and not self._intake.may_shrink:
            raise SourceError(
                ", ".join(fetch.request for fetch in self._load.fetches),
                f"gives {rows:,} rows where the last load gave {last[0]:,}: the export may be cut off or filtered",
                "export everything again; or write `may_shrink: true` below the file in company.yml, if so many rows "
                "are really gone. The last good data stay",
            )
        return rows

    def _batches(self, checked: Callable[[pa.RecordBatch], pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The columns of the table; where the rows stand is noted, and what was set aside is written down."""
        try:
            for batch in self._load.batches:
                lines = batch.column("line").cast(pa.uint32())
                self._places.append((batch.column("file")[0].as_py() if len(lines) else "", lines))
                self._write_down()
                yield checked(batch.select(self._load.table.schema.names))
        except BaseException as error:  # DuckDB would pass on its text alone
            self._failure = error
            raise

    def keep_quarantine(self) -> None:
        """After the load was taken back: what was set aside until then."""
        self._write_down()
        self._con.begin()
        self._insert_quarantine()
        self._con.commit()

    def _write_down(self) -> None:
        if self._intake.rows:
            rows = [
                {
                    "table_name": self._load.table.name,
                    "file": row.file,
                    "line": row.line,
                    "reason": row.reason,
                    "is_rejected": row.is_rejected,
                    "loaded_at": self._loaded_at,
                    "column_name": row.column,
                    "value_class": row.value_class,
                    "remedy": row.remedy,
                    "rest": row.rest,
                }
                for row in self._intake.rows
            ]
            self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=QUARANTINE.schema))
            self._intake.rows.clear()

    def _insert_quarantine(self) -> None:
        self._write_down()
        self._writer.close()
        self._spool.seek(0)
        self._con.execute("delete from raw.quarantine where table_name = ?", [self._load.table.name])
        self._con.register("set_aside", pa.ipc.open_stream(self._spool))
        self._con.execute("insert into raw.quarantine by name from set_aside")
        self._con.unregister("set_aside")

    def _keep_one_of_each_key(self) -> int:
        """Of several rows with one key the newest stays, else the one read last. Returns how many others there were.

        The table was emptied in this transaction, so that the order of its rowids is the order of reading.
        """
        table, con = self._load.table, self._con
        key = ", ".join(table.key)
        repeated = f"select {key} from {table.path} group by {key} having count(*) > 1"
        if not con.execute(f"{repeated} limit 1").fetchall():
            return 0
        alike = " and ".join(f"found.{name} is not distinct from repeated.{name}" for name in table.key)
        newest = "modified_at desc nulls last, " if "modified_at" in table.schema.names else ""
        con.execute(f"""
            create or replace temp table others as
            with repeated as ({repeated}),
            ranked as (
                select found.rowid as id, found as content, row_number() over one_key as place,
                    first_value(found) over one_key as kept
                from {table.path} as found
                inner join repeated on {alike}
                window one_key as (
                    partition by {", ".join(f"found.{name}" for name in table.key)} order by {newest}found.rowid desc
                )
            )
            select id, content, content is not distinct from kept as is_same from ranked where place > 1
        """)
        places = (
            pa.RecordBatch.from_arrays([pa.repeat(file, len(lines)), lines], names=["file", "line"])
            for file, lines in self._places
        )
        schema = pa.schema([("file", TEXT), ("line", pa.uint32())])
        con.register("places", pa.RecordBatchReader.from_batches(schema, places))
        con.execute(
            f"""
            insert into raw.quarantine by name
            with numbered as (select rowid as id, row_number() over (order by rowid) as place from {table.path}),
            placed as (select file, line, row_number() over () as place from places)
            select ? as table_name, placed.file, placed.line,
                case when others.is_same then 'duplicate' else 'superseded' end as reason, false as is_rejected,
                ? as loaded_at, to_json(others.content) as rest
            from others inner join numbered using (id) inner join placed using (place)
            """,
            [table.name, self._loaded_at],
        )
        con.unregister("places")
        gone = con.execute(f"delete from {table.path} where rowid in (select id from others)").fetchone()
        con.execute("drop table others")
        count = int(gone[0]) if gone else 0
        self._intake.set_aside += count
        return count
