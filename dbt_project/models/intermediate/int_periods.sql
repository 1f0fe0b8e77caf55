with days as (select week_start, month_start, quarter_start from {{ ref('int_days') }}),

settings as (select as_of from {{ ref('stg_company__settings') }}),

grains as (
    select grains.grain, grains.months, grains.days
    from (values ('week', 0, 7), ('month', 1, 0), ('quarter', 3, 0)) as grains (grain, months, days)
),

starts as (
    select 'week' as grain, week_start as period_start from days
    union distinct
    select 'month' as grain, month_start as period_start from days
    union distinct
    select 'quarter' as grain, quarter_start as period_start from days
),

periods as (
    select
        starts.grain,
        starts.period_start,
        cast(
            starts.period_start + grains.months * interval '1' month + (grains.days - 1) * interval '1' day as date
        ) as period_end,
        cast(
            starts.period_start - grains.months * interval '1' month - grains.days * interval '1' day as date
        ) as previous_start,
        -- A year before; for a week 52 weeks, so that it is a week again.
        case
            when starts.grain = 'week' then cast(starts.period_start - interval '364' day as date)
            else cast(starts.period_start - interval '12' month as date)
        end as last_year_start
    from starts
    inner join grains on starts.grain = grains.grain
)

select
    periods.grain,
    periods.period_start,
    periods.period_end,
    periods.previous_start,
    periods.last_year_start,
    -- The last day of the period that this night knows; null when the period has not begun.
    case when periods.period_start <= settings.as_of then least(periods.period_end, settings.as_of) end as measured_to
from periods
cross join settings
