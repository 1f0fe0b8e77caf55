with shares as (
    select grain, period_start, kpi, goal_start, required, required_probable
    from {{ source('analysis', 'required_periods') }}
),

goals as (
    select
        goal_start,
        goal_end,
        grain,
        plan_from,
        known_on,
        place,
        kpi,
        confidence,
        verdict,
        leads_to,
        method,
        rate,
        rate_low,
        rate_high,
        n,
        horizon_days,
        lag_q50_days,
        lag_q90_days
    from {{ source('analysis', 'required') }}
),

remaining as (
    select
        goal_start, kpi, from_pipeline, useful_share, extra, extra_per_week, coin_flip_on, last_useful_on, verdict
    from {{ source('analysis', 'remaining') }}
),

periods as (select grain, period_start, period_end from {{ ref('int_periods') }}),

kgis as (
    select goal_start, kpi as kgi
    from goals
    where method is null
),

-- What a stage must still bring is said of the goal's own period alone.
lines as (
    select
        periods.grain,
        periods.period_start,
        periods.period_end,
        goals.kpi,
        goals.place,
        kgis.kgi,
        goals.goal_start,
        goals.goal_end,
        periods.grain = goals.grain and periods.period_start = goals.goal_start as is_goal_period,
        goals.plan_from,
        goals.known_on,
        goals.leads_to,
        goals.method,
        shares.required,
        shares.required_probable,
        goals.confidence,
        goals.rate,
        goals.rate_low,
        goals.rate_high,
        goals.n,
        goals.horizon_days,
        goals.lag_q50_days,
        goals.lag_q90_days,
        goals.verdict
    from goals
    inner join kgis on goals.goal_start = kgis.goal_start
    inner join periods on goals.goal_end >= periods.period_end and goals.goal_start <= periods.period_end
    left join shares
        on
            periods.grain = shares.grain
            and periods.period_start = shares.period_start
            and goals.kpi = shares.kpi
    -- A goal that a newer plan took the place of while it ran reaches into other goals' periods.
    where
        goals.goal_start = shares.goal_start
        or (shares.kpi is null and periods.grain = goals.grain and periods.period_start = goals.goal_start)
)

select
    lines.grain,
    lines.period_start,
    lines.period_end,
    lines.kpi,
    lines.place,
    lines.kgi,
    lines.goal_start,
    lines.goal_end,
    lines.is_goal_period,
    lines.plan_from,
    lines.known_on,
    lines.leads_to,
    lines.method,
    lines.required,
    lines.required_probable,
    lines.confidence,
    lines.rate,
    lines.rate_low,
    lines.rate_high,
    lines.n,
    lines.horizon_days,
    lines.lag_q50_days,
    lines.lag_q90_days,
    lines.verdict,
    remaining.from_pipeline,
    remaining.useful_share,
    remaining.extra,
    remaining.extra_per_week,
    remaining.coin_flip_on,
    remaining.last_useful_on,
    remaining.verdict as remaining_verdict
from lines
left join remaining
    on
        lines.is_goal_period
        and lines.goal_start = remaining.goal_start
        and lines.kpi = remaining.kpi
