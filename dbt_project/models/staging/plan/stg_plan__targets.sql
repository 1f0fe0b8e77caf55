select
    kpi,
    grain,
    start_on,
    end_on,
    target,
    is_kgi,
    owner
from {{ source('raw', 'plan_targets') }}
