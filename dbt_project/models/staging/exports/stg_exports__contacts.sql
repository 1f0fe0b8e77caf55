select
    contact_id,
    created_on,
    account_id,
    industry,
    job_title,
    landing_host,
    landing_path,
    newsletter_on,
    unsubscribed_on,
    invalid_reason
from {{ source('raw', 'exports_contacts') }}
