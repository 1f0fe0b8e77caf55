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

-- The record that is kept; where the export lacks it, the oldest that was merged into it.
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
        min(deals.created_on) over (partition by coalesce(deal_ids.kept_id, deals.deal_id)) as created_on,
        row_number() over (
            partition by coalesce(deal_ids.kept_id, deals.deal_id)
            order by
                case when coalesce(deal_ids.kept_id, deals.deal_id) = deals.deal_id then 0 else 1 end asc nulls last,
                deals.created_on asc nulls last,
                deals.deal_id asc nulls last
        ) as place
    from deals
    left join record_ids as deal_ids on deal_ids.object = 'deal' and deals.deal_id = deal_ids.record_id
    left join record_ids as contact_ids on contact_ids.object = 'contact' and deals.contact_id = contact_ids.record_id
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
    records.deal_id,
    records.status,
    records.kind,
    records.stage,
    records.created_on,
    coalesce(records.closed_on, closings.history_on, closings.any_on) as closed_on,
    records.amount,
    records.contact_id,
    records.account_id
from records
left join closings on records.record_id = closings.record_id
where records.place = 1
