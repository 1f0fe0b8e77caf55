select
    date_on,
    coalesce(page_host, '') as page_host,
    page_path,
    sessions,
    scroll_depth
from {{ source('raw', 'exports_page_scrolls') }}
