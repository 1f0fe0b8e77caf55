"""The rows of an exported file that are loaded; those that are not are set aside with their reason."""

import json
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connectors import cells, export_columns, export_file, export_notation
from connectors.export_columns import Bad, BadRows, Company, Reading, find_other_currencies, flag, read_column
from connectors.export_file import Block, File
from connectors.export_tables import KINDS, MADE_FROM, MOMENT, READ_FROM, TEXT
from connectors.table import PLACE, Intake, SetAside


def batches(file: File, company: Company, intake: Intake) -> Iterator[pa.RecordBatch]:
    """The rows of a file as they are loaded, a batch for each block; what is not loaded goes to the intake."""
    readings = export_columns.readings(file, company, None)
    for block in export_file.blocks(file, intake):
        try:
            batch = _batch(block, readings, company, intake)
        except cells.Undecided:
            readings = export_columns.readings(file, company, export_notation.written(file))
            batch = _batch(block, readings, company, intake)
        intake.read += len(block.ragged)
        intake.rejected += len(block.ragged)
        intake.rows += [_ragged(file, line, count) for line, count in block.ragged]
        yield batch


def _ragged(file: File, line: int, count: int) -> SetAside:
    reason = f"has {count} cells where the header has {len(file.tabular.headers)}"
    remedy = "correct the row, or the `delimiter:` of the file in company.yml"
    return SetAside(file.name, line, None, f"{count} cells", reason, remedy, is_rejected=True)


def _batch(block: Block, readings: Sequence[Reading], company: Company, intake: Intake) -> pa.RecordBatch:
    """The rows of a block that are loaded; those that are not go to the intake. Raises cells.Undecided."""
    file, read = block.file, len(block.lines)
    block = block.asked_for()
    bad: BadRows = {}
    deleted = _true_rows(read_column(flag("is_deleted"), block, bad))
    columns = {reading.field.name: read_column(reading, block, bad) for reading in readings}
    find_other_currencies(block, company, bad)
    if {"is_won", "is_closed"} <= file.positions.keys():
        won, closed = (read_column(flag(name), block, bad) for name in ("is_won", "is_closed"))
        columns["status"] = pc.if_else(won, "won", pc.if_else(closed, "lost", "open"))
    if file.kind == "deals" and company.pseudonyms.has_forgotten:  # the deal is the company's, and stays
        gone = pc.is_in(columns["contact_id"], _forgotten_ids(columns["contact_id"], "contact_id", company))
        columns["contact_id"] = pc.if_else(gone, pa.scalar(None, TEXT), columns["contact_id"])
    for (kind, name), made in MADE_FROM.items():
        if kind == file.kind:
            columns[name] = pc.coalesce(columns[name], _made(columns, made))
    for field in KINDS[file.kind].schema:
        if not field.nullable and columns[field.name].null_count:
            for row in pc.indices_nonzero(columns[field.name].is_null()).to_pylist():
                bad.setdefault(row, Bad(field.name, None, "is empty", "fill it in where the file comes from"))
    batch = pa.RecordBatch.from_arrays(
        [
            *(columns[name] for name in KINDS[file.kind].schema.names),
            pa.repeat(file.name, len(block.lines)),
            block.lines,
        ],
        schema=pa.schema([*KINDS[file.kind].schema.remove_metadata(), *PLACE]),
    )
    forgotten = _forgotten(file.kind, batch, company)
    deleted = [row for row in deleted if row not in forgotten]
    bad = {row: why for row, why in bad.items() if row not in forgotten}
    aside = sorted({*deleted, *bad})
    intake.rows += _set_aside(batch.take(pa.array(aside, pa.int64())), aside, file, bad, set(deleted)) if aside else []
    intake.read += read
    intake.set_aside += read - len(block.lines) + len(deleted) + len(forgotten)
    intake.rejected += len(aside) - len(deleted)
    gone = pa.array([*aside, *forgotten], pa.int64())
    return batch.filter(pc.invert(pc.is_in(pa.arange(0, len(batch)), gone))) if len(gone) else batch


_PERSONS = {"person_id": "person_id", "subscriber_id": "person_id", "contact_id": "contact_id",
            "merged_into_id": "contact_id", "kept_id": "contact_id", "merged_id": "contact_id"}  # fmt: skip
"""Columns that say whose a row is, and by what a tombstone knows the person."""


def _forgotten(kind: str, batch: pa.RecordBatch, company: Company) -> frozenset[int]:
    """The rows of those who were forgotten: nothing of them is loaded or listed."""
    found: set[int] = set()
    if kind == "deals" or not company.pseudonyms.has_forgotten:
        return frozenset()
    for name, known_as in _PERSONS.items():
        if name in batch.schema.names:
            found.update(_true_rows(pc.is_in(batch[name], _forgotten_ids(batch[name], known_as, company))))
    if kind == "merges":
        found -= set(_true_rows(pc.not_equal(batch["object"], "contact")))
    if kind == "contacts":
        company.forgotten_contacts.update(batch["contact_id"].take(pa.array(found, pa.int64())).drop_null().to_pylist())
    return frozenset(found)


def _forgotten_ids(ids: pa.StringArray, known_as: str, company: Company) -> pa.StringArray:
    also = company.forgotten_contacts if known_as == "contact_id" else ()
    different = ids.unique().drop_null().to_pylist()
    return pa.array(
        [each for each in different if each in also or company.pseudonyms.is_forgotten(known_as, each)], TEXT
    )


def _set_aside(
    rows: pa.RecordBatch, numbers: Sequence[int], file: File, bad: BadRows, deleted: set[int]
) -> Iterator[SetAside]:
    for number, row in zip(numbers, rows.to_pylist(), strict=True):
        name, line = row.pop("file"), row.pop("line")
        if number in deleted:
            header = file.header("is_deleted")
            yield SetAside(name, line, header, None, "deleted", None, is_rejected=False, rest=_json(row))
        else:
            why = bad[number]
            header, shown = file.header(why.column), cells.described(why.text)
            # What cannot be read as one column of ours may be a name: it is not kept as another one of them either.
            rest = {key: value for key, value in row.items() if file.header(READ_FROM.get(key, key)) != header}
            yield SetAside(name, line, header, shown, why.problem, why.remedy, is_rejected=True, rest=_json(rest))


def _json(row: Mapping[str, object]) -> str:
    return json.dumps({key: str(value) for key, value in row.items() if value is not None}, ensure_ascii=False)


def _true_rows(flags: pa.BooleanArray) -> list[int]:
    found: list[int] = pc.indices_nonzero(flags).to_pylist()
    return found


def _made(columns: Mapping[str, pa.Array], names: Sequence[str]) -> pa.StringArray:
    """A readable id of other columns: the first that says who, and what else tells the rows of one apart."""
    who = pc.coalesce(*(columns[name] for name in names if name.endswith("_id")))
    rest = [columns[name] for name in names if not name.endswith("_id")]
    texts = [_moment_text(each) if each.type == MOMENT else each for each in rest]
    return pc.binary_join_element_wise(who, *(pc.fill_null(each, "") for each in texts), "|") if texts else who


def _moment_text(moments: pa.TimestampArray) -> pa.StringArray:
    return pc.strftime(moments.cast(pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
