with left_over as (select table_name, quota, remaining, asked_at from {{ ref('stg_pipelines__quotas') }}),

tables as (select table_name, source from {{ ref('stg_company__tables') }}),

-- The tables of a source share its quotas.
by_age as (
    select
        tables.source,
        left_over.quota,
        left_over.remaining,
        left_over.asked_at,
        row_number() over (
            partition by tables.source, left_over.quota
            order by left_over.asked_at desc nulls last, left_over.remaining asc nulls last
        ) as age
    from left_over
    inner join tables on left_over.table_name = tables.table_name
)

select
    source,
    quota,
    remaining,
    asked_at
from by_age
where age = 1
