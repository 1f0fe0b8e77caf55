-- The cluster of the article that a contact came by: the one that company.yml names for the longest beginning of its
-- path, else the folder below the path of articles.
with contact_articles as (select contact_id, path from {{ ref('int_contact_articles') }}),

prefixes as (
    select path_prefix, cluster, 1 as choice from {{ ref('stg_company__article_clusters') }}
    union all
    select path_prefix, null as cluster, 2 as choice from {{ ref('stg_company__article_paths') }}
),

found as (
    select
        contact_articles.contact_id,
        prefixes.choice,
        prefixes.cluster,
        length(prefixes.path_prefix) as known_to,
        substring(contact_articles.path, length(prefixes.path_prefix) + 1) as rest
    from contact_articles
    inner join prefixes on left(contact_articles.path, length(prefixes.path_prefix)) = prefixes.path_prefix
),

-- The path of articles may be written without its last slash.
folders as (
    select
        contact_id,
        choice,
        known_to,
        cluster,
        case when left(rest, 1) = '/' then substring(rest, 2) else rest end as rest
    from found
),

places as (
    select
        contact_id,
        -- What stands before the next slash, if anything stands behind it.
        coalesce(cluster, case when split_part(rest, '/', 2) <> '' then split_part(rest, '/', 1) end) as cluster,
        row_number() over (
            partition by contact_id order by choice asc nulls last, known_to desc nulls last, cluster asc nulls last
        ) as place
    from folders
)

select contact_id, cluster
from places
where place = 1 and cluster is not null
