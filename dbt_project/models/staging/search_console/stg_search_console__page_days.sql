select
    date_on,
    host,
    path,
    clicks,
    impressions,
    position
from {{ source('raw', 'search_console_page_days') }}
