select
    table_name,
    request,
    window_start,
    window_end,
    fetched_at,
    changed_at,
    retries,
    flags
from {{ source('raw', 'fetches') }}
where error is null
