select
    name,
    locale,
    timezone,
    currency,
    fiscal_year_start,
    as_of
from {{ source('raw', 'company_settings') }}
