-- Every version of every project. A version begins only when a published column changes. Periods are half-open, from
-- run start to run start: a version is valid from valid_from up to but not including valid_to.
-- kind: versions of project_key
-- grain: project_key, version
-- example: select name, status, valid_from, valid_to from projects_history order by project_key, version
-- incremental: project_key
-- not compared: connection, provider, project_id
-- compared as: attributes by staging.tracked
select
    project.project_key, -- unique and stable: connection:id, for Rillsoft connection:client:id
    project.connection, -- the configured account that listed it
    project.provider, -- the service: fone_dynamics, matter, rillsoft, evovoice or belltastic
    project.project_id, -- the provider's own id, unchanged, as text
    project.kind, -- what the provider calls it: property, project, customer or account
    project.name, -- its name at the provider
    project.description, -- free text
    project.code, -- the customer's own short code; may not be unique
    if(erased.pseudonym is null, coalesce(mapping.status, 'unknown'), 'unknown')
        as status, -- active, inactive, planned, on_hold, completed, cancelled, archived or unknown, by status_mapping
    case
        when erased.pseudonym is null
            then nullif(mapping.status, 'unknown') in ('active', 'planned', 'on_hold')
    end as is_open, -- whether its status is active, planned or on_hold; null if it is unknown
    if(erased.pseudonym is null, project.provider_status, null)
        as provider_status, -- the status as the provider gives it
    project.phase, -- Matter's phase of the project
    project.category, -- Matter's type, Rillsoft's category
    cast(project.priority as double) as priority, -- Rillsoft's priority
    staging.client_key(coalesce(client.name, project.client_name))
        as client_key, -- the client over all providers, by client_mapping; null if it has none
    if(erased.pseudonym is null, project.client_id, null) as client_id, -- id of the client: EvoVoice customer
    project.client_name, -- name of the client, as given
    if(erased.pseudonym is null, project.owner_id, null)
        as owner_id, -- account it belongs to: AccountSid, Rillsoft client (tenant), EvoVoice account, Belltastic team
    project.owner_name, -- that account's name
    project.parent_key, -- EvoVoice: connection:id of the customer above, if the breadcrumb shows it; may be unlisted
    project.path, -- Rillsoft: folders as given; EvoVoice: the customers from the topmost to this one
    project.domain, -- Fone Dynamics: main domain
    project.logo_url, -- Matter: the original logo, or else the stored one
    project.city, -- where it is
    project.region, -- where it is
    project.country, -- where it is
    project.time_zone, -- IANA name; Fone Dynamics sends Windows names
    if(erased.pseudonym is null, cast(project.is_archived as boolean), null)
        as is_archived, -- Belltastic: whether it has a deletion time; null if the provider has no archive
    cast(project.is_template as boolean) as is_template, -- Rillsoft: whether it is a template; null elsewhere
    cast(project.is_default as boolean) as is_default, -- Belltastic: whether it opens first; null elsewhere
    cast(project.created_at as timestamptz)
        as created_at, -- when the provider says it was created; EvoVoice: date of the earliest file ever listed
    cast(project.updated_at as timestamptz) as updated_at, -- when it last changed, according to the provider
    cast(project.starts_at as timestamptz) as starts_at, -- planned start
    cast(project.finishes_at as timestamptz) as finishes_at, -- planned finish
    cast(project.archived_at as timestamptz) as archived_at, -- when it was archived
    project.created_by, -- who created it
    project.source_version, -- the provider's own version number
    cast(project.attributes as json)
        as attributes, -- the provider's other documented fields and, as text, each value that does not fit its column
    project.valid_from,
    project.valid_to,
    project.end_reason,
from staging.projects as project
left join status_mapping as mapping
    on
        project.provider = mapping.provider
        and staging.status_key(project.provider_status) = staging.status_key(mapping.provider_status)
left join client_mapping as client
    on
        project.connection = client.connection
        and staging.client_key(project.client_name) = staging.client_key(client.client)
-- The record of a forgotten project is empty, which must not be read as values of the project.
left join raw.forgotten as erased on project.project_id = erased.pseudonym
