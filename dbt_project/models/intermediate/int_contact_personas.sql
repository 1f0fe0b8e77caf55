-- The first persona of the newest plan whose industries and roles, where it has any, are in what the contact says.
with newest as (select max(valid_from) as valid_from from {{ ref('stg_plan__versions') }}),

personas as (
    select personas.entry, personas.persona, personas.attribute, personas.value
    from {{ ref('stg_plan__personas') }} as personas
    inner join newest on personas.valid_from = newest.valid_from
    where personas.attribute in ('industry', 'role')
),

people as (select contact_id, industry, job_title from {{ ref('int_people') }}),

asked as (
    select entry, persona, count(distinct attribute) as attributes
    from personas
    group by entry, persona
),

matches as (
    select
        people.contact_id,
        personas.entry,
        personas.persona,
        count(distinct personas.attribute) as attributes
    from people
    cross join personas
    where
        (personas.attribute = 'industry' and replace(people.industry, personas.value, '') <> people.industry)
        or (personas.attribute = 'role' and replace(people.job_title, personas.value, '') <> people.job_title)
    group by people.contact_id, personas.entry, personas.persona
),

fits as (
    select matches.contact_id, min(matches.entry) as entry
    from matches
    inner join asked on matches.entry = asked.entry and matches.attributes = asked.attributes
    group by matches.contact_id
),

needs as (
    select
        bool_or(attribute = 'industry') as needs_industry,
        bool_or(attribute = 'role') as needs_role
    from personas
)

-- Who leaves out what some persona asks for may fit or not.
select
    people.contact_id,
    case
        when asked.persona is not null then asked.persona
        when needs.needs_industry and people.industry is null then 'unknown'
        when needs.needs_role and people.job_title is null then 'unknown'
        else 'unfit'
    end as persona
from people
cross join needs
left join fits on people.contact_id = fits.contact_id
left join asked on fits.entry = asked.entry
where needs.needs_industry is not null
