select
    date_on,
    is_counted
from {{ source('raw', 'company_calendar') }}
