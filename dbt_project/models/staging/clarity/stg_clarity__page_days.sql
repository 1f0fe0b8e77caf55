select
    date_on,
    host,
    path,
    window_days,
    sessions,
    bot_sessions,
    users,
    scroll_depth,
    active_seconds,
    total_seconds,
    dead_clicks,
    rage_clicks
from {{ source('raw', 'clarity_page_days') }}
