select
    note,
    start_on,
    end_on,
    tag,
    text
from {{ source('raw', 'notes') }}
