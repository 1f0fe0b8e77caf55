select
    table_name,
    window_start,
    window_end,
    loaded_at,
    restated_days
from {{ source('raw', 'loads') }}
where window_end is not null
