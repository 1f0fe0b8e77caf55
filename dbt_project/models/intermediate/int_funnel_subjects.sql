with entries as (select distinct subject_id from {{ ref('int_funnel_entries') }}),

deals as (
    select subject_id, max(amount) as amount from {{ ref('int_funnel_deals') }}
    group by subject_id
),

people as (select contact_id, channel from {{ ref('int_people') }}),

clusters as (select contact_id, cluster from {{ ref('int_contact_clusters') }}),

personas as (select contact_id, persona from {{ ref('int_contact_personas') }})

select
    entries.subject_id,
    people.channel,
    clusters.cluster as article_cluster,
    personas.persona,
    cast(deals.amount as double) as amount
from entries
left join deals on entries.subject_id = deals.subject_id
left join people on entries.subject_id = 'contact ' || people.contact_id
left join clusters on people.contact_id = clusters.contact_id
left join personas on people.contact_id = personas.contact_id
