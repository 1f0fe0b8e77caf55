-- name: tree
-- What the KPI leads to (of the running goal), and what leads to it.
with running as (
    select required.kpi, required.leads_to, required.rate, required.rate_low, required.rate_high, required.required
    from required
    cross join publication
    where required.is_goal_period and publication.as_of between required.goal_start and required.goal_end
)

select 'to' as way, running.kpi as of_kpi, kpis.kpi, kpis.label_ja, kpis.label_en, running.rate, running.rate_low, running.rate_high
from running
inner join kpis on running.leads_to = kpis.kpi
union all
select 'from' as way, running.leads_to as of_kpi, kpis.kpi, kpis.label_ja, kpis.label_en, running.rate, running.rate_low, running.rate_high
from running
inner join kpis on running.kpi = kpis.kpi

-- name: periods
select
    scorecard.kpi, scorecard.grain, scorecard.period_start, scorecard.period_end, scorecard.actual, scorecard.target,
    scorecard.required, scorecard.attainment, scorecard.projected, scorecard.projected_low, scorecard.projected_high,
    scorecard.previous, scorecard.last_year, scorecard.is_complete, scorecard.outlook, scorecard.flags
from scorecard
cross join publication
where scorecard.kpi = $kpi and scorecard.grain = $grain and scorecard.period_start <= publication.as_of
order by scorecard.period_start desc
