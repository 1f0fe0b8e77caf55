-- A period is judged by the plan that was in force on its last day, a running one by the newest. Periods that were over
-- before there was a plan are judged by the newest too: nobody has reviewed them under another one.
with settings as (select as_of from {{ ref('stg_company__settings') }}),

versions as (select valid_from from {{ ref('stg_plan__versions') }}),

newest as (select max(valid_from) as valid_from from versions),

periods as (select grain, period_start, period_end from {{ ref('int_periods') }})

select
    periods.grain,
    periods.period_start,
    periods.period_end,
    coalesce(max(versions.valid_from), max(newest.valid_from)) as valid_from
from periods
cross join settings
cross join newest
left join versions on least(periods.period_end, settings.as_of) >= versions.valid_from
group by periods.grain, periods.period_start, periods.period_end
