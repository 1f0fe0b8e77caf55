with record_ids as (select object, record_id, kept_id from {{ ref('int_record_ids') }}),

events as (
    select object, object_id, stage, event, reason, event_on, observed_on from {{ ref('stg_pipelines__stage_events') }}
),

last_seen as (
    select object, object_id, max(observed_on) as seen_on
    from events
    where event = 'entered'
    group by object, object_id
),

exits as (
    select events.object, events.object_id, events.stage, events.reason, events.event_on
    from events
    left join last_seen on events.object = last_seen.object and events.object_id = last_seen.object_id
    where
        events.event = 'exited'
        and events.stage <> 'none'
        -- A record that came back had not gone.
        and (events.reason = 'moved' or (events.reason = 'vanished' and events.observed_on > last_seen.seen_on))
)

-- A record that was merged vanishes from the export, and its person goes on in the one that is kept.
select
    exits.object,
    coalesce(record_ids.kept_id, exits.object_id) as object_id,
    exits.stage,
    exits.event_on as exited_on,
    min(exits.reason) as reason
from exits
left join record_ids on exits.object = record_ids.object and exits.object_id = record_ids.record_id
where exits.reason = 'moved' or record_ids.record_id is null
group by exits.object, coalesce(record_ids.kept_id, exits.object_id), exits.stage, exits.event_on
