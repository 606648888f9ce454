-- Rillsoft: one row per version of a project of a client. Times have no offset: they are in the server's zone.
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
        ) as fields,
    from staging.records as record
    left join raw.connections as known on record.connection = known.connection
    -- A name that DuckDB does not know would end the build. Without a zone, the times stay text.
    left join pg_timezone_names() as zone on coalesce(known.time_zone, 'UTC') = zone.name
    where record.provider = 'rillsoft' and record.entity = 'projects'
),

with_times as (
    select
        *,
        staging.unset_to_null(fields.start) as start_text,
        staging.unset_to_null(fields.finish) as finish_text,
        staging.unset_to_null(fields.createdAt) as created_text,
    from source
),

typed as (
    select
        *,
        staging.parse_local_timestamp(start_text, time_zone) as starts_at,
        staging.parse_local_timestamp(finish_text, time_zone) as finishes_at,
        staging.parse_local_timestamp(created_text, time_zone) as created_at,
        staging.parse_double(fields.priority) as priority,
        staging.parse_boolean(fields.isTemplate) as is_template,
    from with_times
),

with_unparsed as (
    select
        *,
        staging.without_nulls([
            staging.unparsed('start', start_text, starts_at),
            staging.unparsed('finish', finish_text, finishes_at),
            staging.unparsed('createdAt', created_text, created_at),
            staging.unparsed('priority', fields.priority, priority),
            staging.unparsed('isTemplate', fields.isTemplate, is_template),
        ]) as unparsed,
        staging.without_nulls([
            staging.member('uuid', fields.uuid),
            staging.member('folderId', fields.folderId),
            staging.member('notes', fields.notes),
            staging.member('createdUserId', fields.createdUserId),
            staging.member('isReadOnly', fields.isReadOnly),
            staging.member('lockAt', fields.lockAt),
            staging.member('lockUserId', fields.lockUserId),
            staging.member('lockUserName', fields.lockUserName),
        ]) as members,
    from typed
)

select
    record_key as project_key,
    connection,
    scope,
    'rillsoft' as provider,
    record_id as project_id,
    'project' as kind,
    fields.name as name,
    fields.description as description,
    fields.code as code,
    fields.status as provider_status,
    fields.category as category,
    priority,
    fields.customer as client_name,
    scope as owner_id,
    fields.path as path,
    is_template,
    created_at,
    starts_at,
    finishes_at,
    case
        when staging.parse_bigint(fields.createdUserId ->> '$') = -1 then null
        else fields.createdUserName
    end as created_by,
    fields.versionId as source_version,
    staging.attributes(members, unparsed) as attributes,
    unparsed,
    valid_from,
    valid_to,
    end_reason,
from with_unparsed
