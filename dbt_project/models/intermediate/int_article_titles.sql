with page_titles as (
    select period_start, host, path, trim(title) as title, page_views
    from {{ ref('stg_ga4__page_titles') }}
),

-- What GA4 writes for a page without a title and for rows that it rolled together, and what is left of a person's data.
named as (
    select period_start, host, path, title, page_views
    from page_titles
    where title not in ('', '(not set)', '(other)', '(redacted)')
),

ranked as (
    select
        host,
        path,
        title,
        row_number() over (
            partition by host, path
            order by period_start desc nulls last, page_views desc nulls last, title asc nulls last
        ) as place
    from named
)

select host, path, title
from ranked
where place = 1
