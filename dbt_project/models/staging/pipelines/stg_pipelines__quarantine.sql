select
    table_name,
    file,
    line,
    column_name,
    value_class,
    reason,
    remedy,
    is_rejected,
    loaded_at
from {{ source('raw', 'quarantine') }}
