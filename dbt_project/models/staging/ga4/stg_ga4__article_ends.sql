select
    grain,
    period_start,
    event_name,
    active_users
from {{ source('raw', 'ga4_article_ends') }}
