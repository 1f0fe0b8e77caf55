with plan_targets as (
    select kpi, grain, period_start, period_end, valid_from, is_kgi, kind, target, owner from {{ ref('int_targets') }}
),

required as (
    select grain, period_start, kpi, required from {{ source('analysis', 'required_periods') }}
)

select
    plan_targets.kpi,
    plan_targets.grain,
    plan_targets.period_start,
    plan_targets.period_end,
    case when plan_targets.kind = 'from_kgi' then required.required else plan_targets.target end as target,
    plan_targets.kind,
    plan_targets.owner,
    plan_targets.is_kgi,
    plan_targets.valid_from as plan_from
from plan_targets
left join required
    on
        plan_targets.kpi = required.kpi
        and plan_targets.grain = required.grain
        and plan_targets.period_start = required.period_start
