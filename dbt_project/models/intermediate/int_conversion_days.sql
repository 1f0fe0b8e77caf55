with submissions as (
    select kind, submitted_on
    from {{ ref('int_submissions') }}
    where invalid_reason is null
),

downloads as (select submitted_on from {{ ref('int_downloads') }}),

contacts as (select lead_on, mql_on from {{ ref('int_contacts') }}),

mqls as (select mql_on, deals from {{ ref('int_mqls') }}),

new_deals as (
    select status, created_on, closed_on, amount, case when status = 'won' then 1 else 0 end as orders
    from {{ ref('int_deals') }}
    where kind = 'new'
),

events as (
    select 'downloads' as kpi, submitted_on as date_on, 1.0 as numerator, null as denominator from downloads
    union all
    select 'inquiries' as kpi, submitted_on as date_on, 1 as numerator, null as denominator
    from submissions
    where kind = 'inquiry'
    union all
    select 'leads' as kpi, lead_on as date_on, 1 as numerator, null as denominator from contacts
    union all
    select 'mqls' as kpi, mql_on as date_on, 1 as numerator, null as denominator from mqls
    union all
    select 'deal_rate' as kpi, mql_on as date_on, deals as numerator, 1 as denominator from mqls
    union all
    select 'deals' as kpi, created_on as date_on, 1 as numerator, null as denominator from new_deals
    union all
    select 'win_rate' as kpi, closed_on as date_on, orders as numerator, 1 as denominator
    from new_deals
    where status in ('won', 'lost')
    union all
    select 'orders' as kpi, closed_on as date_on, orders as numerator, null as denominator
    from new_deals
    where status = 'won'
    union all
    select 'order_value' as kpi, closed_on as date_on, coalesce(amount, 0) as numerator, null as denominator
    from new_deals
    where status = 'won'
)

select
    kpi,
    date_on,
    cast(sum(numerator) as double) as numerator,
    cast(sum(denominator) as double) as denominator,
    count(*) as n
from events
where date_on is not null
group by kpi, date_on
