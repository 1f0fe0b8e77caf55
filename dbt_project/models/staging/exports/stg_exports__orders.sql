select
    order_id,
    account_id,
    ordered_on,
    amount,
    kind,
    cost,
    deal_id
from {{ source('raw', 'exports_orders') }}
