select
    name,
    locale,
    timezone,
    currency,
    fiscal_year_start,
    as_of,
    utc_offset_minutes
from {{ source('raw', 'company_settings') }}
