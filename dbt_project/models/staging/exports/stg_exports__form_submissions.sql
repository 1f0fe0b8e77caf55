select
    submission_id,
    contact_id,
    person_id,
    kind,
    submitted_at,
    submitted_on,
    form,
    asset,
    page_host,
    page_path,
    invalid_reason
from {{ source('raw', 'exports_form_submissions') }}
