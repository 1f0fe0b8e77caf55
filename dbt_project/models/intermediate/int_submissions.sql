with form_submissions as (
    select
        submission_id,
        -- A file without contact ids may hold the person's pseudonym in their place.
        nullif(contact_id, person_id) as contact_id,
        person_id,
        kind,
        submitted_at,
        submitted_on,
        form,
        asset,
        page_host,
        page_path,
        invalid_reason
    from {{ ref('stg_exports__form_submissions') }}
),

contacts as (
    select contact_id, person_id, created_on
    from {{ ref('stg_exports__contacts') }}
    where person_id is not null
),

record_ids as (
    select record_id, kept_id from {{ ref('int_record_ids') }}
    where object = 'contact'
),

-- Of several contacts with one address the oldest.
persons as (
    select
        person_id,
        contact_id,
        row_number() over (
            partition by person_id order by created_on asc nulls last, contact_id asc nulls last
        ) as place
    from contacts
),

joined as (
    select
        form_submissions.submission_id,
        coalesce(form_submissions.contact_id, persons.contact_id) as contact_id,
        form_submissions.person_id,
        form_submissions.kind,
        form_submissions.submitted_at,
        form_submissions.submitted_on,
        form_submissions.form,
        form_submissions.asset,
        form_submissions.page_host,
        form_submissions.page_path,
        form_submissions.invalid_reason
    from form_submissions
    left join persons on form_submissions.person_id = persons.person_id and persons.place = 1
)

select
    joined.submission_id,
    coalesce(record_ids.kept_id, joined.contact_id, joined.person_id, joined.submission_id) as contact_id,
    joined.kind,
    joined.submitted_at,
    joined.submitted_on,
    joined.form,
    joined.asset,
    joined.page_host,
    joined.page_path,
    joined.invalid_reason
from joined
left join record_ids on joined.contact_id = record_ids.record_id
