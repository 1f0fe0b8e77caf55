-- The share of a period's counted days (business days, or all) that has passed; of one without any, of its days.
with settings as (select as_of from {{ ref('stg_company__settings') }}),

periods as (
    select grain, period_start, period_end from {{ ref('int_periods') }}
),

days as (
    select calendar.date_on, case when calendar.is_counted then 1 else 0 end as counted
    from {{ ref('stg_company__calendar') }} as calendar
),

passed as (
    select
        periods.grain,
        periods.period_start,
        periods.period_end,
        sum(days.counted) as days,
        sum(case when days.date_on <= settings.as_of then days.counted else 0 end) as days_passed,
        count(*) as calendar_days,
        sum(case when days.date_on <= settings.as_of then 1 else 0 end) as calendar_days_passed
    from periods
    cross join settings
    inner join days on days.date_on between periods.period_start and periods.period_end
    group by periods.grain, periods.period_start, periods.period_end
)

select
    grain,
    period_start,
    period_end,
    cast(days as bigint) as days,
    cast(days_passed as bigint) as days_passed,
    coalesce(days_passed / nullif(days, 0), calendar_days_passed / nullif(calendar_days, 0)) as standard_pace
from passed
