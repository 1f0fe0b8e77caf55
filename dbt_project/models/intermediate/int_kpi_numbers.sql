with kpi_periods as (select kpi, grain, period_start, has_data from {{ ref('int_kpi_periods') }}),

catalogue as (select kpi, formula from {{ ref('kpi_catalogue') }}),

measures as (select kpi, grain, period_start, numerator, denominator, n from {{ ref('int_kpi_measures') }}),

-- A period without rows is zero where the inputs cover it, and unknown where they do not.
counted as (
    select
        kpi_periods.kpi,
        kpi_periods.grain,
        kpi_periods.period_start,
        catalogue.formula,
        case when kpi_periods.has_data then coalesce(measures.numerator, 0) end as numerator,
        case
            when kpi_periods.has_data and catalogue.formula <> 'total' then coalesce(measures.denominator, 0)
        end as denominator,
        case when kpi_periods.has_data then coalesce(measures.n, 0) end as n
    from kpi_periods
    inner join catalogue on kpi_periods.kpi = catalogue.kpi
    left join measures
        on
            kpi_periods.kpi = measures.kpi
            and kpi_periods.grain = measures.grain
            and kpi_periods.period_start = measures.period_start
),

-- 1.96 squared over n, for Wilson's interval (p + z2/2n -+ sqrt(z2/n (p(1 - p) + z2/4n))) / (1 + z2/n).
shares as (
    select
        kpi,
        grain,
        period_start,
        case when formula = 'total' then numerator else numerator / nullif(denominator, 0) end as value,
        numerator,
        denominator,
        n,
        case when formula = 'rate' and numerator <= denominator then numerator / nullif(denominator, 0) end as share,
        3.841458820694124 / nullif(denominator, 0) as z2
    from counted
)

select
    kpi,
    grain,
    period_start,
    value,
    numerator,
    denominator,
    n,
    round((share + z2 / 2 - sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2), 9) as ci_low,
    round((share + z2 / 2 + sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2), 9) as ci_high
from shares
