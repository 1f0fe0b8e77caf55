with settings as (select as_of from {{ ref('stg_company__settings') }}),

contact_articles as (select contact_id, host, path from {{ ref('int_contact_articles') }}),

contacts as (select contact_id, lead_on, mql_on from {{ ref('int_contacts') }}),

new_deals as (
    select contact_id, status, created_on, closed_on, amount
    from {{ ref('int_deals') }}
    where kind = 'new'
),

events as (
    select 'leads' as measure, contact_id, lead_on as date_on, 1.0 as value from contacts
    union all
    select 'mqls' as measure, contact_id, mql_on as date_on, 1 as value from contacts
    union all
    select 'deals' as measure, contact_id, created_on as date_on, 1 as value from new_deals
    union all
    select 'orders' as measure, contact_id, closed_on as date_on, 1 as value
    from new_deals
    where status = 'won'
    union all
    select 'order_value' as measure, contact_id, closed_on as date_on, amount as value
    from new_deals
    where status = 'won'
)

select
    contact_articles.host,
    contact_articles.path,
    cast(date_trunc('month', events.date_on) as date) as period_start,
    events.measure,
    cast(sum(events.value) as double) as value
from events
inner join contact_articles on events.contact_id = contact_articles.contact_id
inner join settings on events.date_on <= settings.as_of
group by 1, 2, 3, 4
