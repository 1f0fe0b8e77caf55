with people as (select contact_id, created_on, invalid_reason, stage from {{ ref('int_people') }}),

stage_entries as (
    select object_id as contact_id, stage, source, first_entered_on
    from {{ ref('int_stage_entries') }}
    where object = 'contact' and not is_imputed
),

stage_events as (
    select observed_on from {{ ref('stg_pipelines__stage_events') }}
    where object = 'contact'
),

entries as (
    select
        contact_id,
        min(case when stage = 'lead' then first_entered_on end) as lead_on,
        min(case when stage = 'mql' then first_entered_on end) as mql_on
    from stage_entries
    group by contact_id
),

-- Our own log knows who became a lead from the day after its first night on.
log_starts as (
    select min(first_entered_on) as began_on
    from stage_entries
    where stage = 'lead' and source <> 'snapshot'
    union all
    select cast(min(observed_on) + interval '1' day as date) as began_on from stage_events
),

lead_logs as (select min(began_on) as began_on from log_starts)

select
    coalesce(people.contact_id, entries.contact_id) as contact_id,
    case
        when entries.lead_on is not null then entries.lead_on
        -- Before leads were logged, or where they never are, a valid contact is a lead from the day it was created,
        -- unless the tool says that it stands at no stage.
        when
            people.invalid_reason is null
            and coalesce(people.stage, '') <> 'none'
            and people.created_on < coalesce(lead_logs.began_on, date '9999-12-31')
            then people.created_on
    end as lead_on,
    entries.mql_on
from people
full outer join entries on people.contact_id = entries.contact_id
cross join lead_logs
