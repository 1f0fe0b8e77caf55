with rates as (
    select
        host, path, from_on, to_on, page_views, landing_sessions, leads, mqls, deals, orders, order_value, rate,
        shrunk_rate, shrunk_low, shrunk_high, common_rate, line, median_page_views, action
    from {{ source('analysis', 'article_rates') }}
),

titles as (select host, path, title from {{ ref('int_article_titles') }})

select
    rates.host,
    rates.path,
    titles.title,
    rates.from_on,
    rates.to_on,
    rates.page_views,
    rates.landing_sessions,
    rates.leads,
    rates.mqls,
    rates.deals,
    rates.orders,
    rates.order_value,
    rates.rate,
    rates.shrunk_rate,
    rates.shrunk_low,
    rates.shrunk_high,
    rates.common_rate,
    rates.line,
    rates.median_page_views,
    rates.action
from rates
left join titles on rates.host = titles.host and rates.path = titles.path
