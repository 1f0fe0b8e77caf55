select
    table_name,
    quota,
    remaining,
    asked_at
from {{ source('raw', 'quotas') }}
