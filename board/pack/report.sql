-- name: months
select
    min(scorecard.period_start) as first,
    max(scorecard.period_start) as newest,
    max(case when scorecard.period_end <= publication.as_of then scorecard.period_start end) as last_complete
from scorecard
cross join publication
where scorecard.grain = 'month' and scorecard.actual is not null

-- name: kpis
select kpi, stage, formula, unit, direction, additivity, label_ja, label_en, definition, definition_ja, numerator_ja,
    numerator_en, denominator_ja, denominator_en
from kpis
order by sort_order

-- name: scorecard
select kpis.kpi, kpis.stage, kpis.unit, kpis.direction, kpis.label_ja, kpis.label_en, scorecard.grain,
    scorecard.period_start, scorecard.period_end, scorecard.actual, scorecard.target, scorecard.required,
    scorecard.gap, scorecard.attainment, scorecard.standard_pace, scorecard.previous, scorecard.last_year,
    scorecard.is_complete, scorecard.status, scorecard.outlook, scorecard.reason, scorecard.owner, scorecard.flags
from kpis
left join scorecard on kpis.kpi = scorecard.kpi and scorecard.grain = 'month' and scorecard.period_start = $month
order by kpis.sort_order

-- name: targets
select kpis.kpi, kpis.stage, kpis.unit, kpis.direction, kpis.label_ja, kpis.label_en, scorecard.grain,
    scorecard.period_start, scorecard.period_end, scorecard.actual, scorecard.target, scorecard.required,
    scorecard.gap, scorecard.attainment, scorecard.standard_pace, scorecard.projected, scorecard.projected_low,
    scorecard.projected_high, scorecard.previous, scorecard.is_complete, scorecard.status, scorecard.outlook,
    scorecard.owner, scorecard.flags
from scorecard
inner join kpis on scorecard.kpi = kpis.kpi
where scorecard.target is not null and not coalesce(scorecard.is_kgi, false)
    and $day between scorecard.period_start and scorecard.period_end
order by kpis.sort_order, scorecard.period_start, scorecard.grain

-- name: kgi
select kpis.kpi, kpis.stage, kpis.unit, kpis.direction, kpis.label_ja, kpis.label_en, scorecard.grain,
    scorecard.period_start, scorecard.period_end, scorecard.actual, scorecard.target, scorecard.gap,
    scorecard.attainment, scorecard.standard_pace, scorecard.projected, scorecard.projected_low,
    scorecard.projected_high, scorecard.is_complete, scorecard.status, scorecard.outlook, scorecard.owner,
    case when attainment.is_hindcast then null else attainment.chance end as chance
from scorecard
inner join kpis on scorecard.kpi = kpis.kpi
left join attainment
    on scorecard.kpi = attainment.kpi and scorecard.grain = attainment.grain
    and scorecard.period_start = attainment.period_start
where scorecard.is_kgi and scorecard.target is not null
order by scorecard.period_start, kpis.kpi

-- name: history
with measures as (
    from awareness
    union all by name from engagement
    union all by name from conversion
    union all by name from retention
)

select kpis.kpi, kpis.stage, kpis.unit, kpis.direction, kpis.label_ja, kpis.label_en, scorecard.period_start,
    scorecard.period_end, scorecard.actual as value, scorecard.target, scorecard.required, measures.numerator,
    measures.denominator, measures.n, measures.ci_low, measures.ci_high, scorecard.is_complete, scorecard.flags
from scorecard
inner join kpis on scorecard.kpi = kpis.kpi
left join measures
    on scorecard.kpi = measures.kpi and scorecard.grain = measures.grain
    and scorecard.period_start = measures.period_start
where scorecard.grain = 'month' and scorecard.period_start between $month - interval 12 month and $month
order by kpis.sort_order, scorecard.period_start

-- name: funnel
select stage, next_stage, segment, segment_value, n, moved, exited, still_open, rate, ci_low, ci_high, horizon_days,
    lag_q50_days, lag_q90_days, naive_rate_of_all, naive_rate_of_closed, naive_rate_exits_as_open, verdict
from funnel
where segment = 'all'
order by list_position(['lead', 'mql', 'deal'], stage)

-- name: segments
select stage, next_stage, segment, segment_value, n, moved, exited, still_open, shrunk_rate as rate,
    shrunk_low as ci_low, shrunk_high as ci_high, horizon_days, lag_q50_days, lag_q90_days, naive_rate_of_all,
    naive_rate_of_closed, naive_rate_exits_as_open, verdict
from funnel
where segment != 'all'
order by segment, list_position(['lead', 'mql', 'deal'], stage), n desc, segment_value

-- name: cohorts
select stage, next_stage, period_start, n, moved, exited, still_open, cohort_rate, moved_in_period, period_rate,
    maturity, is_mature
from funnel_cohorts
where grain = 'month' and period_start between $month - interval 12 month and $month
order by list_position(['lead', 'mql', 'deal'], stage), period_start

-- name: articles
select host, path, title, page_views, users, engagement_seconds, read_through_rate, landing_sessions, search_clicks,
    search_impressions, search_position, discover_clicks, leads, mqls, deals, orders, order_value, is_complete
from articles
where period_start = $month
order by leads desc nulls last, page_views desc nulls last, path, host

-- name: drivers
select driver, kind, level, gain, more_of_the_goal
from drivers
where period_start = $start
order by place

-- name: tree
select required.kpi, kpis.label_ja, kpis.label_en, required.leads_to, required.remaining_verdict,
    required.extra_per_week
from required
inner join kpis on required.kpi = kpis.kpi
where required.is_goal_period and required.period_start = $start
order by required.place

-- name: on_miss
select value
from plan_agreements
where is_current and section = 'on_miss' and attribute = 'process'

-- name: notes
select start_on, end_on, tag, text
from notes
where start_on <= $last and end_on >= $first
order by start_on, end_on, text
