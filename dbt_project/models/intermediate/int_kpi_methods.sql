with periods as (
    select grain, period_start from {{ ref('int_periods') }}
    where measured_to is not null
),

spans as (
    select min(first_on) as first_on
    from {{ ref('int_input_spans') }}
    where input = 'ga4'
),

events as (
    select event_name from {{ ref('stg_company__events') }}
    where meaning = 'end_of_article'
),

article_paths as (select path_prefix from {{ ref('stg_company__article_paths') }}),

event_days as (select date_on, path, event_name from {{ ref('stg_ga4__event_days') }}),

article_ends as (select grain, period_start, event_name from {{ ref('stg_ga4__article_ends') }}),

measured as (
    select article_ends.grain, article_ends.period_start
    from article_ends
    inner join events on article_ends.event_name = events.event_name
),

first_ends as (
    select min(event_days.date_on) as first_on
    from event_days
    inner join events on event_days.event_name = events.event_name
    where
        exists (
            select 1 from article_paths
            where left(event_days.path, length(article_paths.path_prefix)) = article_paths.path_prefix
        )
),

-- The event measures a period that it was sent in from the first day on; before it was set up readers only scrolled.
methods as (
    select
        periods.grain,
        periods.period_start,
        case
            when
                measured.grain is not null
                and first_ends.first_on <= greatest(periods.period_start, spans.first_on)
                then 'end_of_article'
            else 'scrolled_90'
        end as method,
        rank() over (partition by periods.grain order by periods.period_start desc nulls last) as age
    from periods
    cross join spans
    cross join first_ends
    left join measured on periods.grain = measured.grain and periods.period_start = measured.period_start
),

newest as (
    select grain, method from methods
    where age = 1
)

select
    'read_through_rate' as kpi,
    methods.grain,
    methods.period_start,
    methods.method,
    methods.method <> newest.method as is_other_method
from methods
inner join newest on methods.grain = newest.grain
