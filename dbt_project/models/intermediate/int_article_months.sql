with months as (
    select period_start, period_end, measured_to
    from {{ ref('int_periods') }}
    where grain = 'month' and measured_to is not null
),

spans as (select input, first_on, whole_to, last_on from {{ ref('int_input_spans') }}),

methods as (
    select period_start, method
    from {{ ref('int_kpi_methods') }}
    where kpi = 'read_through_rate' and grain = 'month'
),

contact_articles as (select contact_id from {{ ref('int_contact_articles') }}),

measures as (
    select host, path, period_start, measure, value from {{ ref('int_article_traffic') }}
    union all
    select host, path, period_start, measure, value from {{ ref('int_article_outcomes') }}
    union all
    select host, path, period_start, source as measure, scroll_depth as value from {{ ref('int_article_scrolls') }}
),

-- Zero where the source covers the month, null where it cannot know.
contacts_zero as (select case when count(*) > 0 then 0 end as zero from contact_articles),

zeros as (
    select
        months.period_start,
        max(case when spans.input = 'ga4' then 0 end) as ga4,
        max(case when spans.input = 'search_console' then 0 end) as search,
        max(case when spans.input = 'exports.contacts' then contacts_zero.zero end) as leads,
        max(case when spans.input = 'exports.stages' then contacts_zero.zero end) as mqls,
        max(case when spans.input = 'exports.deals.contact_id' then contacts_zero.zero end) as deals
    from months
    inner join spans on months.measured_to >= spans.first_on and months.period_start <= spans.last_on
    cross join contacts_zero
    group by months.period_start
),

-- Whether Discover was read, Search Console does not say where it showed none of our articles.
discover_months as (
    select distinct period_start, 0 as zero
    from measures
    where measure = 'discover_clicks'
),

-- A month that Search Console reaches into, and may still change.
fresh_months as (
    select months.period_start
    from months
    inner join spans on months.period_start <= spans.last_on
    where spans.input = 'search_console' and months.period_end > coalesce(spans.whole_to, date '0001-01-01')
),

article_months as (
    select
        host,
        path,
        period_start,
        max(case when measure = 'page_views' then value end) as page_views,
        max(case when measure = 'users' then value end) as users,
        max(case when measure = 'engagement_seconds' then value end) as engagement_seconds,
        max(case when measure = 'scrolled_users' then value end) as scrolled_users,
        max(case when measure = 'finished_users' then value end) as finished_users,
        max(case when measure = 'landing_sessions' then value end) as landing_sessions,
        max(case when measure = 'search_clicks' then value end) as search_clicks,
        max(case when measure = 'search_impressions' then value end) as search_impressions,
        max(case when measure = 'search_places' then value end) as search_places,
        max(case when measure = 'clarity' then value end) as clarity_depth,
        max(case when measure = 'page_scrolls' then value end) as file_depth,
        max(case when measure = 'discover_clicks' then value end) as discover_clicks,
        max(case when measure = 'leads' then value end) as leads,
        max(case when measure = 'mqls' then value end) as mqls,
        max(case when measure = 'deals' then value end) as deals,
        max(case when measure = 'orders' then value end) as orders,
        max(case when measure = 'order_value' then value end) as order_value
    from measures
    group by host, path, period_start
)

select
    article_months.host,
    article_months.path,
    months.period_start,
    months.period_end,
    cast(coalesce(article_months.page_views, zeros.ga4) as bigint) as page_views,
    cast(coalesce(article_months.users, zeros.ga4) as bigint) as users,
    cast(coalesce(article_months.engagement_seconds, zeros.ga4) as double) as engagement_seconds,
    cast(coalesce(article_months.scrolled_users, zeros.ga4) as bigint) as scrolled_users,
    case
        when methods.method = 'end_of_article' then cast(coalesce(article_months.finished_users, zeros.ga4) as bigint)
    end as finished_users,
    case
        when methods.method = 'end_of_article' then coalesce(article_months.finished_users, 0)
        else article_months.scrolled_users
    end / nullif(article_months.users, 0) as read_through_rate,
    case when article_months.users > 0 then methods.method end as read_through_method,
    coalesce(article_months.clarity_depth, article_months.file_depth) as scroll_depth,
    case
        when article_months.clarity_depth is not null then 'clarity'
        when article_months.file_depth is not null then 'page_scrolls'
    end as scroll_depth_source,
    cast(coalesce(article_months.landing_sessions, zeros.ga4) as bigint) as landing_sessions,
    cast(coalesce(article_months.search_clicks, zeros.search) as bigint) as search_clicks,
    cast(coalesce(article_months.search_impressions, zeros.search) as bigint) as search_impressions,
    article_months.search_places / nullif(article_months.search_impressions, 0) as search_position,
    cast(coalesce(article_months.discover_clicks, discover_months.zero) as bigint) as discover_clicks,
    cast(coalesce(article_months.leads, zeros.leads) as bigint) as leads,
    cast(coalesce(article_months.mqls, zeros.mqls) as bigint) as mqls,
    cast(coalesce(article_months.deals, zeros.deals) as bigint) as deals,
    cast(coalesce(article_months.orders, zeros.deals) as bigint) as orders,
    cast(coalesce(article_months.order_value, zeros.deals) as double) as order_value,
    months.period_end <= months.measured_to and fresh_months.period_start is null as is_complete
from article_months
inner join months on article_months.period_start = months.period_start
left join methods on months.period_start = methods.period_start
left join zeros on months.period_start = zeros.period_start
left join discover_months on months.period_start = discover_months.period_start
left join fresh_months on months.period_start = fresh_months.period_start
