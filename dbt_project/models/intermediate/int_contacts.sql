with contacts as (select contact_id, created_on, invalid_reason from {{ ref('stg_exports__contacts') }}),

stage_changes as (select contact_id, stage, entered_on from {{ ref('stg_exports__stage_changes') }}),

entries as (
    select
        contact_id,
        min(case when stage = 'lead' then entered_on end) as lead_on,
        min(case when stage = 'mql' then entered_on end) as mql_on
    from stage_changes
    group by contact_id
),

lead_logs as (select min(lead_on) as began_on from entries)

select
    coalesce(contacts.contact_id, entries.contact_id) as contact_id,
    case
        when entries.lead_on is not null then entries.lead_on
        -- Before leads were logged, or where they never are, a valid contact is a lead from the day it was created.
        when contacts.invalid_reason is null and contacts.created_on < coalesce(lead_logs.began_on, date '9999-12-31')
            then contacts.created_on
    end as lead_on,
    entries.mql_on
from contacts
full outer join entries on contacts.contact_id = entries.contact_id
cross join lead_logs
