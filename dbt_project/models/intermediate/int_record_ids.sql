-- A was merged into B and B into C: A is C. A chain is followed over 50 records; one that leads round in a circle ends
-- at the least id of the circle, so that its records are still one.
with recursive links as (select object, merged_id, kept_id from {{ ref('int_merge_links') }}),

chains as (
    select object, merged_id as record_id, kept_id, 1 as steps
    from links
    union all
    select chains.object, chains.record_id, links.kept_id, chains.steps + 1 as steps
    from chains
    inner join links on chains.object = links.object and chains.kept_id = links.merged_id
    where chains.steps < 50
),

ends as (
    select
        chains.object,
        chains.record_id,
        max(case when links.merged_id is null then chains.kept_id end) as last_id,
        min(chains.kept_id) as least_id
    from chains
    left join links on chains.object = links.object and chains.kept_id = links.merged_id
    group by chains.object, chains.record_id
)

select object, record_id, coalesce(last_id, least_id) as kept_id
from ends
