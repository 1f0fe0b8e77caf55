-- name: steps
-- Each step of the funnel as it was observed, and the rate that the running goal would need of what is coming.
select
    funnel.stage, funnel.next_stage, funnel.n, funnel.moved, funnel.exited, funnel.still_open, funnel.rate,
    funnel.ci_low, funnel.ci_high, funnel.horizon_days, funnel.at_risk, funnel.is_shortened, funnel.lag_q50_days,
    funnel.lag_q75_days, funnel.lag_q90_days, funnel.naive_rate_of_all, funnel.naive_rate_of_closed, funnel.verdict,
    least(next_required.required / nullif(entries.projected, 0), 1) as needed_rate
from funnel
cross join publication
left join required as next_required
    on
        next_required.kpi = case funnel.next_stage when 'won' then 'orders' when 'deal' then 'deals' else 'mqls' end
        and next_required.is_goal_period
        and publication.as_of between next_required.goal_start and next_required.goal_end
left join scorecard as entries
    on
        entries.kpi = case funnel.stage when 'lead' then 'leads' when 'mql' then 'mqls' else 'deals' end
        and entries.period_start = next_required.period_start
        and entries.grain = next_required.grain
where funnel.segment = 'all'
order by case funnel.stage when 'lead' then 1 when 'mql' then 2 else 3 end

-- name: segments
-- A step by segment: rates drawn towards the step's own by how little is known of each.
select
    stage, next_stage, segment, segment_value, n, moved, exited, still_open, rate, shrunk_rate, shrunk_low, shrunk_high,
    lag_q50_days, verdict
from funnel
where segment = $segment
order by case stage when 'lead' then 1 when 'mql' then 2 else 3 end, n desc, segment_value

-- name: kinds
select distinct segment from funnel where segment <> 'all' order by segment

-- name: cohorts
-- Who entered a stage in each of the last thirteen months, and how much of what becomes of them can be seen yet.
select
    stage, next_stage, period_start, n, moved, exited, still_open, cohort_rate, horizon_days, maturity, is_mature
from funnel_cohorts
cross join publication
where grain = 'month' and period_start <= publication.as_of and period_start > publication.as_of - interval '13' month
order by case stage when 'lead' then 1 when 'mql' then 2 else 3 end, period_start
