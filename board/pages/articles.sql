-- name: articles
-- The articles with what they brought in the last twelve months, the most read first.
select
    host, path, coalesce(title, path) as title, from_on, to_on, page_views, landing_sessions, leads, mqls, deals, orders,
    order_value, rate, shrunk_rate, shrunk_low, shrunk_high, line, median_page_views, action
from article_rates
order by page_views desc nulls last, path
