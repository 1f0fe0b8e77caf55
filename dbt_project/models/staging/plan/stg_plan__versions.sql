select
    valid_from,
    digest,
    source,
    document
from {{ source('raw', 'plan_versions') }}
