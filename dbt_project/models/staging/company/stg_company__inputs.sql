select
    input,
    is_available,
    reason
from {{ source('raw', 'company_inputs') }}
