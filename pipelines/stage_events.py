"""The log of stages: what changed in the exported contacts and deals from one night to the next.

A tool that exports no history still shows every night where each contact and deal stands. What differs from where the
log of earlier nights left it is written as this night's events, so an object that stands still costs no row, and the
same night run twice writes the same rows. Earlier nights are never touched.
"""

from collections.abc import Iterator
from datetime import date

import duckdb
import pyarrow as pa

from connectors.table import Load, Table, columns
from pipelines import warehouse
from pipelines.company import Sources

DAY, TEXT = pa.date32(), pa.string()
BATCH_ROWS = 100_000

STAGE_EVENTS = Table(
    "stage_events",
    "One row per night, contact or deal, and entry into a stage or exit from one that the exports showed. "
    "object: contact, deal. event: entered, exited. status (of a deal): open, won, lost. event_on: the day, empty "
    "where an object was first seen in a stage that it had entered before. reason of an entry: first_sight (it stood "
    "there when it was first seen), new (the object is new since the night before), moved, status (a deal's status "
    "alone changed), returned (to the export, as it was); of an exit: moved, status, vanished (from the export).",
    columns(
        {
            "object": TEXT,
            "object_id": TEXT,
            "stage": TEXT,
            "event": TEXT,
            "reason": TEXT,
            "source": TEXT,
            "observed_on": DAY,
        },
        {"status": TEXT, "event_on": DAY},
    ),
    key=("observed_on", "object", "object_id", "event"),
    date_column="observed_on",
)

# The date of an entry that nobody saw is the record's own: a lead is one since it was created, a deal is won or lost
# since it was closed. Any other stage may have been entered on any day before.
_CURRENT = {
    "contact": """
        select 'contact' as object, contact_id as object_id, coalesce(stage, 'none') as stage,
            cast(null as varchar) as status, created_on,
            case when coalesce(stage, 'none') in ('none', 'lead') then created_on end as own_date
        from raw.exports_contacts""",
    "deal": """
        select 'deal' as object, deal_id as object_id, coalesce(stage, status) as stage, status, created_on,
            case when status in ('won', 'lost') and closed_on <= $night then closed_on end as own_date
        from raw.exports_deals""",
}

_DIFFERENCE = """
with current as ({current}
),

-- Where the log of earlier nights left each object; an exit without an entry in the same night means it vanished.
log as (
    select
        object,
        object_id,
        arg_max(stage, observed_on) filter (event = 'entered') as stage,
        arg_max(status, observed_on) filter (event = 'entered') as status,
        coalesce(
            max(observed_on) filter (reason = 'vanished') > max(observed_on) filter (event = 'entered'), false
        ) as is_gone
    from raw.stage_events
    where observed_on < $night and object in ({objects})
    group by object, object_id
),

begun as (select distinct object from log),

compared as (
    select
        coalesce(current.object, log.object) as object,
        coalesce(current.object_id, log.object_id) as object_id,
        current.stage as stage,
        current.status as status,
        current.own_date as own_date,
        log.stage as old_stage,
        log.status as old_status,
        current.object is not null as is_here,
        log.object is not null and not log.is_gone as was_here,
        case
            when log.object is not null then
                case
                    when current.stage is distinct from log.stage then 'moved'
                    when log.is_gone then 'returned'
                    when current.status is distinct from log.status then 'status'
                end
            when begun.object is not null and current.created_on > $last_night then 'new'
            else 'first_sight'
        end as reason
    from current
    full outer join log on current.object = log.object and current.object_id = log.object_id
    left join begun on current.object = begun.object
)

select
    object,
    object_id,
    old_stage as stage,
    'exited' as event,
    case when is_here then reason else 'vanished' end as reason,
    'snapshot' as source,
    $night as observed_on,
    old_status as status,
    $night as event_on
from compared
where was_here and (not is_here or reason is not null)
union all
select
    object,
    object_id,
    stage,
    'entered' as event,
    reason,
    'snapshot' as source,
    $night as observed_on,
    status,
    case
        when reason = 'first_sight' then own_date
        when reason = 'new' then coalesce(own_date, $night)
        else $night
    end as event_on
from compared
where is_here and reason is not null
"""


def watched(sources: Sources) -> tuple[str, ...]:
    """The objects whose stage the exports show: contacts need the column, a deal's status stands in for its stage."""
    has_stage = any("stage" in file.columns for file in sources.exports.get("contacts", ()))
    return (*(("contact",) if has_stage else ()), *(("deal",) if "deals" in sources.exports else ()))


def load(con: duckdb.DuckDBPyConnection, objects: tuple[str, ...], last: date) -> Iterator[Load]:
    """The events of the night of ``last``: what the exports in the warehouse show and its log does not yet.

    The night is the last one that the warehouse knows, so a backfill of old days compares nothing with them.
    """
    night = max(warehouse.as_of(con, last), warehouse.last_loaded(con, STAGE_EVENTS) or last)
    before = warehouse.last_loaded(con, STAGE_EVENTS, before=night)
    yield Load(STAGE_EVENTS, night, night, _events(con, objects, night, before), [])


def _events(
    con: duckdb.DuckDBPyConnection, objects: tuple[str, ...], night: date, last_night: date | None
) -> Iterator[pa.RecordBatch]:
    sql = _DIFFERENCE.format(
        current="\n    union all".join(_CURRENT[name] for name in objects),
        objects=", ".join(f"'{name}'" for name in objects),
    )
    asked = {"night": night, "last_night": last_night}
    with con.cursor() as reader:  # a connection of its own: the rows are written while they are read
        for batch in reader.sql(sql, params=asked).to_arrow_reader(BATCH_ROWS):
            yield batch.cast(STAGE_EVENTS.schema)
