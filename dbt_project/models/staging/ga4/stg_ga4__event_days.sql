select
    date_on,
    host,
    path,
    event_name,
    event_count,
    active_users
from {{ source('raw', 'ga4_event_days') }}
