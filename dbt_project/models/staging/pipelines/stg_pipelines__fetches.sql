select
    table_name,
    request,
    window_start,
    window_end,
    fetched_at,
    flags
from {{ source('raw', 'fetches') }}
where error is null and window_start is not null
