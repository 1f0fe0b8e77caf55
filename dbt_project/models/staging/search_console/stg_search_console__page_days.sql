select
    date_on,
    -- Rows of an earlier version say no type.
    coalesce(search_type, 'web') as search_type,
    host,
    path,
    clicks,
    impressions,
    position
from {{ source('raw', 'search_console_page_days') }}
