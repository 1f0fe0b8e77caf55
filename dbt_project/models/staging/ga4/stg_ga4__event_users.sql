select
    grain,
    period_start,
    event_name,
    active_users,
    event_count
from {{ source('raw', 'ga4_event_users') }}
