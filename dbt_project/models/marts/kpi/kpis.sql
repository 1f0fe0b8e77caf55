with catalogue as (
    select
        kpi,
        stage,
        sort_order,
        formula,
        unit,
        direction,
        additivity,
        matures_after_days,
        landing,
        method,
        label_ja,
        label_en,
        definition,
        definition_ja,
        numerator_ja,
        numerator_en,
        denominator_ja,
        denominator_en
    from {{ ref('kpi_catalogue') }}
),

kpi_tables as (select distinct kpi, table_name from {{ ref('kpi_inputs') }}),

tables as (select table_name from {{ ref('stg_company__tables') }}),

coverage as (
    select kpi, last_on, settled_to from {{ ref('int_kpi_coverage') }}
    where is_measurable and first_on is not null
),

settings as (select as_of from {{ ref('stg_company__settings') }}),

plan_targets as (select valid_from, entry, kpi, start_on, end_on, owner from {{ ref('stg_plan__targets') }}),

newest as (select max(valid_from) as valid_from from plan_targets),

connected as (
    select
        kpi_tables.kpi,
        kpi_tables.table_name,
        row_number() over (partition by kpi_tables.kpi order by kpi_tables.table_name nulls last) as place
    from kpi_tables
    inner join tables on kpi_tables.table_name = tables.table_name
),

-- Engines share no way to join the texts of rows; no KPI rests on more than four tables.
rests_on as (
    select
        kpi,
        concat_ws(
            ',',
            max(case when place = 1 then table_name end),
            max(case when place = 2 then table_name end),
            max(case when place = 3 then table_name end),
            max(case when place = 4 then table_name end)
        ) as sources
    from connected
    group by kpi
),

-- Of several targets that hold today, the first of the plan that names somebody.
owners as (
    select
        plan_targets.kpi,
        plan_targets.owner,
        row_number() over (partition by plan_targets.kpi order by plan_targets.entry nulls last) as place
    from plan_targets
    inner join newest on plan_targets.valid_from = newest.valid_from
    inner join settings on plan_targets.start_on <= settings.as_of and plan_targets.end_on >= settings.as_of
    where plan_targets.owner is not null
)

select
    catalogue.kpi,
    catalogue.stage,
    catalogue.sort_order,
    catalogue.formula,
    catalogue.unit,
    catalogue.direction,
    catalogue.additivity,
    catalogue.matures_after_days,
    catalogue.landing,
    catalogue.method,
    catalogue.label_ja,
    catalogue.label_en,
    catalogue.definition,
    catalogue.definition_ja,
    catalogue.numerator_ja,
    catalogue.numerator_en,
    catalogue.denominator_ja,
    catalogue.denominator_en,
    coalesce(rests_on.sources, '') as sources,
    coverage.last_on as data_to,
    coverage.settled_to,
    owners.owner
from catalogue
left join rests_on on catalogue.kpi = rests_on.kpi
left join coverage on catalogue.kpi = coverage.kpi
left join owners on catalogue.kpi = owners.kpi and owners.place = 1
