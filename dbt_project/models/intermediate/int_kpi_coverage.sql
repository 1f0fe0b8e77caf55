with catalogue as (select kpi, matures_after_days from {{ ref('kpi_catalogue') }}),

kpi_inputs as (select kpi, input from {{ ref('kpi_inputs') }}),

-- An input that the run says nothing of is taken to be there; its span of days still tells.
inputs as (select input, is_available, reason from {{ ref('stg_company__inputs') }}),

spans as (select input, first_on, whole_from, last_on, whole_to, settled_to from {{ ref('int_input_spans') }}),

-- A KPI is known on the days on which every one of its inputs is.
common as (
    select
        catalogue.kpi,
        catalogue.matures_after_days,
        bool_and(coalesce(inputs.is_available, true)) as is_measurable,
        min(case when not inputs.is_available then inputs.reason end) as reason,
        case when count(spans.first_on) = count(*) then max(spans.first_on) end as first_on,
        max(spans.whole_from) as whole_from,
        min(spans.last_on) as last_on,
        min(spans.whole_to) as whole_to,
        min(spans.settled_to) as settled_to
    from catalogue
    inner join kpi_inputs on catalogue.kpi = kpi_inputs.kpi
    left join inputs on kpi_inputs.input = inputs.input
    left join spans on kpi_inputs.input = spans.input
    group by catalogue.kpi, catalogue.matures_after_days
)

select
    kpi,
    is_measurable,
    reason,
    first_on,
    whole_from,
    last_on,
    whole_to,
    settled_to,
    case
        when matures_after_days > 0 then cast(last_on - matures_after_days * interval '1' day as date)
    end as mature_to
from common
