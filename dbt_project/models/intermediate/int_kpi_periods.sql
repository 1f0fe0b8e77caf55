with periods as (
    select grain, period_start, period_end, measured_to from {{ ref('int_periods') }}
    where measured_to is not null
),

coverage as (
    select kpi, is_measurable, reason, first_on, whole_from, last_on, whole_to, settled_to, mature_to
    from {{ ref('int_kpi_coverage') }}
),

known as (
    select
        periods.grain,
        periods.period_start,
        periods.period_end,
        periods.measured_to,
        coverage.kpi,
        coverage.is_measurable,
        coverage.reason,
        coverage.settled_to,
        coverage.is_measurable
        and coalesce(coverage.first_on <= periods.measured_to, false)
        and coalesce(coverage.last_on >= periods.period_start, false) as has_data,
        coalesce(periods.period_start >= coverage.whole_from, true) as is_whole_at_start,
        coalesce(periods.period_end <= coverage.whole_to, false) as is_whole_at_end,
        coalesce(periods.period_end > coverage.mature_to, false) as is_immature
    from periods
    cross join coverage
)

select
    grain,
    period_start,
    period_end,
    kpi,
    case when is_measurable then 'measured' else 'not_measurable' end as status,
    case when not is_measurable then reason end as reason,
    has_data,
    has_data and is_whole_at_start and is_whole_at_end and not is_immature as is_complete,
    has_data and coalesce(measured_to > settled_to, true) as is_provisional,
    has_data and is_immature as is_immature
from known
