with contacts as (
    select
        contact_id,
        created_on,
        account_id,
        email_domain,
        industry,
        job_title,
        channel,
        newsletter_on,
        unsubscribed_on,
        invalid_reason,
        person_id,
        stage
    from {{ ref('stg_exports__contacts') }}
),

record_ids as (
    select record_id, kept_id from {{ ref('int_record_ids') }}
    where object = 'contact'
),

records as (
    select
        coalesce(record_ids.kept_id, contacts.contact_id) as kept_id,
        contacts.contact_id,
        contacts.created_on,
        contacts.account_id,
        contacts.email_domain,
        contacts.industry,
        contacts.job_title,
        contacts.channel,
        contacts.newsletter_on,
        contacts.unsubscribed_on,
        contacts.invalid_reason,
        contacts.person_id,
        contacts.stage,
        record_ids.kept_id is not null and record_ids.kept_id <> contacts.contact_id as is_merged
    from contacts
    left join record_ids on contacts.contact_id = record_ids.record_id
),

-- The record that is kept comes first; where the export lacks it, the oldest that was merged into it.
places as (
    select
        kept_id,
        created_on,
        account_id,
        email_domain,
        industry,
        job_title,
        channel,
        newsletter_on,
        unsubscribed_on,
        invalid_reason,
        person_id,
        stage,
        row_number() over (
            partition by kept_id
            order by is_merged asc nulls last, created_on asc nulls last, contact_id asc nulls last
        ) as place
    from records
)

-- What the first record leaves open, another one may say.
select
    kept_id as contact_id,
    min(created_on) as created_on,
    coalesce(
        max(case when place = 1 then account_id end), min(account_id),
        max(case when place = 1 then email_domain end), min(email_domain)
    ) as account_id,
    coalesce(max(case when place = 1 then industry end), min(industry)) as industry,
    coalesce(max(case when place = 1 then job_title end), min(job_title)) as job_title,
    coalesce(max(case when place = 1 then channel end), min(channel)) as channel,
    min(newsletter_on) as newsletter_on,
    max(case when place = 1 then unsubscribed_on end) as unsubscribed_on,
    max(case when place = 1 then invalid_reason end) as invalid_reason,
    coalesce(max(case when place = 1 then person_id end), min(person_id)) as person_id,
    max(case when place = 1 then stage end) as stage,
    count(*) as records
from places
group by kept_id
