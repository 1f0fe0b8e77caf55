with fetches as (
    select table_name, window_start, window_end, fetched_at, flags from {{ ref('stg_pipelines__fetches') }}
),

days as (select date_on from {{ ref('int_days') }}),

periods as (select grain, period_start, measured_to from {{ ref('int_periods') }}),

kpi_tables as (select distinct kpi, table_name from {{ ref('kpi_inputs') }}),

readings as (
    select
        table_name,
        window_start,
        window_end,
        cast(fetched_at as date) as read_on,
        bool_or(flags like '%other_row%') as has_other_row,
        bool_or(flags like '%restricted%') as is_restricted,
        bool_or(flags like '%sampled%') as is_sampled,
        bool_or(flags like '%thresholded%') as is_thresholded,
        bool_or(flags like '%timezone_differs%') as timezone_differs,
        bool_or(flags like '%truncated%') as is_truncated
    from fetches
    group by table_name, window_start, window_end, cast(fetched_at as date)
),

-- A day that is read again is as good as its last reading.
day_readings as (
    select
        readings.table_name,
        days.date_on,
        readings.has_other_row,
        readings.is_restricted,
        readings.is_sampled,
        readings.is_thresholded,
        readings.timezone_differs,
        readings.is_truncated,
        rank() over (partition by readings.table_name, days.date_on order by readings.read_on desc nulls last) as age
    from readings
    inner join days on days.date_on between readings.window_start and readings.window_end
)

select
    kpi_tables.kpi,
    periods.grain,
    periods.period_start,
    bool_or(day_readings.has_other_row) as has_other_row,
    bool_or(day_readings.is_restricted) as is_restricted,
    bool_or(day_readings.is_sampled) as is_sampled,
    bool_or(day_readings.is_thresholded) as is_thresholded,
    bool_or(day_readings.timezone_differs) as timezone_differs,
    bool_or(day_readings.is_truncated) as is_truncated
from day_readings
inner join periods on day_readings.date_on between periods.period_start and periods.measured_to
inner join kpi_tables on day_readings.table_name = kpi_tables.table_name
where day_readings.age = 1
group by kpi_tables.kpi, periods.grain, periods.period_start
