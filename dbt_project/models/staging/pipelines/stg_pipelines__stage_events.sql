select
    observed_on,
    object,
    object_id,
    stage,
    event,
    reason,
    source,
    status,
    event_on
from {{ source('raw', 'stage_events') }}
