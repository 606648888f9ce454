-- Rillsoft: one row per version of a project of a client. Times carry no offset: they are of the server's zone.
-- grain: project_key, valid_from
with source as (
    select
        record.*,
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
        zone.name as time_zone,
    from raw.records as record
    left join raw.connections as connection on record.connection = connection.connection
    left join pg_timezone_names() as zone on coalesce(connection.time_zone, 'UTC') = zone.name
    where record.provider = 'rillsoft' and record.entity = 'projects'
),

typed as (
    select
        * exclude (created_at),
        staging.local_instant(said.start, time_zone) as starts_at,
        staging.local_instant(said.finish, time_zone) as finishes_at,
        staging.local_instant(said.createdat, time_zone) as created_at,
        try_cast(said.priority as double) as priority,
        staging.truth(said.istemplate) as is_template,
        json_object(
            'uuid', said.uuid,
            'folderId', said.folderid,
            'notes', said.notes,
            'createdUserId', said.createduserid,
            'isReadOnly', said.isreadonly,
            'lockAt', said.lockat,
            'lockUserId', said.lockuserid,
            'lockUserName', said.lockusername
        ) as documented,
    from source
),

kept as (
    select
        *,
        staging.with_unread(
            staging.with_unread(
                staging.with_unread(
                    staging.with_unread(
                        staging.with_unread(documented, 'start', said.start, starts_at),
                        'finish', said.finish, finishes_at
                    ),
                    'createdAt', said.createdat, created_at
                ),
                'priority', said.priority, priority
            ),
            'isTemplate', said.istemplate, is_template
        ) as attributes,
    from typed
)

select
    connection || ':' || scope || ':' || record_id as project_key,
    connection,
    provider,
    record_id as project_id,
    'project' as kind,
    said.name as name,
    said.description as description,
    said.code as code,
    said.status as provider_status,
    said.category as category,
    priority,
    scope as client_id,
    said.customer as client_name,
    said.path as path,
    true as is_active,
    is_template,
    created_at,
    starts_at,
    finishes_at,
    case when said.createduserid <> '-1' then said.createdusername end as created_by,
    said.versionid as source_version,
    attributes,
    -- Who may write and who holds the lock depend on the caller and the moment: they make no version.
    json_merge_patch(
        attributes, '{"isReadOnly": null, "lockAt": null, "lockUserId": null, "lockUserName": null}'
    ) as lasting_attributes,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from kept
