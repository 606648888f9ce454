-- Every project that is listed now, of all connections, without those that were erased.
-- grain: project_key
-- incremental: project_key
-- refreshed: last_seen_at
with firsts as (
    select
        project_key,
        valid_from as first_seen_at,
    from projects_history
    where version = 1
),

-- Customers of EvoVoice are seen in their files, and `files` knows when without deriving the customers again.
sightings as (
    select
        project_key,
        last_seen_at,
    from staging.projects
    where valid_to is null and provider <> 'evovoice'
    union all
    select
        project_key,
        max(last_seen_at) as last_seen_at,
    from files
    where project_key is not null
    group by project_key
)

select
    history.project_key,
    history.connection,
    history.provider,
    history.project_id,
    history.kind,
    history.name,
    history.description,
    history.code,
    history.status,
    history.is_open,
    history.provider_status,
    history.phase,
    history.category,
    history.priority,
    history.client_id,
    history.client_name,
    history.owner_id,
    history.owner_name,
    history.parent_key,
    history.path,
    history.domain,
    history.logo_url,
    history.city,
    history.region,
    history.country,
    history.time_zone,
    history.is_archived,
    history.is_template,
    history.is_default,
    history.created_at,
    history.updated_at,
    history.starts_at,
    history.finishes_at,
    history.archived_at,
    history.created_by,
    history.source_version,
    history.attributes,
    firsts.first_seen_at, -- start of the first run that listed it
    history.valid_from as changed_at, -- start of the run that first saw it as it is now
    sightings.last_seen_at, -- start of the last run that received it
    history.version,
from projects_history as history
inner join firsts on history.project_key = firsts.project_key
inner join sightings on history.project_key = sightings.project_key
anti join raw.forgotten as erased on history.project_id = erased.pseudonym
where history.is_current
