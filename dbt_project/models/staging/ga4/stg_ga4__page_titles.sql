select
    period_start,
    host,
    path,
    title,
    page_views
from {{ source('raw', 'ga4_page_titles') }}
