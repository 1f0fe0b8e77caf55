select
    date_on,
    client_id,
    host,
    path,
    page_views
from {{ source('raw', 'ga4_client_days') }}
