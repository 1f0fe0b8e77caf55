-- What several pages ask.

-- name: goal
-- The goal's period that runs, else the next, else the last, with its forecast.
select
    targets.kpi, targets.grain, targets.period_start, targets.period_end,
    attainment.chance, attainment.p10, attainment.p50, attainment.p90, attainment.verdict, attainment.reason
from targets
cross join publication
left join attainment on targets.period_start = attainment.period_start and targets.kpi = attainment.kpi
where targets.is_kgi
order by
    case
        when publication.as_of between targets.period_start and targets.period_end then 0
        when targets.period_start > publication.as_of then 1
        else 2
    end,
    abs(date_diff('day', targets.period_start, publication.as_of))
limit 1

-- name: periods
-- The periods of a grain that have begun, newest first.
select distinct period_start, period_end
from scorecard
cross join publication
where scorecard.grain = $grain and scorecard.period_start <= publication.as_of
order by period_start desc
limit 60

-- name: lines
-- Every KPI in one period of a grain, by stage.
select
    kpis.kpi, kpis.stage, kpis.unit, kpis.direction, kpis.formula, kpis.label_ja, kpis.label_en,
    scorecard.grain, scorecard.period_start, scorecard.period_end, scorecard.actual, scorecard.target,
    scorecard.required, scorecard.gap, scorecard.attainment, scorecard.standard_pace, scorecard.projected,
    scorecard.projected_low, scorecard.projected_high, scorecard.landing_verdict, scorecard.previous,
    scorecard.last_year, scorecard.is_complete, scorecard.status, scorecard.outlook, scorecard.reason,
    scorecard.owner, scorecard.is_kgi, scorecard.flags,
    -- Of a running period its landing is compared with whole periods, not what there is of it so far.
    case when scorecard.is_complete then scorecard.actual else scorecard.projected end as comparable
from scorecard
inner join kpis on scorecard.kpi = kpis.kpi
where
    scorecard.grain = $grain and scorecard.period_start = $start
order by kpis.sort_order

-- name: history
-- Every KPI's periods up to one, oldest first.
select
    scorecard.kpi, scorecard.period_start, scorecard.period_end, scorecard.actual, scorecard.target, scorecard.required,
    scorecard.last_year, scorecard.projected, scorecard.projected_low, scorecard.projected_high,
    scorecard.standard_pace, scorecard.is_complete, scorecard.status, scorecard.outlook, scorecard.flags
from scorecard
inner join (
    select distinct scorecard.period_start
    from scorecard
    cross join publication
    where scorecard.grain = $grain and scorecard.period_start <= least($start, publication.as_of)
    order by scorecard.period_start desc
    limit $count
) as shown
    on scorecard.period_start = shown.period_start
where scorecard.grain = $grain
order by scorecard.period_start

-- name: measures
-- What every KPI's value is made of.
select kpi, grain, period_start, value, numerator, denominator, n, ci_low, ci_high, is_complete, flags, stage
from (
    select *, 'awareness' as stage from awareness
    union all
    select *, 'engagement' as stage from engagement
    union all
    select *, 'conversion' as stage from conversion
    union all
    select *, 'retention' as stage from retention
)
where grain = $grain and period_start = $start

-- name: catalogue
select * from kpis order by sort_order

-- name: notes
-- What happened on the days of a chart.
select note, start_on, end_on, tag, text
from notes
where start_on <= $last and end_on >= $first
order by start_on, note
