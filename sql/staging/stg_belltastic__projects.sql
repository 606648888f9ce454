-- Belltastic: one row per version of a project; an archived one has a deletion time and may stay listed.
-- grain: project_key, valid_from
with source as (
    select
        record.*,
        from_json(
            record.payload,
            '{
                "name": "VARCHAR", "default": "VARCHAR", "hmac_required": "JSON", "team_id": "VARCHAR",
                "created_at": "VARCHAR", "updated_at": "VARCHAR", "deleted_at": "VARCHAR"
            }'
        ) as said,
    from raw.records as record
    where record.provider = 'belltastic' and record.entity = 'projects'
),

typed as (
    select
        * exclude (created_at),
        staging.local_instant(said.created_at, 'UTC') as created_at,
        staging.local_instant(said.updated_at, 'UTC') as updated_at,
        staging.local_instant(said.deleted_at, 'UTC') as archived_at,
        staging.truth(said.default) as is_default,
        said.deleted_at is not null as is_archived,
    from source
)

select
    connection || ':' || record_id as project_key,
    connection,
    provider,
    record_id as project_id,
    'project' as kind,
    said.name as name,
    case when is_archived then 'archived' else 'active' end as provider_status,
    said.team_id as owner_id,
    not is_archived as is_active,
    is_archived,
    is_default,
    created_at,
    updated_at,
    archived_at,
    staging.with_unread(
        staging.with_unread(
            staging.with_unread(
                staging.with_unread(
                    json_object('hmac_required', said.hmac_required),
                    'created_at', said.created_at, created_at
                ),
                'updated_at', said.updated_at, updated_at
            ),
            'deleted_at', said.deleted_at, archived_at
        ),
        'default', said.default, is_default
    ) as attributes,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from typed
