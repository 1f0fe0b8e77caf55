select
    date_on,
    host,
    path,
    page_views,
    engagement_seconds,
    event_count
from {{ source('raw', 'ga4_page_days') }}
