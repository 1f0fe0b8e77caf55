with recursive submissions as (
    select distinct contact_id, coalesce(asset, form, '') as asset, submitted_at, submitted_on
    from {{ ref('int_submissions') }}
    where kind = 'download' and invalid_reason is null
),

-- Of each submission: the first one of the same contact and asset that is 24 hours or more later.
linked as (
    select
        contact_id,
        asset,
        submitted_at,
        submitted_on,
        row_number() over (partition by contact_id, asset order by submitted_at asc nulls last) as position,
        min(submitted_at) over (
            partition by contact_id, asset
            order by submitted_at asc nulls last
            range between interval '24' hour following and unbounded following
        ) as next_at
    from submissions
),

counted as (
    select contact_id, asset, submitted_at, submitted_on, next_at
    from linked
    where position = 1
    union all
    select linked.contact_id, linked.asset, linked.submitted_at, linked.submitted_on, linked.next_at
    from counted
    inner join linked
        on
            counted.contact_id = linked.contact_id
            and counted.asset = linked.asset
            and counted.next_at = linked.submitted_at
)

select
    contact_id,
    asset,
    submitted_at,
    submitted_on
from counted
