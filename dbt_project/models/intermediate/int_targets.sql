with plan_periods as (select grain, period_start, period_end, valid_from from {{ ref('int_plan_periods') }}),

periods as (select grain, period_start, previous_start, last_year_start from {{ ref('int_periods') }}),

plan_targets as (
    select valid_from, entry, kpi, is_kgi, kind, grain, start_on, end_on, target, change, over, owner
    from {{ ref('stg_plan__targets') }}
    where kind <> 'wish'
),

complete_values as (
    select kpi, grain, period_start, value from {{ ref('int_kpi_values') }}
    where is_complete
),

lines as (
    select
        plan_targets.kpi,
        plan_periods.grain,
        plan_periods.period_start,
        plan_periods.period_end,
        plan_targets.valid_from,
        plan_targets.entry,
        plan_targets.is_kgi,
        plan_targets.kind,
        plan_targets.target,
        plan_targets.change,
        plan_targets.owner,
        case plan_targets.over when 'last_year' then periods.last_year_start else periods.previous_start end as base_start
    from plan_periods
    inner join periods
        on plan_periods.grain = periods.grain and plan_periods.period_start = periods.period_start
    inner join plan_targets
        on
            plan_periods.valid_from = plan_targets.valid_from
            and plan_periods.grain = plan_targets.grain
            and plan_periods.period_start >= plan_targets.start_on
            and plan_periods.period_end <= plan_targets.end_on
)

-- A change is a number once the period that it is over has ended; what the goal requires, the analysis finds out.
select
    lines.kpi,
    lines.grain,
    lines.period_start,
    lines.period_end,
    lines.valid_from,
    lines.entry,
    lines.is_kgi,
    lines.kind,
    coalesce(lines.target, round(complete_values.value * (1 + lines.change), 6)) as target,
    lines.owner
from lines
left join complete_values
    on
        lines.kind = 'change'
        and lines.kpi = complete_values.kpi
        and lines.grain = complete_values.grain
        and lines.base_start = complete_values.period_start
