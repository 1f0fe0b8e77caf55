with changes as (
    select
        object,
        object_id,
        stage,
        source,
        entered_on,
        entered_at,
        coalesce(entered_on, seen_on) as known_on,
        is_first_sight
    from {{ ref('int_stage_changes') }}
),

exits as (select object, object_id, stage, exited_on, reason from {{ ref('int_stage_exits') }}),

-- The order of a pipeline's stages is its owner's, so that only what contacts skipped can be told.
ranks as (
    select 'contact' as object, ranks.stage, ranks.number
    from (values ('lead', 1), ('mql', 2), ('sql', 3), ('deal', 4), ('customer', 5)) as ranks (stage, number)
),

ordered as (
    select
        changes.object,
        changes.object_id,
        changes.stage,
        changes.source,
        changes.entered_on,
        changes.known_on,
        changes.is_first_sight,
        ranks.number,
        row_number() over (
            partition by changes.object, changes.object_id
            order by
                changes.known_on asc nulls last,
                changes.entered_at asc nulls first,
                ranks.number asc nulls last,
                changes.stage asc nulls last
        ) as place
    from changes
    left join ranks on changes.object = ranks.object and changes.stage = ranks.stage
),

-- How far a contact had come when it was first seen: what it enters below that, it may have entered before.
found as (
    select object, object_id, max(number) as number
    from ordered
    where is_first_sight
    group by object, object_id
),

stages as (
    select object, object_id, stage, number, max(source) as source, min(place) as place, count(*) as entries
    from ordered
    group by object, object_id, stage, number
),

firsts as (
    select
        stages.object,
        stages.object_id,
        stages.stage,
        stages.number,
        stages.source,
        stages.place,
        ordered.known_on,
        stages.entries,
        coalesce(stages.source = 'snapshot' and found.number > stages.number, false) as was_there_before,
        case
            when stages.source = 'snapshot' and found.number > stages.number then null else ordered.entered_on
        end as first_entered_on
    from stages
    inner join ordered
        on
            stages.object = ordered.object
            and stages.object_id = ordered.object_id
            and stages.place = ordered.place
    left join found on stages.object = found.object and stages.object_id = found.object_id
),

next_places as (
    select firsts.object, firsts.object_id, firsts.stage, min(ordered.place) as place
    from firsts
    inner join ordered
        on
            firsts.object = ordered.object
            and firsts.object_id = ordered.object_id
            and firsts.place < ordered.place
            and firsts.stage <> ordered.stage
    group by firsts.object, firsts.object_id, firsts.stage
),

leavings as (
    select
        next_places.object,
        next_places.object_id,
        next_places.stage,
        ordered.entered_on as exited_on,
        'moved' as reason
    from next_places
    inner join ordered
        on
            next_places.object = ordered.object
            and next_places.object_id = ordered.object_id
            and next_places.place = ordered.place
    union all
    select exits.object, exits.object_id, exits.stage, exits.exited_on, exits.reason
    from exits
    inner join firsts
        on
            exits.object = firsts.object
            and exits.object_id = firsts.object_id
            and exits.stage = firsts.stage
            and exits.exited_on >= firsts.known_on
),

first_exits as (
    select
        object,
        object_id,
        stage,
        exited_on,
        reason,
        row_number() over (
            partition by object, object_id, stage order by exited_on asc nulls last, reason asc nulls last
        ) as place
    from leavings
),

-- The stages that a contact must have passed, each with the next one that it is known to have reached.
passed as (
    select firsts.object, firsts.object_id, ranks.stage, min(firsts.number) as next_number
    from firsts
    inner join ranks on firsts.object = ranks.object and firsts.number > ranks.number
    group by firsts.object, firsts.object_id, ranks.stage
),

skipped as (
    select passed.object, passed.object_id, passed.stage, passed.next_number
    from passed
    left join firsts
        on
            passed.object = firsts.object
            and passed.object_id = firsts.object_id
            and passed.stage = firsts.stage
    where firsts.stage is null
)

select
    firsts.object,
    firsts.object_id,
    firsts.stage,
    firsts.first_entered_on,
    firsts.entries,
    case when firsts.was_there_before then firsts.entries else firsts.entries - 1 end as re_entries,
    first_exits.exited_on,
    first_exits.reason as exit_reason,
    firsts.source,
    false as is_imputed
from firsts
left join first_exits
    on
        firsts.object = first_exits.object
        and firsts.object_id = first_exits.object_id
        and firsts.stage = first_exits.stage
        and first_exits.place = 1
union all
select
    skipped.object,
    skipped.object_id,
    skipped.stage,
    firsts.first_entered_on,
    0 as entries,
    0 as re_entries,
    null as exited_on,
    null as exit_reason,
    firsts.source,
    true as is_imputed
from skipped
inner join firsts
    on
        skipped.object = firsts.object
        and skipped.object_id = firsts.object_id
        and skipped.next_number = firsts.number
