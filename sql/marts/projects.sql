-- Every project that is listed now, of all connections, without forgotten ones.
-- kind: view
-- grain: project_key
-- example: select name, client_name, finishes_at from projects where is_open order by finishes_at
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
    listed.status_since, -- start of the run that first saw its current status, without interruption
    history.provider_status,
    history.phase,
    history.category,
    history.priority,
    history.client_key,
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
    listed.first_seen_at, -- start of the first run that listed it
    history.valid_from as changed_at, -- start of the first run with its current version
    listed.last_seen_at, -- start of the last run that received it
    -- updated_at; EvoVoice: date of the newest file that is listed
    coalesce(listed.last_activity_at, history.updated_at) as last_activity_at,
    listed.is_held_back, -- whether it is missing from its last listing, but its removal is held back
    history.version,
from projects_history as history
inner join staging.int_current_projects as listed on history.project_key = listed.project_key
where history.is_current
