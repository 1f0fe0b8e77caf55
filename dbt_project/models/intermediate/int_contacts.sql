with contacts as (select contact_id, created_on, invalid_reason from {{ ref('stg_exports__contacts') }}),

stage_changes as (select contact_id, stage, entered_on from {{ ref('stg_exports__stage_changes') }}),

entries as (
    select
        contact_id,
        min(case when stage = 'lead' then entered_on end) as lead_on,
        min(case when stage = 'mql' then entered_on end) as mql_on
    from stage_changes
    group by contact_id
)

select
    coalesce(contacts.contact_id, entries.contact_id) as contact_id,
    -- A MA tool that logs no lead stage still knows when it made the contact.
    coalesce(entries.lead_on, case when contacts.invalid_reason is null then contacts.created_on end) as lead_on,
    entries.mql_on
from contacts
full outer join entries on contacts.contact_id = entries.contact_id
