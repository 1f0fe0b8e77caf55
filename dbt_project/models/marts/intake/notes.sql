select
    note,
    start_on,
    coalesce(end_on, start_on) as end_on,
    tag,
    text
from {{ ref('stg_notes__notes') }}
