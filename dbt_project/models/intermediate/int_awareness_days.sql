with site_days as (select date_on, page_views from {{ ref('stg_ga4__site_days') }}),

search_days as (select date_on, clicks, impressions, position from {{ ref('stg_search_console__days') }}),

measures as (
    select 'page_views' as kpi, date_on, page_views as numerator, null as denominator from site_days
    union all
    select 'search_impressions' as kpi, date_on, impressions as numerator, null as denominator from search_days
    union all
    select 'search_clicks' as kpi, date_on, clicks as numerator, null as denominator from search_days
    union all
    select 'search_position' as kpi, date_on, position * impressions as numerator, impressions as denominator
    from search_days
)

select
    kpi,
    date_on,
    cast(sum(numerator) as double) as numerator,
    cast(sum(denominator) as double) as denominator,
    cast(sum(coalesce(denominator, numerator)) as bigint) as n
from measures
group by kpi, date_on
