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
                "location": "JSON", "logoUrl": "JSON", "lastUpdated": "VARCHAR"
            }'
        ) as said,
    from staging.records as record
    where record.provider = 'matter' and record.entity = 'projects'
),

typed as (
    select
        *,
        case
            when json_type(said.location) = 'OBJECT'
                then from_json(said.location, '{"city": "VARCHAR", "region": "VARCHAR", "country": "VARCHAR"}')
        end as location,
        staging.parse_timestamp(said.lastUpdated) as updated_at,
    from source
),

kept as (
    select
        *,
        staging.without_nulls([
            staging.unparsed('location', said.location ->> '$', location),
            staging.unparsed('lastUpdated', said.lastUpdated, updated_at),
        ]) as unread,
    from typed
)

select
    connection || ':' || record_id as project_key,
    connection,
    'matter' as provider,
    record_id as project_id,
    'project' as kind,
    said.name as name,
    said.description as description,
    said.projectStatus as provider_status,
    said.projectPhase as phase,
    said.projectType as category,
    said.clientName as client_name,
    location.city as city,
    location.region as region,
    location.country as country,
    coalesce(said.logoUrl ->> 'originalUrl', said.logoUrl ->> 'referenceUrl') as logo_url,
    updated_at,
    staging.attributes([staging.member('logoUrl', staging.sorted_object(said.logoUrl))], unread) as attributes,
    unread,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from kept
