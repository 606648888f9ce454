-- EvoVoice: one row per period of a customer, or of an account for its files without a customer. It exists while it has
-- a file. In a period, its values are those of the file created last among the files listed then, and its creation time
-- is that of the earliest file listed until then.
-- grain: project_key, valid_from
with by_period as (
    -- One file represents all that begin and end in the same runs. `infinity` means that a file is still listed.
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

-- Among files that end in the same run, each counts until one that was created later begins, so that their periods do
-- not overlap.
turns as (
    select
        project_key,
        valid_from,
        coalesce(lead(valid_from) over ending_together, valid_to) as valid_to,
        max(latest) over ending_together as latest,
        earliest,
    from by_period
    window ending_together as (partition by project_key, valid_to order by valid_from)
),

boundaries as (
    select
        project_key,
        boundary,
        row_number() over (partition by project_key order by boundary) as position,
        min(min(earliest)) over (partition by project_key order by boundary) as created_at,
    from (
        select
            project_key,
            valid_from as boundary,
            earliest,
        from turns
        union all by name
        select
            project_key,
            valid_to as boundary,
        from turns
    )
    group by project_key, boundary
),

-- Between two neighbouring boundaries, no file begins or ends. If no file is listed, there is no row.
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
        inner join boundaries as first on turns.project_key = first.project_key and turns.valid_from = first.boundary
        inner join boundaries as last on turns.project_key = last.project_key and turns.valid_to = last.boundary
    )
    group by project_key, position
),

dated as (
    select
        spans.project_key,
        spans.latest as file,
        first.created_at,
        first.boundary as valid_from,
        last.boundary as valid_to,
        lead(first.boundary) over (partition by spans.project_key order by spans.position) as next_from,
    from spans
    inner join boundaries as first on spans.project_key = first.project_key and spans.position = first.position
    inner join boundaries as last on spans.project_key = last.project_key and spans.position + 1 = last.position
),

with_breadcrumb as (
    select
        *,
        list_transform(
            from_json(file.breadcrumb, '["JSON"]'),
            lambda entry: struct_pack(
                id := coalesce(entry ->> 'id', entry ->> 'Id'),
                name := coalesce(entry ->> 'name', entry ->> 'Name', entry ->> 'id', entry ->> 'Id')
            )
        ) as breadcrumb,
    from dated
),

-- The order of a breadcrumb is not documented. The position of the customer itself shows it. Without that, a single
-- entry can only be the parent.
with_descent as (
    select
        *,
        case
            when breadcrumb[-1].id = file.customer_id then breadcrumb
            when breadcrumb[1].id = file.customer_id then list_reverse(breadcrumb)
            when len(breadcrumb) <= 1 and file.customer_id is not null
                then list_append(breadcrumb, struct_pack(id := file.customer_id, name := file.customer_name))
        end as descent,
    from with_breadcrumb
)

select
    project_key,
    file.connection as connection,
    'evovoice' as provider,
    coalesce(file.customer_id, file.account_id) as project_id,
    case when file.customer_id is null then 'account' else 'customer' end as kind,
    case when file.customer_id is null then file.account_name else file.customer_name end as name,
    file.customer_id as client_id,
    case when file.customer_id is not null then file.customer_name end as client_name,
    file.account_id as owner_id,
    file.account_name as owner_name,
    file.connection || ':' || staging.blank_to_null(descent[-2].id) as parent_key,
    array_to_string(list_transform(descent, lambda entry: struct_extract(entry, 'name')), ' / ') as path,
    created_at,
    valid_from,
    nullif(valid_to, timestamptz 'infinity') as valid_to,
    case
        when valid_to = next_from then 'changed'
        when
            (file.connection, valid_to) in (
                select (connection, started_at), from raw.operations
                where operation = 'retire'
            )
            then 'retired'
        when valid_to < timestamptz 'infinity' then 'removed'
    end as end_reason,
from with_descent
