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
        is_hindcast
    from {{ source('analysis', 'forecasts') }}
),

outcomes as (
    select kpi, grain, period_start, value from {{ ref('int_kpi_values') }}
    where is_complete
)

-- Once nothing is left to come, it is no forecast: it has no error.
select
    forecasts.as_of,
    forecasts.kpi,
    forecasts.grain,
    forecasts.period_start,
    forecasts.period_end,
    forecasts.plan_from,
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
    outcomes.value as outcome,
    outcomes.value >= forecasts.target as is_reached,
    case
        when forecasts.days_left <= 0 then null
        when outcomes.value >= forecasts.target then (1 - forecasts.chance) * (1 - forecasts.chance)
        when outcomes.value < forecasts.target then forecasts.chance * forecasts.chance
    end as squared_error
from forecasts
left join outcomes
    on
        forecasts.kpi = outcomes.kpi
        and forecasts.grain = outcomes.grain
        and forecasts.period_start = outcomes.period_start
