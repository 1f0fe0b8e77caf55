with tables as (select table_name, source, asset, is_dated from {{ ref('stg_company__tables') }}),

settings as (select as_of, utc_offset_minutes from {{ ref('stg_company__settings') }}),

days as (select date_on from {{ ref('stg_company__calendar') }}),

loads as (
    select table_name, loaded_at, read_to, final_to, row_count, rows_rejected, rows_set_aside
    from {{ ref('int_table_loads') }}
),

readings as (select table_name, requests, retries, changed_at, flags from {{ ref('int_table_readings') }}),

search_days as (
    select max(date_on) as last_on, max(case when is_final then date_on end) as settled_to
    from {{ ref('stg_search_console__days') }}
    where search_type = 'web'
),

lines as (
    select
        tables.source,
        tables.table_name,
        tables.asset,
        -- Search Console is asked for days that it does not know yet.
        case
            when tables.source = 'search_console' and search_days.last_on < loads.read_to then search_days.last_on
            when tables.source = 'search_console' and search_days.last_on is null then null
            when tables.is_dated then loads.read_to
        end as last_on,
        case
            when tables.source = 'search_console' then search_days.settled_to
            when tables.is_dated then loads.final_to
        end as settled_to,
        -- What is read whole holds the days before the one on which it was read; an export those before it was written.
        case
            when tables.source = 'exports' then coalesce(readings.changed_at, loads.loaded_at)
            when not tables.is_dated then loads.loaded_at
        end as whole_at,
        case tables.source when 'search_console' then 3 when 'exports' then 7 else 1 end as fresh_days,
        loads.loaded_at,
        readings.changed_at,
        loads.row_count,
        loads.rows_rejected,
        loads.rows_set_aside,
        coalesce(readings.flags, '') as flags,
        readings.requests,
        readings.retries
    from tables
    cross join search_days
    left join loads on tables.table_name = loads.table_name
    left join readings on tables.table_name = readings.table_name
),

covered as (
    select
        lines.table_name,
        coalesce(
            lines.last_on,
            cast(lines.whole_at + (coalesce(settings.utc_offset_minutes, 0) - 1440) * interval '1' minute as date)
        ) as covered_to
    from lines
    cross join settings
),

-- Days are counted in the calendar: no two engines subtract dates alike.
ages as (
    select covered.table_name, count(days.date_on) as days_behind
    from covered
    cross join settings
    left join days on covered.covered_to < days.date_on and settings.as_of >= days.date_on
    where covered.covered_to is not null
    group by covered.table_name
)

select
    lines.source,
    lines.table_name,
    lines.asset,
    lines.last_on,
    lines.settled_to,
    lines.loaded_at,
    lines.changed_at,
    ages.days_behind,
    cast(lines.fresh_days as bigint) as fresh_days,
    case
        when ages.days_behind is null then 'never'
        when ages.days_behind <= lines.fresh_days then 'fresh'
        when ages.days_behind <= 2 * lines.fresh_days then 'late'
        else 'stale'
    end as freshness,
    lines.row_count,
    lines.rows_rejected,
    lines.rows_set_aside,
    lines.flags,
    lines.requests,
    lines.retries
from lines
left join ages on lines.table_name = ages.table_name
