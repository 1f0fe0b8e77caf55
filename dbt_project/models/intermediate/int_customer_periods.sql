with periods as (
    select grain, period_start, measured_to from {{ ref('int_periods') }}
    where measured_to is not null
),

contracts as (select account_id, started_on, ended_on from {{ ref('stg_exports__contracts') }}),

-- ended_on is the first day without the contract.
accounts as (
    select
        periods.grain,
        periods.period_start,
        contracts.account_id,
        max(
            case
                when contracts.started_on >= periods.period_start then 0
                when contracts.ended_on < periods.period_start then 0
                else 1
            end
        ) as was_customer,
        max(case when contracts.ended_on <= periods.measured_to then 0 else 1 end) as is_customer
    from periods
    inner join contracts
        on
            periods.measured_to >= contracts.started_on
            and (contracts.ended_on is null or periods.period_start <= contracts.ended_on)
    group by periods.grain, periods.period_start, contracts.account_id
)

select
    'customers' as kpi,
    grain,
    period_start,
    cast(sum(is_customer) as double) as numerator,
    cast(null as double) as denominator,
    cast(sum(is_customer) as bigint) as n
from accounts
group by grain, period_start
union all
select
    'churn_rate' as kpi,
    grain,
    period_start,
    cast(sum(was_customer * (1 - is_customer)) as double) as numerator,
    cast(sum(was_customer) as double) as denominator,
    cast(sum(was_customer) as bigint) as n
from accounts
group by grain, period_start
