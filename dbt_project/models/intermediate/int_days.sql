with settings as (select as_of, fiscal_year_start from {{ ref('stg_company__settings') }}),

spans as (select first_on from {{ ref('int_input_spans') }}),

plan_targets as (select valid_from, end_on from {{ ref('stg_plan__targets') }}),

newest as (select max(valid_from) as valid_from from plan_targets),

first_days as (select min(first_on) as first_on from spans),

last_days as (
    select max(plan_targets.end_on) as last_target_on
    from plan_targets
    inner join newest on plan_targets.valid_from = newest.valid_from
),

digits as (select digits.digit from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as digits (digit)),

-- 100,000 days are 273 years; counted from the end, so that one absurd date in an export cannot cut off today.
numbers as (
    select a.digit + 10 * b.digit + 100 * c.digit + 1000 * d.digit + 10000 * e.digit as number
    from digits as a
    cross join digits as b
    cross join digits as c
    cross join digits as d
    cross join digits as e
),

days as (
    select
        cast(greatest(settings.as_of, last_days.last_target_on) - numbers.number * interval '1' day as date) as date_on,
        settings.fiscal_year_start,
        coalesce(first_days.first_on, settings.as_of) as first_on
    from settings
    cross join first_days
    cross join last_days
    cross join numbers
)

select
    date_on,
    cast(date_trunc('week', date_on) as date) as week_start,
    cast(date_trunc('month', date_on) as date) as month_start,
    cast(
        date_trunc('month', date_on) - mod(month(date_on) - fiscal_year_start + 12, 3) * interval '1' month as date
    ) as quarter_start
from days
where date_on >= first_on
