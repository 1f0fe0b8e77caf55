select
    object,
    merged_id,
    kept_id
from {{ source('raw', 'exports_merges') }}
