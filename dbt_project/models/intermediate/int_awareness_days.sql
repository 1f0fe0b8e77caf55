with site_days as (select date_on, page_views from {{ ref('stg_ga4__site_days') }}),

search_days as (
    select date_on, clicks, impressions, position
    from {{ ref('stg_search_console__days') }}
    where search_type = 'web'
),

named_clicks as (
    select date_on, sum(clicks) as clicks
    from {{ ref('stg_search_console__query_days') }}
    group by date_on
),

-- A fresh day can grow between its two answers, and then its named queries have more clicks than the day.
hidden_clicks as (
    select
        search_days.date_on,
        search_days.clicks,
        greatest(search_days.clicks - coalesce(named_clicks.clicks, 0), 0) as hidden
    from search_days
    left join named_clicks on search_days.date_on = named_clicks.date_on
),

measures as (
    select 'page_views' as kpi, date_on, page_views as numerator, null as denominator from site_days
    union all
    select 'search_impressions' as kpi, date_on, impressions as numerator, null as denominator from search_days
    union all
    select 'search_clicks' as kpi, date_on, clicks as numerator, null as denominator from search_days
    union all
    select 'search_position' as kpi, date_on, position * impressions as numerator, impressions as denominator
    from search_days
    union all
    select 'hidden_click_share' as kpi, date_on, hidden as numerator, clicks as denominator from hidden_clicks
)

select
    kpi,
    date_on,
    cast(sum(numerator) as double) as numerator,
    cast(sum(denominator) as double) as denominator,
    cast(sum(coalesce(denominator, numerator)) as bigint) as n
from measures
group by kpi, date_on
