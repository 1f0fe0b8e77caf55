with agreements as (
    select valid_from, section, entry, attribute, value from {{ ref('stg_plan__agreements') }}
),

reviews as (
    select valid_from, every, weekday, business_day, owner from {{ ref('stg_plan__reviews') }}
),

personas as (
    select valid_from, entry, persona, attribute, value from {{ ref('stg_plan__personas') }}
),

versions as (select valid_from, version, is_current from {{ ref('plan_versions') }}),

lines as (
    select valid_from, section, cast(entry as string) as entry, attribute, value from agreements
    union all
    select
        valid_from,
        'reviews' as section,
        every as entry,
        'day' as attribute,
        coalesce(weekday, 'business day ' || cast(business_day as string)) as value
    from reviews
    union all
    select valid_from, 'reviews' as section, every as entry, 'owner' as attribute, owner as value from reviews
    where owner is not null
    union all
    select valid_from, 'personas' as section, persona as entry, attribute, value from personas
)

select
    versions.version,
    versions.is_current,
    lines.section,
    lines.entry,
    lines.attribute,
    lines.value
from lines
inner join versions on lines.valid_from = versions.valid_from
