select
    date_on,
    host,
    page_views,
    sessions,
    engaged_sessions,
    key_events
from {{ source('raw', 'ga4_site_days') }}
