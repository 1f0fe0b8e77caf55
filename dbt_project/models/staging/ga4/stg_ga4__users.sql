select
    grain,
    period_start,
    active_users,
    total_users,
    new_users,
    sessions,
    engagement_seconds
from {{ source('raw', 'ga4_users') }}
