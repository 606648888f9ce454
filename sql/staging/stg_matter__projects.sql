-- Matter: one row per version of a project.
-- grain: project_key, valid_from
with source as (
    select
        record.*,
        from_json(
            record.payload,
            '{
                "name": "VARCHAR", "description": "VARCHAR", "clientName": "VARCHAR",
                "projectPhase": "VARCHAR", "projectStatus": "VARCHAR", "projectType": "VARCHAR",
                "location": {"city": "VARCHAR", "region": "VARCHAR", "country": "VARCHAR"},
                "logoUrl": "JSON", "lastUpdated": "VARCHAR"
            }'
        ) as said,
    from raw.records as record
    where record.provider = 'matter' and record.entity = 'projects'
),

timed as (
    -- lastUpdated is an ISO 8601 date by its description: one without an offset is read as UTC.
    select
        *,
        coalesce(
            staging.local_instant(said.lastupdated, 'UTC'),
            staging.instant(said.lastupdated || 'T00:00:00Z')
        ) as updated_at,
    from source
)

select
    connection || ':' || record_id as project_key,
    connection,
    provider,
    record_id as project_id,
    'project' as kind,
    said.name as name,
    said.description as description,
    said.projectstatus as provider_status,
    said.projectphase as phase,
    said.projecttype as category,
    said.clientname as client_name,
    said.location.city as city,
    said.location.region as region,
    said.location.country as country,
    coalesce(said.logourl ->> 'originalUrl', said.logourl ->> 'referenceUrl') as logo_url,
    updated_at,
    staging.with_unread(
        json_object('logoUrl', said.logourl), 'lastUpdated', said.lastupdated, updated_at
    ) as attributes,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from timed
