-- name: sources
select
    source, table_name, asset, last_on, settled_to, loaded_at, days_behind, row_count, rows_rejected, rows_set_aside,
    flags, retries, requests, freshness
from source_health
order by source, table_name

-- name: quotas
select source, quota, remaining, asked_at from quotas order by source, quota

-- name: quarantine
select kind, file, line, column_name, value_class, reason, remedy
from quarantine
order by kind, file, line
limit 100

-- name: quarantined
select kind, file, count(*) as rejected from quarantine group by kind, file order by kind, file

-- name: flagged
-- What is to be known of the KPIs of the running month.
select kpis.kpi, kpis.label_ja, kpis.label_en, scorecard.flags, scorecard.reason, scorecard.status
from scorecard
inner join kpis on scorecard.kpi = kpis.kpi
cross join publication
where
    scorecard.grain = 'month'
    and publication.as_of between scorecard.period_start and scorecard.period_end
    and (scorecard.flags <> '' or scorecard.reason is not null)
order by kpis.sort_order
