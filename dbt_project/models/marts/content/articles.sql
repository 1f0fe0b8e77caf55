with months as (
    select
        host, path, period_start, period_end, page_views, users, engagement_seconds, scrolled_users,
        finished_users, read_through_rate, read_through_method, scroll_depth, scroll_depth_source,
        landing_sessions, search_clicks, search_impressions, search_position, discover_clicks, leads, mqls,
        deals, orders, order_value, is_complete
    from {{ ref('int_article_months') }}
),

titles as (select host, path, title from {{ ref('int_article_titles') }})

select
    months.host,
    months.path,
    titles.title,
    months.period_start,
    months.period_end,
    months.page_views,
    months.users,
    months.engagement_seconds,
    months.scrolled_users,
    months.finished_users,
    months.read_through_rate,
    months.read_through_method,
    months.scroll_depth,
    months.scroll_depth_source,
    months.landing_sessions,
    months.search_clicks,
    months.search_impressions,
    months.search_position,
    months.discover_clicks,
    months.leads,
    months.mqls,
    months.deals,
    months.orders,
    months.order_value,
    months.is_complete
from months
left join titles on months.host = titles.host and months.path = titles.path
