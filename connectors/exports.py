"""Files (CSV, TSV, XLSX, Parquet) that MA, SFA, CRM and social tools export.

The files of a kind are together the whole of what the tools know on the day of the export, so they replace its
table. company.yml says which header holds which of our columns and what the file's values mean. Only the columns
named there are read. A row that cannot be read is set aside with its reason; where these are more than one in a
hundred, the load fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import pyarrow as pa

from connectors import export_file, export_rows, tabular_file
from connectors.errors import SourceError
from connectors.export_columns import Company
from connectors.export_settings import ExportFile
from connectors.export_tables import KINDS
from connectors.personal import Pseudonyms
from connectors.table import Fetch, Intake, Load, SetAside

REJECTED_AT_MOST = 0.01
"""The share of a kind's rows that may be rejected; above it more than the rows is wrong."""


def load(
    files: Mapping[str, Sequence[ExportFile]], folder: Path, timezone: str, currency: str, pseudonyms: Pseudonyms
) -> Iterator[Load]:
    """One load per kind of file, each replacing the whole of its table with the rows of all its files.

    Paths are relative to ``folder``; times without an offset are in ``timezone``, and days are days there; rows of
    another ``currency`` (ISO 4217) are rejected. While a load is drawn, SourceError is raised for a file that is
    missing, in another encoding or without a mapped header, and at its end when too many rows are rejected. Memory
    holds one block of rows, however long the file.
    """
    company = Company(ZoneInfo(timezone), currency, pseudonyms)
    for kind in (kind for kind in KINDS if kind in files):  # contacts come first
        entries = files[kind]
        fetches: list[Fetch] = []
        intake = Intake(any(entry.may_shrink for entry in entries))
        batches = _batches(kind, entries, folder, company, fetches, intake)
        yield Load(KINDS[kind], None, None, batches, fetches, intake=intake)


def found_columns(kind: str, settings: ExportFile, folder: Path | None) -> frozenset[str]:
    """Our columns that a file of the settings has, by its header; of a file that is not there yet, the mapped ones."""
    found: set[str] = set()
    for pattern in settings.file:
        try:
            found |= export_file.opened(kind, settings, folder or Path(), pattern).positions.keys()
        except SourceError:
            return frozenset(settings.columns)
    return frozenset(found)


@dataclass(frozen=True)
class Sample:
    """What the beginning of a file shows, read as a night would read it."""

    name: str
    modified_at: datetime
    rows: int
    rejected: int
    first_rejected: SourceError | None
    columns: tuple[str, ...]
    """Our columns that the file has."""
    lacking: tuple[str, ...]
    """Our columns that it may lack, and does."""


def sample(kind: str, settings: ExportFile, pattern: str, folder: Path, company: Company) -> Sample:
    """Read the first block of rows of a file (some megabytes). Raises SourceError as :func:`load` does for it."""
    file, intake = export_file.opened(kind, settings, folder, pattern), Intake(may_shrink=True)
    next(export_rows.batches(file, company, intake), None)
    first = next((row for row in intake.rows if row.is_rejected), None)
    return Sample(
        file.name,
        _changed_at(folder, pattern),
        intake.read,
        intake.rejected,
        SourceError(_where(first), first.reason, first.remedy or "") if first else None,
        tuple(file.positions),
        tuple(column for column in settings.columns if column not in file.positions),
    )


def _batches(
    kind: str, entries: Sequence[ExportFile], folder: Path, company: Company, fetches: list[Fetch], intake: Intake
) -> Iterator[pa.RecordBatch]:
    first: list[SetAside] = []
    remedy = ""
    for entry in entries:
        for pattern in entry.file:
            fetched_at, started, row_count, seen = datetime.now(UTC), perf_counter(), 0, len(intake.rows)
            file = export_file.opened(kind, entry, folder, pattern)
            for batch in export_rows.batches(file, company, intake):
                first += [row for row in intake.rows[seen:] if row.is_rejected][: 3 - len(first)]
                yield batch
                seen = len(intake.rows)
                row_count += batch.num_rows
            remedy = remedy or (first[0].remedy or "" if first else "")
            duration, changed_at = perf_counter() - started, _changed_at(folder, pattern)
            fetches.append(
                Fetch(KINDS[kind].name, file.name, None, None, row_count, fetched_at, duration, changed_at=changed_at)
            )
    if intake.rejected > REJECTED_AT_MOST * intake.read:
        shown = "; ".join(map(_reason, first))
        raise SourceError(
            ", ".join(dict.fromkeys(row.file for row in first)),
            f"{intake.rejected:,} of {intake.read:,} rows of {kind} cannot be read, more than "
            f"{REJECTED_AT_MOST:.0%}: {shown}{'; ...' if intake.rejected > len(first) else ''}",
            f"{remedy}. All of them are in raw.quarantine of .gyakusan/warehouse.duckdb; the last good data stay",
        )


def _changed_at(folder: Path, pattern: str) -> datetime:
    return datetime.fromtimestamp(tabular_file.newest(folder, pattern)[0].stat().st_mtime, UTC)


def _reason(row: SetAside) -> str:
    return f"{_where(row)} {row.reason}"


def _where(row: SetAside) -> str:
    column = f" column {row.column}" if row.column else ""
    return f"{row.file} {tabular_file.row_word(row.file)} {row.line}{column}"
