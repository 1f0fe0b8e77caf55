select
    deal_id,
    status,
    kind,
    created_on,
    closed_on,
    amount,
    stage,
    contact_id,
    account_id,
    merged_ids,
    modified_at
from {{ source('raw', 'exports_deals') }}
