select
    valid_from,
    every,
    weekday,
    business_day,
    owner
from {{ source('raw', 'plan_reviews') }}
