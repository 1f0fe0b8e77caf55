with forecasts as (
    select
        as_of,
        kpi,
        grain,
        period_start,
        period_end,
        plan_from,
        target,
        won,
        mean,
        p10,
        p50,
        p90,
        chance,
        days_left,
        past_forecasts,
        verdict,
        reason,
        is_hindcast,
        outcome,
        is_reached,
        squared_error,
        row_number() over (partition by kpi, grain, period_start order by as_of desc nulls last) as age
    from {{ ref('forecasts') }}
),

scores as (
    select
        kpi,
        grain,
        period_start,
        count(*) as forecasts,
        sum(squared_error) / nullif(count(squared_error), 0) as brier
    from forecasts
    group by kpi, grain, period_start
)

select
    forecasts.kpi,
    forecasts.grain,
    forecasts.period_start,
    forecasts.period_end,
    forecasts.plan_from,
    forecasts.as_of,
    forecasts.target,
    forecasts.won,
    forecasts.mean,
    forecasts.p10,
    forecasts.p50,
    forecasts.p90,
    forecasts.chance,
    forecasts.days_left,
    forecasts.past_forecasts,
    forecasts.verdict,
    forecasts.reason,
    forecasts.is_hindcast,
    forecasts.outcome,
    forecasts.is_reached,
    scores.forecasts,
    scores.brier
from forecasts
inner join scores
    on
        forecasts.kpi = scores.kpi
        and forecasts.grain = scores.grain
        and forecasts.period_start = scores.period_start
where forecasts.age = 1
