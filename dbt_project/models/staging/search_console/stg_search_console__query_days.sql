select
    date_on,
    query,
    clicks,
    impressions,
    position
from {{ source('raw', 'search_console_query_days') }}
