"""What a connector declares (:class:`Table`) and what it hands over (:class:`Load`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pyarrow as pa


@dataclass(frozen=True)
class Table:
    """A table that Python writes: its layer and name are the asset key ``raw/<name>`` and the table ``raw.<name>``.

    ``schema`` holds the columns (a column that may be empty is nullable), ``key`` the columns that together
    name a row. ``date_column`` is the column that a span of days is cut by; ``None`` marks a snapshot, replaced
    as a whole. ``restated_days`` is how many days before the first new one the source may still change.
    """

    name: str
    description: str
    schema: pa.Schema
    key: tuple[str, ...]
    date_column: str | None = None
    restated_days: int = 0
    layer: str = "raw"

    @property
    def path(self) -> str:
        """Its name in the warehouse: ``raw.<name>``."""
        return f"{self.layer}.{self.name}"

    def span(self, first: date, last: date) -> tuple[date, date]:
        """The days to read so that the new days ``first..last`` and every restated one are right."""
        return first - timedelta(days=self.restated_days), last


@dataclass(frozen=True)
class Fetch:
    """One request to a source, as the row it leaves in ``raw.fetches``."""

    table_name: str
    request: str
    window_start: date | None
    window_end: date | None
    row_count: int
    fetched_at: datetime
    """In UTC, without a zone."""
    duration_seconds: float
    retries: int = 0
    flags: tuple[str, ...] = ()
    """What the source said of its own answer: ``sampled``, ``thresholded``, ``other_row``, ``truncated``, ..."""
    quota: Mapping[str, int] = field(default_factory=dict)
    """What is left of each quota after this request, by the source's own name for it."""
    tokens: int | None = None
    """What this request took of them, where the source counts in tokens."""
    error: str | None = None
    changed_at: datetime | None = None
    """Of a file: when it was last written to (UTC)."""


PLACE = pa.schema([("file", pa.string()), ("line", pa.int64())])
"""Where a row of a file stands, behind the columns of the table in a batch of a load that has an Intake."""


@dataclass(frozen=True)
class SetAside:
    """A row of a file that is not loaded, as the row it leaves in ``raw.quarantine``.

    ``column`` is the header in the file, ``value_class`` what kind of text stands there, never the text of a person.
    A row that cannot be read ``is_rejected``; others have one of the reasons deleted, duplicate and superseded.
    """

    file: str
    line: int
    column: str | None
    value_class: str | None
    reason: str
    remedy: str | None
    is_rejected: bool
    rest: str | None = None
    """JSON of the cells of the row that could be read, by our columns."""


@dataclass
class Intake:
    """What became of the rows of files: those that were read are loaded, rejected or set aside for another reason.

    ``rows`` are listed while the batches are drawn, and taken out by whoever writes them down. ``set_aside`` counts
    those that are not asked for or a footer, too, which are not listed.
    """

    may_shrink: bool
    rows: list[SetAside] = field(default_factory=list)
    read: int = 0
    rejected: int = 0
    set_aside: int = 0


@dataclass
class Load:
    """Rows that replace ``start..end`` of a table, or the whole of a snapshot (both ``None``). A table that is not a
    snapshot and ``None`` for both: an answer that replaces nothing, and has no rows.

    ``batches`` is drawn once, and only a generator that ends without an error may be committed: a connector
    raises from it when an answer is incomplete. ``fetches`` grows while it is drawn.
    """

    table: Table
    start: date | None
    end: date | None
    batches: Iterator[pa.RecordBatch]
    fetches: list[Fetch]
    warnings: list[str] = field(default_factory=list)
    """What a person should know although the load is right, such as days that were lost before it."""
    notes: list[str] = field(default_factory=list)
    """What is said once it is kept: how far a long load has come."""
    intake: Intake | None = None
    """For files. Their batches have the columns of PLACE too, their rows come in the order in which the later of two
    with one key counts, and so does the newer where the table has ``modified_at``."""


def columns(required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType] | None = None) -> pa.Schema:
    """A schema of columns that must be filled and columns that may be empty."""
    return pa.schema(
        [pa.field(name, kind, nullable=False) for name, kind in required.items()]
        + [pa.field(name, kind) for name, kind in (optional or {}).items()]
    )
