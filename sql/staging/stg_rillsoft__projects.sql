-- Rillsoft: one row per version of a project of a client. Times carry no offset: they are of the server's zone.
-- grain: project_key, valid_from
with source as (
    select
        record.* exclude (created_at),
        zone.name as time_zone,
        from_json(
            record.payload,
            '{
                "versionId": "VARCHAR", "uuid": "JSON", "name": "VARCHAR", "description": "VARCHAR",
                "start": "VARCHAR", "finish": "VARCHAR", "code": "VARCHAR", "customer": "VARCHAR",
                "category": "VARCHAR", "priority": "VARCHAR", "status": "VARCHAR", "path": "VARCHAR",
                "folderId": "JSON", "createdAt": "VARCHAR", "createdUserId": "JSON",
                "createdUserName": "VARCHAR", "lockAt": "JSON", "lockUserId": "JSON", "lockUserName": "JSON",
                "notes": "JSON", "isTemplate": "VARCHAR", "isReadOnly": "JSON"
            }'
        ) as said,
    from staging.records as record
    left join raw.connections as known on record.connection = known.connection
    -- A name that DuckDB does not know would end the build; without a zone the times stay text.
    left join pg_timezone_names() as zone on coalesce(known.time_zone, 'UTC') = zone.name
    where record.provider = 'rillsoft' and record.entity = 'projects'
),

dated as (
    select
        *,
        staging.unset_to_null(said.start) as said_start,
        staging.unset_to_null(said.finish) as said_finish,
        staging.unset_to_null(said.createdAt) as said_created,
    from source
),

typed as (
    select
        *,
        staging.parse_local_timestamp(said_start, time_zone) as starts_at,
        staging.parse_local_timestamp(said_finish, time_zone) as finishes_at,
        staging.parse_local_timestamp(said_created, time_zone) as created_at,
        staging.parse_double(said.priority) as priority,
        staging.parse_boolean(said.isTemplate) as is_template,
    from dated
),

kept as (
    select
        *,
        staging.without_nulls([
            staging.unparsed('start', said_start, starts_at),
            staging.unparsed('finish', said_finish, finishes_at),
            staging.unparsed('createdAt', said_created, created_at),
            staging.unparsed('priority', said.priority, priority),
            staging.unparsed('isTemplate', said.isTemplate, is_template),
        ]) as unread,
        staging.without_nulls([
            staging.member('uuid', said.uuid),
            staging.member('folderId', said.folderId),
            staging.member('notes', said.notes),
            staging.member('createdUserId', said.createdUserId),
            staging.member('isReadOnly', said.isReadOnly),
            staging.member('lockAt', said.lockAt),
            staging.member('lockUserId', said.lockUserId),
            staging.member('lockUserName', said.lockUserName),
        ]) as members,
    from typed
)

select
    connection || ':' || scope || ':' || record_id as project_key,
    connection,
    scope,
    'rillsoft' as provider,
    record_id as project_id,
    'project' as kind,
    said.name as name,
    said.description as description,
    said.code as code,
    said.status as provider_status,
    said.category as category,
    priority,
    said.customer as client_name,
    scope as owner_id,
    said.path as path,
    is_template,
    created_at,
    starts_at,
    finishes_at,
    case
        when staging.parse_bigint(said.createdUserId ->> '$') = -1 then null
        else said.createdUserName
    end as created_by,
    said.versionId as source_version,
    staging.attributes(members, unread) as attributes,
    unread,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from kept
