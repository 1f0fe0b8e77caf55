select
    contact_id,
    stage,
    entered_at,
    entered_on
from {{ source('raw', 'exports_stage_changes') }}
