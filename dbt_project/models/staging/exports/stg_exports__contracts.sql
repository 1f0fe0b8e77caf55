select
    contract_id,
    account_id,
    started_on,
    ended_on,
    monthly_amount
from {{ source('raw', 'exports_contracts') }}
