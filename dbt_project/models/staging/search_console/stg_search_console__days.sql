select
    date_on,
    clicks,
    impressions,
    position,
    is_final
from {{ source('raw', 'search_console_days') }}
