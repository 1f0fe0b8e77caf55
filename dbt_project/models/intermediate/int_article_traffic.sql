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
    select date_on, host, path, clicks, impressions, position from {{ ref('stg_search_console__page_days') }}
),

-- The tag also runs on test hosts, which GA4 and Search Console leave out: only the article itself counts.
clarity_page_days as (
    select p.date_on, p.host, p.path, p.scroll_depth, p.sessions
    from {{ ref('stg_clarity__page_days') }} as p
    inner join article_hosts as h on p.host = h.host and p.path = h.path
    where p.scroll_depth is not null and p.sessions is not null
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
    select 'scroll_sessions' as measure, date_on, host, path, sessions as value from clarity_page_days
    union all
    select 'scrolled_percent' as measure, date_on, host, path, scroll_depth * sessions as value from clarity_page_days
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
