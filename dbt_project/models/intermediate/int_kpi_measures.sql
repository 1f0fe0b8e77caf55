with periods as (
    select grain, period_start, measured_to from {{ ref('int_periods') }}
    where measured_to is not null
),

days as (
    select kpi, date_on, numerator, denominator, n from {{ ref('int_awareness_days') }}
    union all
    select kpi, date_on, numerator, denominator, n from {{ ref('int_engagement_days') }}
    union all
    select kpi, date_on, numerator, denominator, n from {{ ref('int_conversion_days') }}
),

stock_changes as (select kpi, date_on, numerator, denominator from {{ ref('int_stock_changes') }})

select
    days.kpi,
    periods.grain,
    periods.period_start,
    -- A sum of fractions depends on their order by its last bits, and a second night must not change a row.
    round(sum(days.numerator), 6) as numerator,
    sum(days.denominator) as denominator,
    cast(sum(days.n) as bigint) as n
from days
inner join periods on days.date_on between periods.period_start and periods.measured_to
group by days.kpi, periods.grain, periods.period_start
union all
select
    stock_changes.kpi,
    periods.grain,
    periods.period_start,
    sum(stock_changes.numerator) as numerator,
    sum(stock_changes.denominator) as denominator,
    cast(sum(coalesce(stock_changes.denominator, stock_changes.numerator)) as bigint) as n
from stock_changes
inner join periods on stock_changes.date_on <= periods.measured_to
group by stock_changes.kpi, periods.grain, periods.period_start
union all
select kpi, grain, period_start, numerator, denominator, n from {{ ref('int_customer_periods') }}
union all
select kpi, grain, period_start, numerator, denominator, n from {{ ref('int_period_users') }}
