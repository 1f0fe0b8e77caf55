select
    date_on,
    landing_path,
    channel_group,
    source_medium,
    sessions,
    engaged_sessions,
    key_events
from {{ source('raw', 'ga4_landing_days') }}
