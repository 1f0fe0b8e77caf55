select
    subscriber_id,
    person_id,
    subscribed_on,
    unsubscribed_on
from {{ source('raw', 'exports_newsletter_subscribers') }}
