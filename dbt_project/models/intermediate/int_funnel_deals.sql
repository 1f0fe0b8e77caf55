-- A contact's first new deal goes on with the contact; a later one, and one without a contact, is a subject of its own.
with settings as (select as_of from {{ ref('stg_company__settings') }}),

new_deals as (
    select
        deal_id,
        contact_id,
        status,
        created_on,
        closed_on,
        amount,
        row_number() over (
            partition by contact_id order by created_on asc nulls last, deal_id asc nulls last
        ) as number
    from {{ ref('int_deals') }}
    where kind = 'new'
)

select
    new_deals.deal_id,
    case when new_deals.number = 1 then new_deals.contact_id end as contact_id,
    case
        when new_deals.contact_id is not null and new_deals.number = 1 then 'contact ' || new_deals.contact_id
        else 'deal ' || new_deals.deal_id
    end as subject_id,
    -- A closing date that is still to come is a hope.
    case when new_deals.closed_on <= settings.as_of then new_deals.status else 'open' end as status,
    new_deals.created_on,
    case
        when new_deals.status in ('won', 'lost') and new_deals.closed_on <= settings.as_of then new_deals.closed_on
    end as closed_on,
    new_deals.amount
from new_deals
cross join settings
-- Of a deal that ended nobody knows when, nobody can say how long it took.
where
    (new_deals.status = 'open' and new_deals.created_on is not null)
    or (new_deals.status in ('won', 'lost') and new_deals.closed_on is not null)
