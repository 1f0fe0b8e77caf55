-- An input begins with its first row: what lies before it was not measured and is not zero.
with stage_changes as (
    select min(entered_on) as first_on
    from {{ ref('int_stage_changes') }}
    where object = 'contact' and source <> 'snapshot'
),

snapshots as (
    select cast(min(observed_on) + interval '1' day as date) as first_on
    from {{ ref('stg_pipelines__stage_events') }}
    where object = 'contact'
),

-- Dates of the tool's own reach back; snapshots alone tell from the day after the first of them on, and nothing before.
stage_days as (
    select
        coalesce(stage_changes.first_on, snapshots.first_on) as first_on,
        case when stage_changes.first_on is null then snapshots.first_on end as whole_from
    from stage_changes
    cross join snapshots
),

first_days as (
    select 'ga4' as input, min(date_on) as first_on from {{ ref('stg_ga4__site_days') }}
    union all
    select 'ga4.events.one_minute' as input, min(event_users.period_start) as first_on
    from {{ ref('stg_ga4__event_users') }} as event_users
    inner join {{ ref('stg_company__events') }} as events on event_users.event_name = events.event_name
    where event_users.grain = 'week' and events.meaning = 'one_minute'
    union all
    select 'ga4.events.second_page' as input, min(date_on) as first_on from {{ ref('stg_ga4__onward_days') }}
    union all
    select 'search_console' as input, min(date_on) as first_on
    from {{ ref('stg_search_console__days') }}
    where search_type = 'web'
    union all
    select 'exports.contacts' as input, min(created_on) as first_on from {{ ref('stg_exports__contacts') }}
    union all
    select 'exports.newsletter' as input, min(signed_up_on) as first_on from {{ ref('int_newsletter_signups') }}
    union all
    select 'exports.form_submissions' as input, min(submitted_on) as first_on
    from {{ ref('stg_exports__form_submissions') }}
    union all
    select 'exports.stages' as input, first_on from stage_days
    union all
    select 'exports.deals' as input, least(min(created_on), min(closed_on)) as first_on
    from {{ ref('stg_exports__deals') }}
    union all
    select 'exports.deals.contact_id' as input, min(created_on) as first_on
    from {{ ref('stg_exports__deals') }}
    where contact_id is not null
    union all
    select 'exports.orders' as input, min(ordered_on) as first_on from {{ ref('stg_exports__orders') }}
    union all
    select 'exports.orders.cost' as input, min(ordered_on) as first_on
    from {{ ref('stg_exports__orders') }}
    where cost is not null
    union all
    select 'exports.contracts' as input, min(started_on) as first_on from {{ ref('stg_exports__contracts') }}
    union all
    select 'exports.social_followers' as input, min(as_of_on) as first_on
    from {{ ref('stg_exports__social_followers') }}
),

ga4_spans as (
    select min(final_to) as final_to
    from {{ ref('int_ga4_spans') }}
    where table_name = 'ga4_site_days'
),

last_days as (
    -- GA4 may still change the last three days it was read for, Search Console every day it has not called final.
    select
        'ga4%' as inputs,
        max(site_days.date_on) as last_on,
        max(site_days.date_on) as whole_to,
        max(ga4_spans.final_to) as settled_to
    from {{ ref('stg_ga4__site_days') }} as site_days
    cross join ga4_spans
    union all
    select
        'search_console%' as inputs,
        max(date_on) as last_on,
        max(case when is_final then date_on end) as whole_to,
        max(case when is_final then date_on end) as settled_to
    from {{ ref('stg_search_console__days') }}
    where search_type = 'web'
    union all
    select 'exports%' as inputs, as_of as last_on, as_of as whole_to, as_of as settled_to
    from {{ ref('stg_company__settings') }}
)

select
    first_days.input,
    first_days.first_on,
    -- An API is read from a set day on; a file holds what happened, and nothing before its first row is missing.
    case
        when last_days.inputs <> 'exports%' then first_days.first_on
        when first_days.input = 'exports.stages' then stage_days.whole_from
    end as whole_from,
    last_days.last_on,
    last_days.whole_to,
    cast(last_days.settled_to as date) as settled_to
from first_days
inner join last_days on first_days.input like last_days.inputs
cross join stage_days
