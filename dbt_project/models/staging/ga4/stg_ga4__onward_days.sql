select
    date_on,
    landing_path,
    sessions
from {{ source('raw', 'ga4_onward_days') }}
