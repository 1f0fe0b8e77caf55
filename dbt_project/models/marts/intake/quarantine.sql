select
    replace(table_name, 'exports_', '') as kind,
    file,
    line,
    column_name,
    value_class,
    reason,
    remedy,
    loaded_at
from {{ ref('stg_pipelines__quarantine') }}
where is_rejected
