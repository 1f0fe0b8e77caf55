with orders as (
    select
        ordered_on,
        row_number() over (partition by account_id order by ordered_on nulls last, order_id nulls last) as number
    from {{ ref('stg_exports__orders') }}
),

orders_with_cost as (
    select
        ordered_on,
        amount - cost as profit,
        case row_number() over (partition by account_id order by ordered_on nulls last, order_id nulls last)
            when 1 then 1 else 0
        end as first_orders
    from {{ ref('stg_exports__orders') }}
    where cost is not null
),

readings as (
    select
        as_of_on,
        followers - coalesce(
            lag(followers) over (partition by platform, account order by as_of_on nulls last), 0
        ) as followers_won
    from {{ ref('stg_exports__social_followers') }}
),

changes as (
    select 'repeat_rate' as kpi, ordered_on as date_on, number - 1 as numerator, 2 - number as denominator
    from orders
    where number <= 2
    union all
    select 'ltv' as kpi, ordered_on as date_on, profit as numerator, first_orders as denominator
    from orders_with_cost
    union all
    select 'social_followers' as kpi, as_of_on as date_on, followers_won as numerator, null as denominator
    from readings
)

select
    kpi,
    date_on,
    cast(sum(numerator) as double) as numerator,
    cast(sum(denominator) as double) as denominator
from changes
group by kpi, date_on
