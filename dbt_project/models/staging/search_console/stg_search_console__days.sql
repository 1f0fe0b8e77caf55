select
    date_on,
    -- Rows of an earlier version say no type.
    coalesce(search_type, 'web') as search_type,
    clicks,
    impressions,
    position,
    is_final
from {{ source('raw', 'search_console_days') }}
