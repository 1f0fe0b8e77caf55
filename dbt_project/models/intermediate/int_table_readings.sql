with fetches as (
    select table_name, fetched_at, changed_at, retries, flags from {{ ref('stg_pipelines__fetches') }}
),

last_days as (
    select table_name, cast(max(fetched_at) as date) as read_on
    from fetches
    group by table_name
)

select
    fetches.table_name,
    count(*) as requests,
    cast(sum(fetches.retries) as bigint) as retries,
    max(fetches.changed_at) as changed_at,
    -- In alphabetical order.
    concat_ws(
        ',',
        case when bool_or(fetches.flags like '%days_joined%') then 'days_joined' end,
        case when bool_or(fetches.flags like '%days_lost%') then 'days_lost' end,
        case when bool_or(fetches.flags like '%other_row%') then 'other_row' end,
        case when bool_or(fetches.flags like '%overlapping_pages%') then 'overlapping_pages' end,
        case when bool_or(fetches.flags like '%restricted%') then 'restricted' end,
        case when bool_or(fetches.flags like '%sampled%') then 'sampled' end,
        case when bool_or(fetches.flags like '%thresholded%') then 'thresholded' end,
        case when bool_or(fetches.flags like '%timezone_differs%') then 'timezone_differs' end,
        case when bool_or(fetches.flags like '%truncated%') then 'truncated' end
    ) as flags
from fetches
inner join last_days
    on fetches.table_name = last_days.table_name and cast(fetches.fetched_at as date) = last_days.read_on
group by fetches.table_name
