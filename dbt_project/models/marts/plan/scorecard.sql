with periods as (
    select grain, period_start, period_end, previous_start, last_year_start from {{ ref('int_periods') }}
),

catalogue as (select kpi, stage, formula, direction, additivity from {{ ref('kpi_catalogue') }}),

kpi_values as (
    select kpi, grain, period_start, value, is_complete, method, flags, status, reason from {{ ref('int_kpi_values') }}
),

targets as (select kpi, grain, period_start, target, owner, is_kgi from {{ ref('targets') }}),

required as (
    select grain, period_start, kpi, required from {{ source('analysis', 'required_periods') }}
),

paces as (select grain, period_start, standard_pace from {{ ref('int_paces') }}),

landings as (
    select kpi, grain, period_start, projected, projected_low, projected_high, verdict
    from {{ source('analysis', 'landings') }}
),

lines as (
    select
        catalogue.kpi,
        catalogue.stage,
        -- So that more is better of every KPI.
        case catalogue.direction when 'up' then 1 else -1 end as sign,
        -- What a running total has reached, it cannot lose again.
        catalogue.direction = 'up'
        and catalogue.formula = 'total'
        and catalogue.additivity <> 'semi_additive' as only_grows,
        periods.grain,
        periods.period_start,
        periods.period_end,
        kpi_values.kpi is null as is_upcoming,
        kpi_values.value as actual,
        targets.target,
        required.required,
        paces.standard_pace,
        landings.projected,
        landings.projected_low,
        landings.projected_high,
        case when catalogue.direction = 'up' then landings.projected_low else landings.projected_high end as worst,
        case when catalogue.direction = 'up' then landings.projected_high else landings.projected_low end as best,
        landings.verdict as landing_verdict,
        kpi_values.value - targets.target as gap,
        case catalogue.direction
            when 'up' then kpi_values.value / nullif(targets.target, 0)
            else targets.target / nullif(kpi_values.value, 0)
        end as attainment,
        -- What was measured by another method cannot be compared.
        case when coalesce(previous.method = kpi_values.method, true) then previous.value end as previous,
        case when coalesce(last_year.method = kpi_values.method, true) then last_year.value end as last_year,
        coalesce(kpi_values.is_complete, false) as is_complete,
        coalesce(kpi_values.status = 'not_measurable', false) as is_not_measurable,
        kpi_values.reason,
        targets.owner,
        coalesce(targets.is_kgi, false) as is_kgi,
        coalesce(kpi_values.flags, '') as flags
    from periods
    cross join catalogue
    left join kpi_values
        on
            catalogue.kpi = kpi_values.kpi
            and periods.grain = kpi_values.grain
            and periods.period_start = kpi_values.period_start
    left join kpi_values as previous
        on
            catalogue.kpi = previous.kpi
            and periods.grain = previous.grain
            and periods.previous_start = previous.period_start
    left join kpi_values as last_year
        on
            catalogue.kpi = last_year.kpi
            and periods.grain = last_year.grain
            and periods.last_year_start = last_year.period_start
    left join targets
        on
            catalogue.kpi = targets.kpi
            and periods.grain = targets.grain
            and periods.period_start = targets.period_start
    left join required
        on
            catalogue.kpi = required.kpi
            and periods.grain = required.grain
            and periods.period_start = required.period_start
    left join paces on periods.grain = paces.grain and periods.period_start = paces.period_start
    left join landings
        on
            catalogue.kpi = landings.kpi
            and periods.grain = landings.grain
            and periods.period_start = landings.period_start
    where kpi_values.kpi is not null or targets.kpi is not null
)

select
    kpi,
    stage,
    grain,
    period_start,
    period_end,
    actual,
    target,
    required,
    gap,
    attainment,
    standard_pace,
    projected,
    projected_low,
    projected_high,
    landing_verdict,
    previous,
    last_year,
    is_complete,
    case
        when is_upcoming then 'upcoming'
        when is_not_measurable then 'not_measurable'
        when actual is null then 'no_data'
        when target is null then 'no_target'
        when sign * actual >= sign * target and (is_complete or only_grows) then 'achieved'
        when is_complete then 'missed'
        else 'on_the_way'
    end as status,
    case
        when is_upcoming then 'upcoming'
        when target is null then 'no_target'
        when actual is null then 'cannot_tell'
        when sign * actual >= sign * target and (is_complete or only_grows) then 'reached'
        when is_complete then 'missed'
        when sign * best < sign * target then 'off_track'
        when sign * worst >= sign * target then 'on_track'
        when landing_verdict = 'ok' and sign * projected >= sign * target then 'on_track'
        when landing_verdict = 'ok' then 'at_risk'
        else 'cannot_tell'
    end as outlook,
    reason,
    owner,
    is_kgi,
    flags
from lines
