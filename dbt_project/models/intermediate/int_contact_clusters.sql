-- The cluster of the article that a contact came by: the one that company.yml names for the longest beginning of its
-- path, else the folder below the path of articles.
with contact_articles as (select contact_id, path from {{ ref('int_contact_articles') }}),

clusters as (select path_prefix, cluster from {{ ref('stg_company__article_clusters') }}),

article_paths as (select path_prefix from {{ ref('stg_company__article_paths') }}),

named as (
    select
        contact_articles.contact_id,
        clusters.cluster,
        length(clusters.path_prefix) as known_to
    from contact_articles
    inner join clusters on left(contact_articles.path, length(clusters.path_prefix)) = clusters.path_prefix
),

folders as (
    select
        contact_articles.contact_id,
        split_part(substring(contact_articles.path, length(article_paths.path_prefix) + 1), '/', 1) as cluster,
        split_part(substring(contact_articles.path, length(article_paths.path_prefix) + 1), '/', 2) as rest
    from contact_articles
    inner join article_paths on left(contact_articles.path, length(article_paths.path_prefix)) = article_paths.path_prefix
),

choices as (
    select contact_id, cluster, known_to from named
    union all
    select contact_id, cluster, 0 as known_to from folders
    where rest <> ''
),

places as (
    select
        contact_id,
        cluster,
        row_number() over (partition by contact_id order by known_to desc nulls last, cluster asc nulls last) as place
    from choices
)

select contact_id, cluster
from places
where place = 1
