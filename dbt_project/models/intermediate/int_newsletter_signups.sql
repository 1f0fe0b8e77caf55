with lists as (
    select is_available
    from {{ ref('stg_company__inputs') }}
    where input = 'exports.newsletter_subscribers' and is_available
),

subscribers as (select subscriber_id, subscribed_on from {{ ref('stg_exports__newsletter_subscribers') }}),

people as (
    select contact_id, newsletter_on
    from {{ ref('int_people') }}
    where newsletter_on is not null
)

-- The lists are the truth where they are exported; a contact may carry only its latest consent.
select subscriber_id, subscribed_on as signed_up_on
from subscribers
where exists (select 1 from lists)
union all
select contact_id as subscriber_id, newsletter_on as signed_up_on
from people
where not exists (select 1 from lists)
