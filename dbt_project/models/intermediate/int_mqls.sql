with settings as (select as_of from {{ ref('stg_company__settings') }}),

windows as (
    select matures_after_days
    from {{ ref('kpi_catalogue') }}
    where kpi = 'deal_rate'
),

contacts as (
    select contact_id, mql_on
    from {{ ref('int_contacts') }}
    where mql_on is not null
),

new_deals as (
    select contact_id, created_on
    from {{ ref('int_deals') }}
    where kind = 'new'
)

select
    contacts.contact_id,
    contacts.mql_on,
    max(case when new_deals.contact_id is not null then 1 else 0 end) as deals
from contacts
cross join settings
cross join windows
left join new_deals
    on
        contacts.contact_id = new_deals.contact_id
        and contacts.mql_on <= new_deals.created_on
        and contacts.mql_on + windows.matures_after_days * interval '1' day >= new_deals.created_on
        and settings.as_of >= new_deals.created_on
group by contacts.contact_id, contacts.mql_on
