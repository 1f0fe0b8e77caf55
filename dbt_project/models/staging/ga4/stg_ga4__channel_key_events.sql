select
    date_on,
    channel_group,
    event_name,
    key_events
from {{ source('raw', 'ga4_channel_key_events') }}
