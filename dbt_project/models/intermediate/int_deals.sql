with deals as (
    select deal_id, status, kind, stage, created_on, closed_on, amount, contact_id, account_id
    from {{ ref('stg_exports__deals') }}
),

deal_changes as (select deal_id, stage, status, entered_on from {{ ref('stg_exports__deal_stage_changes') }}),

seen as (
    select object_id as deal_id, stage, status, event_on
    from {{ ref('stg_pipelines__stage_events') }}
    where object = 'deal' and event = 'entered'
),

record_ids as (select object, record_id, kept_id from {{ ref('int_record_ids') }}),

records as (
    select
        deals.deal_id as record_id,
        coalesce(deal_ids.kept_id, deals.deal_id) as deal_id,
        deals.status,
        deals.kind,
        deals.stage,
        deals.closed_on,
        deals.amount,
        deals.account_id,
        coalesce(contact_ids.kept_id, deals.contact_id) as contact_id,
        deals.created_on,
        deal_ids.kept_id is not null and deal_ids.kept_id <> deals.deal_id as is_merged
    from deals
    left join record_ids as deal_ids on deal_ids.object = 'deal' and deals.deal_id = deal_ids.record_id
    left join record_ids as contact_ids on contact_ids.object = 'contact' and deals.contact_id = contact_ids.record_id
),

-- The record that is kept; where the export lacks it, the oldest that was merged into it.
places as (
    select
        record_id,
        deal_id,
        status,
        kind,
        stage,
        closed_on,
        amount,
        account_id,
        contact_id,
        min(created_on) over (partition by deal_id) as created_on,
        row_number() over (
            partition by deal_id order by is_merged asc nulls last, created_on asc nulls last, record_id asc nulls last
        ) as place
    from records
),

known as (
    select deal_id, stage, status, entered_on, 1 as choice from deal_changes
    union all
    select deal_id, stage, status, event_on as entered_on, 2 as choice from seen
),

-- The first day on which the deal came to the state that it is in; a history without states names them by stage.
closings as (
    select
        records.record_id,
        min(case when known.choice = 1 then known.entered_on end) as history_on,
        min(known.entered_on) as any_on
    from records
    inner join known
        on records.record_id = known.deal_id and records.status = coalesce(known.status, records.status)
    where records.status in ('won', 'lost') and (known.status is not null or records.stage = known.stage)
    group by records.record_id
)

select
    places.deal_id,
    places.status,
    places.kind,
    places.stage,
    places.created_on,
    coalesce(places.closed_on, closings.history_on, closings.any_on) as closed_on,
    places.amount,
    places.contact_id,
    places.account_id
from places
left join closings on places.record_id = closings.record_id
where places.place = 1
