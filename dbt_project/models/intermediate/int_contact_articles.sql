with article_paths as (select path_prefix from {{ ref('stg_company__article_paths') }}),

article_hosts as (select path, host from {{ ref('int_article_hosts') }}),

contacts as (
    select contact_id, landing_host, landing_path, created_on
    from {{ ref('stg_exports__contacts') }}
    where landing_path is not null
),

record_ids as (
    select record_id, kept_id from {{ ref('int_record_ids') }}
    where object = 'contact'
),

form_submissions as (
    select submission_id, contact_id, submitted_at, page_host, page_path, invalid_reason
    from {{ ref('int_submissions') }}
),

conversions as (
    select
        contact_id,
        page_host,
        page_path,
        row_number() over (
            partition by contact_id order by submitted_at asc nulls last, submission_id asc nulls last
        ) as number
    from form_submissions
    where invalid_reason is null and page_path is not null
),

-- Of merged contacts the landing page of the oldest.
landings as (
    select
        coalesce(record_ids.kept_id, contacts.contact_id) as contact_id,
        contacts.landing_host,
        contacts.landing_path,
        row_number() over (
            partition by coalesce(record_ids.kept_id, contacts.contact_id)
            order by contacts.created_on asc nulls last, contacts.contact_id asc nulls last
        ) as number
    from contacts
    left join record_ids on contacts.contact_id = record_ids.record_id
),

pages as (
    select contact_id, page_host as host, page_path as path, 1 as choice
    from conversions
    where number = 1
    union all
    select contact_id, landing_host as host, landing_path as path, 2 as choice
    from landings
    where number = 1
),

articles as (
    select
        pages.contact_id,
        coalesce(pages.host, article_hosts.host, '') as host,
        pages.path,
        row_number() over (partition by pages.contact_id order by pages.choice asc nulls last) as place
    from pages
    left join article_hosts on pages.path = article_hosts.path
    where
        exists (
            select 1 from article_paths
            where left(pages.path, length(article_paths.path_prefix)) = article_paths.path_prefix
        )
)

select contact_id, host, path
from articles
where place = 1
