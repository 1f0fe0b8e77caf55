with plan_targets as (
    select kpi, grain, start_on, end_on, target, is_kgi, owner from {{ ref('stg_plan__targets') }}
),

periods as (select grain, period_start, period_end from {{ ref('int_periods') }}),

-- Where spans of a KPI overlap, the one that starts later is the newer intention.
ranked as (
    select
        plan_targets.kpi,
        periods.grain,
        periods.period_start,
        periods.period_end,
        plan_targets.target,
        plan_targets.owner,
        plan_targets.is_kgi,
        row_number() over (
            partition by plan_targets.kpi, periods.grain, periods.period_start
            order by plan_targets.start_on desc nulls last
        ) as age
    from plan_targets
    inner join periods
        on
            plan_targets.grain = periods.grain
            and plan_targets.start_on <= periods.period_start
            and plan_targets.end_on >= periods.period_end
)

select
    kpi,
    grain,
    period_start,
    period_end,
    target,
    owner,
    is_kgi
from ranked
where age = 1
