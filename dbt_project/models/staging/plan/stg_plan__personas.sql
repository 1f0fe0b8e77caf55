-- Rows of a version of this program that kept no versions of the plan have no night.
select
    valid_from,
    entry,
    persona,
    attribute,
    value
from {{ source('raw', 'plan_personas') }}
where valid_from is not null
