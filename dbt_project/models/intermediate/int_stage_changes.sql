with record_ids as (select object, record_id, kept_id from {{ ref('int_record_ids') }}),

contact_changes as (select contact_id, stage, entered_at, entered_on from {{ ref('stg_exports__stage_changes') }}),

deal_changes as (select deal_id, stage, entered_at, entered_on from {{ ref('stg_exports__deal_stage_changes') }}),

contacts as (
    select contact_id, lead_on, mql_on, sql_on, deal_on, customer_on, disqualified_on
    from {{ ref('stg_exports__contacts') }}
),

-- A deal whose status alone changed, or a record that came back as it was, entered no stage.
seen as (
    select object, object_id, stage, event_on, observed_on, reason = 'first_sight' as is_first_sight
    from {{ ref('stg_pipelines__stage_events') }}
    where event = 'entered' and stage <> 'none' and reason not in ('status', 'returned')
),

stated as (
    select contact_id, 'lead' as stage, lead_on as entered_on from contacts
    union all
    select contact_id, 'mql' as stage, mql_on as entered_on from contacts
    union all
    select contact_id, 'sql' as stage, sql_on as entered_on from contacts
    union all
    select contact_id, 'deal' as stage, deal_on as entered_on from contacts
    union all
    select contact_id, 'customer' as stage, customer_on as entered_on from contacts
    union all
    select contact_id, 'disqualified' as stage, disqualified_on as entered_on from contacts
),

changes as (
    select
        'contact' as object,
        contact_id as record_id,
        stage,
        'history' as source,
        1 as choice,
        entered_on,
        entered_at,
        cast(null as date) as seen_on,
        false as is_first_sight
    from contact_changes
    union all
    select
        'deal' as object,
        deal_id as record_id,
        stage,
        'history' as source,
        1 as choice,
        entered_on,
        entered_at,
        null as seen_on,
        false as is_first_sight
    from deal_changes
    union all
    select
        'contact' as object,
        contact_id as record_id,
        stage,
        'stated' as source,
        2 as choice,
        entered_on,
        null as entered_at,
        null as seen_on,
        false as is_first_sight
    from stated
    where entered_on is not null
    union all
    select
        object,
        object_id as record_id,
        stage,
        'snapshot' as source,
        3 as choice,
        event_on as entered_on,
        null as entered_at,
        observed_on as seen_on,
        is_first_sight
    from seen
),

merged as (
    select
        changes.object,
        coalesce(record_ids.kept_id, changes.record_id) as object_id,
        changes.stage,
        changes.source,
        changes.entered_on,
        changes.entered_at,
        changes.seen_on,
        changes.is_first_sight,
        rank() over (
            partition by changes.object, coalesce(record_ids.kept_id, changes.record_id), changes.stage
            order by changes.choice asc nulls last
        ) as choice
    from changes
    left join record_ids on changes.object = record_ids.object and changes.record_id = record_ids.record_id
),

-- Two merged records that entered a stage at the same time entered it once.
entries as (
    select
        object,
        object_id,
        stage,
        source,
        entered_on,
        entered_at,
        seen_on,
        coalesce(entered_on, seen_on) as known_on,
        bool_or(is_first_sight) as is_first_sight
    from merged
    where choice = 1
    group by object, object_id, stage, source, entered_on, entered_at, seen_on
)

select
    object,
    object_id,
    stage,
    row_number() over (
        partition by object, object_id, stage
        order by known_on asc nulls last, entered_at asc nulls last, seen_on asc nulls last
    ) as number,
    source,
    entered_on,
    entered_at,
    seen_on,
    is_first_sight
from entries
