select
    deal_id,
    stage,
    entered_at,
    entered_on,
    status
from {{ source('raw', 'exports_deal_stage_changes') }}
