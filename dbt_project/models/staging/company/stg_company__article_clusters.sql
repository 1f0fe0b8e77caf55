select
    path_prefix,
    cluster
from {{ source('raw', 'company_article_clusters') }}
