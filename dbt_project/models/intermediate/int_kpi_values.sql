with kpi_periods as (
    select grain, period_start, period_end, kpi, status, reason, has_data, is_complete, is_provisional, is_immature
    from {{ ref('int_kpi_periods') }}
),

catalogue as (select kpi, stage from {{ ref('kpi_catalogue') }}),

methods as (select kpi, grain, period_start, method, is_other_method from {{ ref('int_kpi_methods') }}),

numbers as (
    select kpi, grain, period_start, value, numerator, denominator, n, ci_low, ci_high from {{ ref('int_kpi_numbers') }}
),

source_flags as (
    select
        kpi,
        grain,
        period_start,
        has_other_row,
        is_restricted,
        is_sampled,
        is_thresholded,
        timezone_differs,
        is_truncated
    from {{ ref('int_kpi_flags') }}
),

-- A file has no days of its own: a row that could not be read may belong to any period.
rejected as (
    select distinct kpi_inputs.kpi
    from {{ ref('kpi_inputs') }} as kpi_inputs
    inner join {{ ref('stg_pipelines__quarantine') }} as quarantine on kpi_inputs.table_name = quarantine.table_name
    where quarantine.is_rejected
)

select
    catalogue.stage,
    kpi_periods.grain,
    kpi_periods.period_start,
    kpi_periods.period_end,
    kpi_periods.kpi,
    numbers.value,
    numbers.numerator,
    numbers.denominator,
    numbers.n,
    numbers.ci_low,
    numbers.ci_high,
    kpi_periods.is_complete,
    methods.method,
    -- In alphabetical order.
    concat_ws(
        ',',
        case when kpi_periods.is_immature then 'immature' end,
        case when methods.method is not null then 'method:' || methods.method end,
        case when kpi_periods.status = 'measured' and not kpi_periods.has_data then 'no_data' end,
        case when numbers.denominator = 0 then 'no_denominator' end,
        case when methods.is_other_method then 'other_method' end,
        case when source_flags.has_other_row then 'other_row' end,
        case when kpi_periods.is_provisional then 'provisional' end,
        case when source_flags.is_restricted then 'restricted' end,
        case when rejected.kpi is not null then 'rows_rejected' end,
        case when source_flags.is_sampled then 'sampled' end,
        case when source_flags.is_thresholded then 'thresholded' end,
        case when source_flags.timezone_differs then 'timezone_differs' end,
        case when source_flags.is_truncated then 'truncated' end
    ) as flags,
    kpi_periods.status,
    kpi_periods.reason
from kpi_periods
inner join catalogue on kpi_periods.kpi = catalogue.kpi
inner join numbers
    on
        kpi_periods.kpi = numbers.kpi
        and kpi_periods.grain = numbers.grain
        and kpi_periods.period_start = numbers.period_start
left join methods
    on
        kpi_periods.has_data
        and kpi_periods.kpi = methods.kpi
        and kpi_periods.grain = methods.grain
        and kpi_periods.period_start = methods.period_start
left join source_flags
    on
        kpi_periods.has_data
        and kpi_periods.kpi = source_flags.kpi
        and kpi_periods.grain = source_flags.grain
        and kpi_periods.period_start = source_flags.period_start
left join rejected on kpi_periods.has_data and kpi_periods.kpi = rejected.kpi
