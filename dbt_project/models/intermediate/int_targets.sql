with plan_periods as (select grain, period_start, period_end, valid_from from {{ ref('int_plan_periods') }}),

periods as (select grain, period_start, previous_start, last_year_start from {{ ref('int_periods') }}),

plan_targets as (
    select valid_from, entry, kpi, is_kgi, kind, grain, start_on, end_on, target, change, over, owner
    from {{ ref('stg_plan__targets') }}
    where kind <> 'wish'
),

kpi_values as (select kpi, grain, period_start, value, method, is_complete from {{ ref('int_kpi_values') }}),

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
        case plan_targets.over
            when 'last_year' then periods.last_year_start else periods.previous_start
        end as base_start
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
    case
        when lines.kind <> 'change' then lines.target
        -- What was measured by another method cannot be compared.
        when bases.is_complete and coalesce(bases.method = own.method, true)
            then round(bases.value * (1 + lines.change), 6)
    end as target,
    lines.owner
from lines
left join kpi_values as bases
    on
        lines.kpi = bases.kpi
        and lines.grain = bases.grain
        and lines.base_start = bases.period_start
left join kpi_values as own
    on
        lines.kpi = own.kpi
        and lines.grain = own.grain
        and lines.period_start = own.period_start
