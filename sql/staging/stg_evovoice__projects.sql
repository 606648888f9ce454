-- EvoVoice: one row per span of a customer, or of an account for its files without one; it is there while a file of
-- it is. Over a span it is what its most recently created file then listed says, and as old as the earliest file that
-- was listed up to then.
-- grain: project_key, valid_from
with statements as (
    -- Of files that came and went in the same runs one speaks. `infinity` stands for a file still listed.
    select
        project_key,
        valid_from,
        coalesce(valid_to, timestamptz 'infinity') as valid_to,
        max(struct_pack(
            created_at := coalesce(created_at, timestamptz '-infinity'),
            file_id := file_id,
            connection := connection,
            customer_id := staging.blank_to_null(customer_id),
            customer_name := customer_name,
            account_id := account_id,
            account_name := account_name,
            breadcrumb := cast(customer_breadcrumb as text)
        )) as latest,
        min(created_at) as earliest,
    from staging.stg_evovoice__files
    where project_key is not null
    group by all
),

-- Of files that go in the same run each speaks until one created later comes: their turns do not overlap.
turns as (
    select
        project_key,
        valid_from,
        coalesce(lead(valid_from) over leaving_together, valid_to) as valid_to,
        max(latest) over leaving_together as latest,
        earliest,
    from statements
    window leaving_together as (partition by project_key, valid_to order by valid_from)
),

instants as (
    select
        project_key,
        instant,
        row_number() over (partition by project_key order by instant) as position,
        min(min(earliest)) over (partition by project_key order by instant) as created_at,
    from (
        select
            project_key,
            valid_from as instant,
            earliest,
        from turns
        union all by name
        select
            project_key,
            valid_to as instant,
        from turns
    )
    group by project_key, instant
),

-- Between two neighbouring instants nothing comes or goes; where no file is listed there is no span.
spans as (
    select
        project_key,
        position,
        max(latest) as latest,
    from (
        select
            turns.project_key,
            turns.latest,
            unnest(range(first.position, last.position)) as position,
        from turns
        inner join instants as first on turns.project_key = first.project_key and turns.valid_from = first.instant
        inner join instants as last on turns.project_key = last.project_key and turns.valid_to = last.instant
    )
    group by project_key, position
),

dated as (
    select
        spans.project_key,
        spans.latest as said,
        begun.created_at,
        begun.instant as valid_from,
        ended.instant as valid_to,
        lead(begun.instant) over (partition by spans.project_key order by spans.position) as next_from,
    from spans
    inner join instants as begun on spans.project_key = begun.project_key and spans.position = begun.position
    inner join instants as ended on spans.project_key = ended.project_key and spans.position + 1 = ended.position
),

traced as (
    select
        *,
        list_transform(
            from_json(said.breadcrumb, '["JSON"]'),
            lambda place: struct_pack(
                id := coalesce(place ->> 'id', place ->> 'Id'),
                name := coalesce(place ->> 'name', place ->> 'Name', place ->> 'id', place ->> 'Id')
            )
        ) as trail,
    from dated
),

-- The vendor does not say in which order a breadcrumb runs. The customer's own place in it tells; where it has
-- none, only a single entry can be next to it.
located as (
    select
        *,
        case
            when trail[-1].id = said.customer_id then trail
            when trail[1].id = said.customer_id then list_reverse(trail)
            when len(trail) <= 1 and said.customer_id is not null
                then list_append(trail, struct_pack(id := said.customer_id, name := said.customer_name))
        end as descent,
    from traced
)

select
    located.project_key,
    located.said.connection as connection,
    'evovoice' as provider,
    coalesce(located.said.customer_id, located.said.account_id) as project_id,
    case when located.said.customer_id is null then 'account' else 'customer' end as kind,
    case
        when located.said.customer_id is null then located.said.account_name else located.said.customer_name
    end as name,
    located.said.customer_id as client_id,
    case when located.said.customer_id is not null then located.said.customer_name end as client_name,
    located.said.account_id as owner_id,
    located.said.account_name as owner_name,
    located.said.connection || ':' || staging.blank_to_null(located.descent[-2].id) as parent_key,
    array_to_string(list_transform(located.descent, lambda place: struct_extract(place, 'name')), ' / ') as path,
    located.created_at,
    located.valid_from,
    nullif(located.valid_to, timestamptz 'infinity') as valid_to,
    case
        when located.valid_to = located.next_from then 'changed'
        when
            (located.said.connection, located.valid_to) in (
                select (connection, started_at), from raw.operations
                where operation = 'retire'
            )
            then 'retired'
        when located.valid_to < timestamptz 'infinity' then 'removed'
    end as end_reason,
from located
