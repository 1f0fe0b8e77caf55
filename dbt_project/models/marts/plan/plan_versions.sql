with versions as (select valid_from, source, document from {{ ref('stg_plan__versions') }}),

following as (
    select
        versions.valid_from,
        min(later.valid_from) as next_from,
        count(distinct earlier.valid_from) as version
    from versions
    inner join versions as earlier on versions.valid_from >= earlier.valid_from
    left join versions as later on versions.valid_from < later.valid_from
    group by versions.valid_from
)

select
    following.version,
    versions.valid_from,
    cast(following.next_from - interval '1' day as date) as valid_to,
    following.next_from is null as is_current,
    versions.source,
    versions.document
from versions
inner join following on versions.valid_from = following.valid_from
