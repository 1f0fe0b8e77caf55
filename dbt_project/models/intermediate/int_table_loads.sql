with loads as (
    select table_name, window_start, window_end, loaded_at, restated_days, row_count, rows_rejected, rows_set_aside
    from {{ ref('stg_pipelines__loads') }}
),

last_loads as (
    select
        table_name,
        max(loaded_at) as loaded_at,
        max(window_end) as read_to,
        max(window_end - restated_days * interval '1' day) as final_to
    from loads
    group by table_name
),

-- A night reads some tables span by span; of a span that was loaded twice on the last day, the later load counts.
last_spans as (
    select
        loads.table_name,
        loads.row_count,
        loads.rows_rejected,
        loads.rows_set_aside,
        row_number() over (
            partition by loads.table_name, loads.window_start, loads.window_end order by loads.loaded_at desc nulls last
        ) as age
    from loads
    inner join last_loads
        on
            loads.table_name = last_loads.table_name
            and cast(loads.loaded_at as date) = cast(last_loads.loaded_at as date)
)

select
    last_loads.table_name,
    last_loads.loaded_at,
    last_loads.read_to,
    cast(last_loads.final_to as date) as final_to,
    cast(sum(last_spans.row_count) as bigint) as row_count,
    cast(sum(last_spans.rows_rejected) as bigint) as rows_rejected,
    cast(sum(last_spans.rows_set_aside) as bigint) as rows_set_aside
from last_loads
inner join last_spans on last_loads.table_name = last_spans.table_name
where last_spans.age = 1
group by last_loads.table_name, last_loads.loaded_at, last_loads.read_to, last_loads.final_to
