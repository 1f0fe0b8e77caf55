with channel_key_events as (
    select date_on, channel_group, event_name, key_events from {{ ref('stg_ga4__channel_key_events') }}
),

spans as (
    select min(final_to) as final_to
    from {{ ref('int_ga4_spans') }}
    where table_name = 'ga4_channel_key_events'
)

select
    channel_key_events.date_on,
    channel_key_events.channel_group,
    channel_key_events.event_name,
    channel_key_events.key_events,
    coalesce(channel_key_events.date_on <= spans.final_to, false) as is_final
from channel_key_events
cross join spans
