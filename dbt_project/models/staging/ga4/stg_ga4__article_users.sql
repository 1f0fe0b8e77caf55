select
    grain,
    period_start,
    active_users,
    scrolled_users,
    engagement_seconds,
    page_views
from {{ source('raw', 'ga4_article_users') }}
