-- Only what the contact itself was disqualified for before it had a deal ends its way; later, the deal's end does.
with contacts as (select contact_id, lead_on, mql_on from {{ ref('int_contacts') }}),

deals as (select contact_id, subject_id, status, created_on, closed_on from {{ ref('int_funnel_deals') }}),

exits as (
    -- Of a contact that was disqualified before anybody looked, the day on which it was seen to be.
    select object_id as contact_id, min(coalesce(entered_on, seen_on)) as exited_on
    from {{ ref('int_stage_changes') }}
    where object = 'contact' and stage = 'disqualified'
    group by object_id
    union all
    select object_id as contact_id, min(exited_on) as exited_on
    from {{ ref('int_stage_exits') }}
    where object = 'contact' and reason = 'vanished'
    group by object_id
),

entries as (
    select 'contact ' || contact_id as subject_id, 'lead' as stage, lead_on as entered_on from contacts
    union all
    select 'contact ' || contact_id as subject_id, 'mql' as stage, mql_on as entered_on from contacts
    union all
    select subject_id, 'deal' as stage, coalesce(created_on, closed_on) as entered_on from deals
    union all
    select subject_id, 'won' as stage, closed_on as entered_on from deals
    where status = 'won'
    union all
    select subject_id, 'exit' as stage, closed_on as entered_on from deals
    where status = 'lost'
    union all
    select 'contact ' || exits.contact_id as subject_id, 'exit' as stage, exits.exited_on as entered_on
    from exits
    left join deals on exits.contact_id = deals.contact_id
    where exits.exited_on < coalesce(deals.created_on, deals.closed_on, date '9999-12-31')
)

select distinct subject_id, stage, entered_on
from entries
where entered_on is not null
