with article_hosts as (select path, host from {{ ref('int_article_hosts') }}),

page_days as (select date_on, host, path, page_views from {{ ref('stg_ga4__page_days') }}),

page_months as (
    select period_start as date_on, host, path, active_users, scrolled_users, engagement_seconds
    from {{ ref('stg_ga4__page_months') }}
),

page_ends as (
    select page_ends.period_start as date_on, page_ends.host, page_ends.path, page_ends.active_users
    from {{ ref('stg_ga4__page_ends') }} as page_ends
    inner join {{ ref('stg_company__events') }} as events on page_ends.event_name = events.event_name
    where events.meaning = 'end_of_article'
),

landing_days as (select date_on, landing_path, sessions from {{ ref('stg_ga4__landing_days') }}),

search_page_days as (
    select date_on, host, path, clicks, impressions, position
    from {{ ref('stg_search_console__page_days') }}
    where search_type = 'web'
),

discover_page_days as (
    select date_on, host, path, clicks
    from {{ ref('stg_search_console__page_days') }}
    where search_type = 'discover'
),

measures as (
    select 'page_views' as measure, date_on, host, path, cast(page_views as double) as value from page_days
    union all
    select 'users' as measure, date_on, host, path, active_users as value from page_months
    union all
    select 'scrolled_users' as measure, date_on, host, path, scrolled_users as value from page_months
    union all
    select 'finished_users' as measure, date_on, host, path, active_users as value from page_ends
    union all
    select 'engagement_seconds' as measure, date_on, host, path, engagement_seconds as value from page_months
    union all
    -- GA4 gives landing pages without their host.
    select 'landing_sessions' as measure, l.date_on, h.host, h.path, l.sessions as value
    from landing_days as l
    inner join article_hosts as h on l.landing_path = h.path
    union all
    select 'search_clicks' as measure, date_on, host, path, clicks as value from search_page_days
    union all
    select 'search_impressions' as measure, date_on, host, path, impressions as value from search_page_days
    union all
    select 'search_places' as measure, date_on, host, path, position * impressions as value from search_page_days
    union all
    select 'discover_clicks' as measure, date_on, host, path, clicks as value from discover_page_days
)

select
    measures.host,
    measures.path,
    cast(date_trunc('month', measures.date_on) as date) as period_start,
    measures.measure,
    -- A sum of fractions depends on their order by its last bits, and a second night must not change a row.
    round(sum(measures.value), 6) as value
from measures
inner join article_hosts on measures.path = article_hosts.path
group by 1, 2, 3, 4
