-- Belltastic: one row per version of a project. An archived project has a deletion time and may stay listed.
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
        ) as fields,
    from staging.records as record
    where record.provider = 'belltastic' and record.entity = 'projects'
),

typed as (
    select
        * exclude (created_at),
        staging.parse_timestamp(fields.created_at) as created_at,
        staging.parse_timestamp(fields.updated_at) as updated_at,
        staging.parse_timestamp(fields.deleted_at) as archived_at,
        staging.parse_boolean(fields.default) as is_default,
        -- An empty string and false mean that it is not deleted. Any other text is a time, even if it cannot be read.
        coalesce(fields.deleted_at not in ('', 'false'), false) as is_archived,
    from source
),

with_unparsed as (
    select
        *,
        staging.without_nulls([
            staging.unparsed('created_at', fields.created_at, created_at),
            staging.unparsed('updated_at', fields.updated_at, updated_at),
            staging.unparsed('deleted_at', fields.deleted_at, archived_at),
            staging.unparsed('default', fields.default, is_default),
        ]) as unparsed,
    from typed
)

select
    record_key as project_key,
    connection,
    'belltastic' as provider,
    record_id as project_id,
    'project' as kind,
    fields.name as name,
    case when is_archived then 'archived' else 'active' end as provider_status,
    fields.team_id as owner_id,
    is_archived,
    is_default,
    created_at,
    updated_at,
    archived_at,
    staging.attributes([staging.member('hmac_required', fields.hmac_required)], unparsed) as attributes,
    unparsed,
    valid_from,
    valid_to,
    end_reason,
from with_unparsed
