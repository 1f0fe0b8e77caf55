-- merged_ids is a;b;c: each round takes the first id and keeps the rest.
with recursive lists as (
    select 'contact' as object, contact_id as kept_id, merged_ids from {{ ref('stg_exports__contacts') }}
    where merged_ids is not null
    union all
    select 'deal' as object, deal_id as kept_id, merged_ids from {{ ref('stg_exports__deals') }}
    where merged_ids is not null
),

contacts as (
    select contact_id, merged_into_id
    from {{ ref('stg_exports__contacts') }}
    where merged_into_id is not null
),

merge_rows as (select object, merged_id, kept_id from {{ ref('stg_exports__merges') }}),

parts as (
    select
        object,
        kept_id,
        trim(split_part(merged_ids, ';', 1)) as merged_id,
        substring(merged_ids, length(split_part(merged_ids, ';', 1)) + 2) as rest
    from lists
    union all
    select
        object,
        kept_id,
        trim(split_part(rest, ';', 1)) as merged_id,
        substring(rest, length(split_part(rest, ';', 1)) + 2) as rest
    from parts
    where rest <> ''
),

links as (
    select object, merged_id, kept_id from parts
    union all
    select object, merged_id, kept_id from merge_rows
    union all
    select 'contact' as object, contact_id as merged_id, merged_into_id as kept_id from contacts
)

-- Of several records that one is said to be merged into, any will do: they are of one chain, or nobody can know.
select object, merged_id, min(kept_id) as kept_id
from links
where merged_id <> '' and kept_id <> '' and merged_id <> kept_id
group by object, merged_id
