with users as (select grain, period_start, active_users, sessions from {{ ref('stg_ga4__users') }}),

article_users as (
    select grain, period_start, active_users, scrolled_users, engagement_seconds
    from {{ ref('stg_ga4__article_users') }}
),

event_users as (select grain, period_start, event_name, active_users from {{ ref('stg_ga4__event_users') }}),

events as (select meaning, event_name from {{ ref('stg_company__events') }}),

measures as (
    select 'users' as kpi, grain, period_start, active_users as numerator, null as denominator from users
    union all
    select 'sessions' as kpi, grain, period_start, sessions as numerator, null as denominator from users
    union all
    select 'engagement_seconds' as kpi, grain, period_start, engagement_seconds as numerator, active_users
    from article_users
    union all
    select 'read_through_rate' as kpi, grain, period_start, scrolled_users as numerator, active_users
    from article_users
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
