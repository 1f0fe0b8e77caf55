with article_hosts as (select path, host from {{ ref('int_article_hosts') }}),

-- Clarity's tag also runs on test hosts, which GA4 and Search Console leave out: only the article itself counts.
clarity_page_days as (
    select p.date_on, p.host, p.path, p.scroll_depth, p.sessions
    from {{ ref('stg_clarity__page_days') }} as p
    inner join article_hosts as h on p.host = h.host and p.path = h.path
    where p.sessions is not null
),

-- Files give a share, Clarity a percentage; and often the path alone.
file_page_days as (
    select p.date_on, h.host, h.path, 100 * p.scroll_depth as scroll_depth, p.sessions
    from {{ ref('stg_exports__page_scrolls') }} as p
    inner join article_hosts as h on p.page_path = h.path and p.page_host in (h.host, '')
),

readings as (
    select 'clarity' as source, date_on, host, path, scroll_depth, sessions from clarity_page_days
    union all
    select 'page_scrolls' as source, date_on, host, path, scroll_depth, sessions from file_page_days
),

months as (
    select
        source,
        host,
        path,
        cast(date_trunc('month', date_on) as date) as period_start,
        sum(scroll_depth * sessions) / nullif(sum(sessions), 0) as weighted_depth,
        sum(scroll_depth) / nullif(count(*), 0) as plain_depth,
        bool_and(sessions is not null) as has_sessions
    from readings
    where scroll_depth is not null
    group by source, host, path, cast(date_trunc('month', date_on) as date)
)

-- Where a day's sessions are missing, days cannot be weighed against each other. Rounded, because the last bits of a
-- sum depend on the order of its rows.
select
    source,
    host,
    path,
    period_start,
    round(case when has_sessions then weighted_depth else plain_depth end, 6) as scroll_depth
from months
where not has_sessions or weighted_depth is not null
