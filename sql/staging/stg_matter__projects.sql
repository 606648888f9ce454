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
        ) as fields,
    from staging.records as record
    where record.provider = 'matter' and record.entity = 'projects'
),

typed as (
    select
        *,
        case
            when json_type(fields.location) = 'OBJECT'
                then from_json(fields.location, '{"city": "VARCHAR", "region": "VARCHAR", "country": "VARCHAR"}')
        end as location,
        staging.parse_timestamp(fields.lastUpdated) as updated_at,
    from source
),

with_unparsed as (
    select
        *,
        staging.without_nulls([
            staging.unparsed('location', fields.location ->> '$', location),
            staging.unparsed('lastUpdated', fields.lastUpdated, updated_at),
        ]) as unparsed,
    from typed
)

select
    record_key as project_key,
    connection,
    'matter' as provider,
    record_id as project_id,
    'project' as kind,
    fields.name as name,
    fields.description as description,
    fields.projectStatus as provider_status,
    fields.projectPhase as phase,
    fields.projectType as category,
    fields.clientName as client_name,
    location.city as city,
    location.region as region,
    location.country as country,
    coalesce(fields.logoUrl ->> 'originalUrl', fields.logoUrl ->> 'referenceUrl') as logo_url,
    updated_at,
    staging.attributes([staging.member('logoUrl', staging.sorted_object(fields.logoUrl))], unparsed) as attributes,
    unparsed,
    valid_from,
    valid_to,
    end_reason,
from with_unparsed
