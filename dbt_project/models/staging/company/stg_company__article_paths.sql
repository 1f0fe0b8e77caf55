select
    path_prefix
from {{ source('raw', 'company_article_paths') }}
