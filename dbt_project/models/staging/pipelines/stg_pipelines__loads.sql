select
    table_name,
    window_start,
    window_end,
    loaded_at,
    restated_days,
    row_count,
    rows_rejected,
    rows_set_aside
from {{ source('raw', 'loads') }}
