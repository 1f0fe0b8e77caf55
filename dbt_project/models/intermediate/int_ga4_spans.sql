with loads as (select table_name, window_end, restated_days from {{ ref('stg_pipelines__loads') }})

select
    table_name,
    max(window_end) as read_to,
    -- A day is final when it was read once more after the last day on which GA4 may change it.
    cast(max(window_end - restated_days * interval '1' day) as date) as final_to
from loads
where table_name like 'ga4%' and window_end is not null
group by table_name
