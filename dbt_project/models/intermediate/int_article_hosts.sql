with article_paths as (select path_prefix from {{ ref('stg_company__article_paths') }}),

page_months as (select host, path, active_users from {{ ref('stg_ga4__page_months') }}),

search_page_days as (select host, path from {{ ref('stg_search_console__page_days') }}),

pages as (
    select host, path, active_users from page_months
    union all
    select distinct host, path, 0 as active_users from search_page_days
),

articles as (
    select host, path, sum(active_users) as users
    from pages
    where
        exists (
            select 1 from article_paths
            where left(pages.path, length(article_paths.path_prefix)) = article_paths.path_prefix
        )
    group by host, path
),

ranked as (
    select
        path,
        host,
        row_number() over (partition by path order by users desc nulls last, host asc nulls last) as place
    from articles
)

select path, host
from ranked
where place = 1
