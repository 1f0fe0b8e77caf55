-- Rows of a version of this program that kept no versions of the plan have no night.
select
    valid_from,
    entry,
    kpi,
    is_kgi,
    kind,
    grain,
    start_on,
    end_on,
    target,
    change,
    over,
    direction,
    segment,
    owner
from {{ source('raw', 'plan_targets') }}
where valid_from is not null
