with landing_days as (select date_on, landing_path, sessions from {{ ref('stg_ga4__landing_days') }}),

onward_days as (select date_on, landing_path, sessions from {{ ref('stg_ga4__onward_days') }}),

article_paths as (select path_prefix from {{ ref('stg_company__article_paths') }}),

signups as (select signed_up_on from {{ ref('int_newsletter_signups') }}),

visits as (
    select date_on, landing_path, 0 as onward_sessions, sessions from landing_days
    union all
    select date_on, landing_path, sessions as onward_sessions, 0 as sessions from onward_days
)

select
    'onward_rate' as kpi,
    visits.date_on,
    cast(sum(visits.onward_sessions) as double) as numerator,
    cast(sum(visits.sessions) as double) as denominator,
    cast(sum(visits.sessions) as bigint) as n
from visits
where
    exists (
        select 1 from article_paths
        where left(visits.landing_path, length(article_paths.path_prefix)) = article_paths.path_prefix
    )
group by visits.date_on
union all
select
    'newsletter_signups' as kpi,
    signed_up_on as date_on,
    cast(count(*) as double) as numerator,
    null as denominator,
    count(*) as n
from signups
group by signed_up_on
