select
    as_of_on,
    platform,
    account,
    followers
from {{ source('raw', 'exports_social_followers') }}
