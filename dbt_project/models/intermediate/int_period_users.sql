with users as (select grain, period_start, active_users, sessions from {{ ref('stg_ga4__users') }}),

article_users as (
    select grain, period_start, active_users, scrolled_users, engagement_seconds
    from {{ ref('stg_ga4__article_users') }}
),

article_ends as (select grain, period_start, event_name, active_users from {{ ref('stg_ga4__article_ends') }}),

methods as (
    select grain, period_start, method
    from {{ ref('int_kpi_methods') }}
    where kpi = 'read_through_rate'
),

event_users as (select grain, period_start, event_name, active_users from {{ ref('stg_ga4__event_users') }}),

events as (select meaning, event_name from {{ ref('stg_company__events') }}),

ends as (
    select article_ends.grain, article_ends.period_start, article_ends.active_users
    from article_ends
    inner join events on article_ends.event_name = events.event_name
    where events.meaning = 'end_of_article'
),

measures as (
    select 'users' as kpi, grain, period_start, active_users as numerator, null as denominator from users
    union all
    select 'sessions' as kpi, grain, period_start, sessions as numerator, null as denominator from users
    union all
    select 'engagement_seconds' as kpi, grain, period_start, engagement_seconds as numerator, active_users
    from article_users
    union all
    select
        'read_through_rate' as kpi,
        a.grain,
        a.period_start,
        case when m.method = 'end_of_article' then e.active_users else a.scrolled_users end as numerator,
        a.active_users
    from article_users as a
    inner join methods as m on a.grain = m.grain and a.period_start = m.period_start
    left join ends as e on a.grain = e.grain and a.period_start = e.period_start
    union all
    select 'users_over_one_minute' as kpi, e.grain, e.period_start, e.active_users as numerator, null as denominator
    from event_users as e
    inner join events on e.event_name = events.event_name
    where events.meaning = 'one_minute'
)

select
    kpi,
    grain,
    period_start,
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator,
    cast(coalesce(denominator, numerator) as bigint) as n
from measures
