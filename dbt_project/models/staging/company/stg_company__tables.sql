select
    table_name,
    source,
    asset,
    is_dated
from {{ source('raw', 'company_tables') }}
