select
    valid_from,
    section,
    entry,
    attribute,
    value
from {{ source('raw', 'plan_agreements') }}
