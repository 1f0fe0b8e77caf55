select
    meaning,
    event_name
from {{ source('raw', 'company_events') }}
