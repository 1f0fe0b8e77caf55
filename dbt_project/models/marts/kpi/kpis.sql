select
    kpi,
    stage,
    sort_order,
    formula,
    unit,
    direction,
    additivity,
    matures_after_days,
    landing,
    method,
    label_ja,
    label_en,
    definition,
    definition_ja
from {{ ref('kpi_catalogue') }}
