select
    period_start,
    host,
    path,
    active_users,
    total_users,
    scrolled_users,
    engagement_seconds
from {{ source('raw', 'ga4_page_months') }}
