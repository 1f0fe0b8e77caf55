select
    grain,
    period_start,
    period_end,
    kpi,
    value,
    numerator,
    denominator,
    n,
    ci_low,
    ci_high,
    is_complete,
    flags,
    status,
    reason
from {{ ref('int_kpi_values') }}
where stage = 'conversion'
