select
    stage,
    next_stage,
    grain,
    period_start,
    n,
    moved,
    exited,
    still_open,
    cohort_rate,
    moved_in_period,
    period_rate,
    horizon_days,
    maturity,
    is_mature
from {{ source('analysis', 'funnel_cohorts') }}
