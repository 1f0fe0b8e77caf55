-- name: periods
select distinct goal_start, goal_end from required order by 1

-- name: tree
-- The KGI and what leads to it, in the period of the goal.
select
    required.kpi, kpis.label_ja, kpis.label_en, kpis.unit, required.place, required.leads_to, required.method,
    required.period_start, required.period_end, required.required, required.required_probable, required.confidence,
    scorecard.actual, scorecard.actual - required.required as gap,
    required.required * scorecard.standard_pace as due, scorecard.standard_pace,
    scorecard.projected, scorecard.projected_low, scorecard.projected_high,
    required.rate, required.rate_low, required.rate_high, required.n, required.horizon_days, required.lag_q50_days,
    required.lag_q90_days, required.verdict, required.known_on, required.from_pipeline, required.extra,
    required.extra_per_week, required.coin_flip_on, required.last_useful_on, required.remaining_verdict,
    -- As marts.scorecard judges a target, with what the goal requires in its place.
    case
        when scorecard.actual is null or required.required is null then 'cannot_tell'
        when scorecard.actual >= required.required then 'reached'
        when scorecard.is_complete then 'missed'
        when scorecard.projected_high < required.required then 'off_track'
        when scorecard.projected_low >= required.required then 'on_track'
        when scorecard.landing_verdict = 'ok' and scorecard.projected >= required.required then 'on_track'
        when scorecard.landing_verdict = 'ok' then 'at_risk'
        else 'cannot_tell'
    end as outlook
from required
inner join kpis on required.kpi = kpis.kpi
left join scorecard
    on required.kpi = scorecard.kpi and required.grain = scorecard.grain
    and required.period_start = scorecard.period_start
where required.is_goal_period and required.period_start = $start
order by required.place

-- name: attainment
select * from attainment where period_start = $start

-- name: drivers
select * from drivers where period_start = $start order by place

-- name: smart
select smart_checks.*, kpis.label_ja, kpis.label_en, kpis.unit
from smart_checks
inner join kpis on smart_checks.kpi = kpis.kpi
order by smart_checks.entry

-- name: focus
select value as kpi
from plan_agreements
where is_current and section = 'focus' and attribute = 'key_kpi'
