with plan_targets as (
    select
        valid_from, entry, kpi, is_kgi, kind, grain, start_on, end_on, target, change, over, direction, segment, owner
    from {{ ref('stg_plan__targets') }}
),

versions as (select valid_from, version, is_current from {{ ref('plan_versions') }})

select
    versions.version,
    plan_targets.entry,
    versions.is_current,
    plan_targets.kpi,
    plan_targets.is_kgi,
    plan_targets.kind,
    plan_targets.grain,
    plan_targets.start_on,
    plan_targets.end_on,
    plan_targets.target,
    plan_targets.change,
    plan_targets.over,
    plan_targets.direction,
    plan_targets.segment,
    plan_targets.owner
from plan_targets
inner join versions on plan_targets.valid_from = versions.valid_from
