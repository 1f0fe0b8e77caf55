with checks as (
    select
        entry,
        specific,
        measurable,
        achievable,
        relevant,
        time_bound,
        verdict,
        chance,
        period_start,
        level,
        sentence_ja,
        sentence_en
    from {{ source('analysis', 'smart_checks') }}
),

plan_targets as (
    select entry, kpi, is_kgi, kind, grain, start_on, end_on, owner from {{ ref('plan_targets') }}
    where is_current
)

select
    checks.entry,
    plan_targets.kpi,
    plan_targets.is_kgi,
    plan_targets.kind,
    plan_targets.grain,
    plan_targets.start_on,
    plan_targets.end_on,
    plan_targets.owner,
    checks.period_start,
    checks.level,
    checks.specific as is_specific,
    checks.measurable as is_measurable,
    checks.achievable as is_achievable,
    checks.relevant as is_relevant,
    checks.time_bound as is_time_bound,
    checks.verdict,
    checks.chance,
    checks.sentence_ja,
    checks.sentence_en
from checks
inner join plan_targets on checks.entry = plan_targets.entry
