select
    period_start,
    host,
    path,
    event_name,
    active_users
from {{ source('raw', 'ga4_page_ends') }}
