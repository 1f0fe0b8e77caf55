-- name: focus
-- The one KPI that a small team looks at beside the goal.
select value as kpi
from plan_agreements
where is_current and section = 'focus' and attribute = 'key_kpi'

-- name: stage_kpis
-- One KPI of each stage: the plan's key KPI, else the first that it sets a target for, else the first that is measured.
select kpi, stage, grain, period_start
from (
    select
        kpis.kpi, kpis.stage, scorecard.grain, scorecard.period_start,
        row_number() over (
            partition by kpis.stage
            order by
                case when kpis.kpi = $focus then 0 else 1 end,
                case when scorecard.target is null then 1 else 0 end,
                plan_targets.entry nulls last,
                case when scorecard.actual is null then 1 else 0 end,
                kpis.sort_order
        ) as place
    from kpis
    cross join publication
    left join plan_targets
        on kpis.kpi = plan_targets.kpi and plan_targets.is_current and not plan_targets.is_kgi
    inner join scorecard
        on
            kpis.kpi = scorecard.kpi
            and scorecard.grain = coalesce(plan_targets.grain, 'month')
            and publication.as_of between scorecard.period_start and scorecard.period_end
    where not scorecard.is_kgi
)
where place = 1

-- name: shortfalls
-- The targets of running periods that are missed as things stand, the furthest from their target first.
select
    kpis.kpi, kpis.label_ja, kpis.label_en, kpis.unit, scorecard.grain, scorecard.period_start, scorecard.target,
    scorecard.projected, scorecard.projected_low, scorecard.projected_high, scorecard.outlook, scorecard.owner,
    abs(scorecard.projected - scorecard.target) / nullif(abs(scorecard.target), 0) as shortfall
from scorecard
inner join kpis on scorecard.kpi = kpis.kpi
cross join publication
where
    publication.as_of between scorecard.period_start and scorecard.period_end
    and scorecard.outlook in ('off_track', 'at_risk')
    and not scorecard.is_kgi
order by scorecard.outlook = 'off_track' desc, shortfall desc nulls last

-- name: levers
-- What a tenth more of would bring the goal most, and who answers for the KPI at its end.
select
    drivers.driver, drivers.kind, drivers.level, drivers.unit, drivers.gain, drivers.more_of_the_goal,
    drivers.period_start
from drivers
where drivers.more_of_the_goal > 0
order by drivers.place
limit 1

-- name: owners
select kpi, owner
from plan_targets
where is_current and owner is not null
order by entry

-- name: deadlines
-- The stage with the nearest last day from which half of the entries still reach the goal in time.
select
    kpis.kpi, kpis.label_ja, kpis.label_en, required.coin_flip_on,
    date_diff('day', publication.as_of, required.coin_flip_on) as days_left
from required
inner join kpis on required.kpi = kpis.kpi
cross join publication
where
    required.is_goal_period
    and required.leads_to is not null
    and required.coin_flip_on between publication.as_of and publication.as_of + 21
    and publication.as_of between required.goal_start and required.goal_end
order by required.coin_flip_on
limit 1

-- name: doubtful_targets
-- Targets that are no good as they stand (SMART).
select smart_checks.kpi, kpis.label_ja, kpis.label_en, smart_checks.verdict, smart_checks.owner,
    smart_checks.sentence_ja, smart_checks.sentence_en
from smart_checks
inner join kpis on smart_checks.kpi = kpis.kpi
where smart_checks.verdict in ('unrealistic', 'vague', 'not_measurable')
order by smart_checks.verdict = 'unrealistic' desc, smart_checks.entry

-- name: stale_sources
select source, table_name, last_on, days_behind, freshness
from source_health
where freshness in ('stale', 'never')
order by days_behind desc nulls first
