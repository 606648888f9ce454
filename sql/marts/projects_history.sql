-- Every version of every project. A version begins only where a published column changed. Its times are the starts of
-- runs, half-open: it holds from valid_from up to, and without, valid_to.
-- grain: project_key, version
-- incremental: project_key
with stated as (
    select
        project.project_key,
        project.connection,
        project.provider,
        project.project_id,
        project.kind,
        project.name,
        project.description,
        project.code,
        if(erased.pseudonym is null, coalesce(mapping.status, 'unknown'), 'unknown') as status,
        case
            when erased.pseudonym is null
                then nullif(mapping.status, 'unknown') in ('active', 'planned', 'on_hold')
        end as is_open,
        if(erased.pseudonym is null, project.provider_status, null) as provider_status,
        project.phase,
        project.category,
        cast(project.priority as double) as priority,
        staging.client_key(coalesce(client.name, project.client_name)) as client_key,
        if(erased.pseudonym is null, project.client_id, null) as client_id,
        project.client_name,
        if(erased.pseudonym is null, project.owner_id, null) as owner_id,
        project.owner_name,
        project.parent_key,
        project.path,
        project.domain,
        project.logo_url,
        project.city,
        project.region,
        project.country,
        project.time_zone,
        if(erased.pseudonym is null, cast(project.is_archived as boolean), null) as is_archived,
        cast(project.is_template as boolean) as is_template,
        cast(project.is_default as boolean) as is_default,
        cast(project.created_at as timestamptz) as created_at,
        cast(project.updated_at as timestamptz) as updated_at,
        cast(project.starts_at as timestamptz) as starts_at,
        cast(project.finishes_at as timestamptz) as finishes_at,
        cast(project.archived_at as timestamptz) as archived_at,
        project.created_by,
        project.source_version,
        cast(project.attributes as json) as attributes,
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
    -- Of what was erased nothing is known, not even what an empty record would say.
    left join raw.forgotten as erased on project.project_id = erased.pseudonym
),

-- Most projects never change: only those with a past pay for being compared with it.
several as (
    select project_key,
    from stated
    group by project_key
    having count(*) > 1
),

paired as (
    select
        stated.*,
        lag(stated) over (partition by project_key order by valid_from) as previous,
    from stated
    where project_key in (from several)
),

compared as (
    select
        * exclude (previous),
        case
            when previous is null then 'created'
            when previous.valid_to = valid_from then 'changed'
            else 'returned'
        end as change,
        case
            when previous is null then []
            else staging.without_nulls([
                staging.if_changed('kind', kind, previous.kind),
                staging.if_changed('name', name, previous.name),
                staging.if_changed('description', description, previous.description),
                staging.if_changed('code', code, previous.code),
                staging.if_changed('status', status, previous.status),
                staging.if_changed('is_open', is_open, previous.is_open),
                staging.if_changed('provider_status', provider_status, previous.provider_status),
                staging.if_changed('phase', phase, previous.phase),
                staging.if_changed('category', category, previous.category),
                staging.if_changed('priority', priority, previous.priority),
                staging.if_changed('client_key', client_key, previous.client_key),
                staging.if_changed('client_id', client_id, previous.client_id),
                staging.if_changed('client_name', client_name, previous.client_name),
                staging.if_changed('owner_id', owner_id, previous.owner_id),
                staging.if_changed('owner_name', owner_name, previous.owner_name),
                staging.if_changed('parent_key', parent_key, previous.parent_key),
                staging.if_changed('path', path, previous.path),
                staging.if_changed('domain', domain, previous.domain),
                staging.if_changed('logo_url', logo_url, previous.logo_url),
                staging.if_changed('city', city, previous.city),
                staging.if_changed('region', region, previous.region),
                staging.if_changed('country', country, previous.country),
                staging.if_changed('time_zone', time_zone, previous.time_zone),
                staging.if_changed('is_archived', is_archived, previous.is_archived),
                staging.if_changed('is_template', is_template, previous.is_template),
                staging.if_changed('is_default', is_default, previous.is_default),
                staging.if_changed('created_at', created_at, previous.created_at),
                staging.if_changed('updated_at', updated_at, previous.updated_at),
                staging.if_changed('starts_at', starts_at, previous.starts_at),
                staging.if_changed('finishes_at', finishes_at, previous.finishes_at),
                staging.if_changed('archived_at', archived_at, previous.archived_at),
                staging.if_changed('created_by', created_by, previous.created_by),
                staging.if_changed('source_version', source_version, previous.source_version),
                staging.if_changed('attributes', staging.tracked(attributes), staging.tracked(previous.attributes)),
            ])
        end as changed_columns,
    from paired
),

begun as (
    select
        *,
        case
            when change <> 'changed' or len(changed_columns) > 0
                then struct_pack(
                    valid_from := valid_from, change := change, changed_columns := changed_columns
                )
        end as beginning,
    from compared
),

-- Rows in a row that say the same are one version: its beginning is the first's, all else the last's.
numbered as (
    select
        *,
        count(beginning) over life as version,
        last_value(beginning ignore nulls) over life as first,
    from begun
    window life as (partition by project_key order by valid_from)
    qualify coalesce(lead(beginning is not null) over life, true)
),

versions as (
    select
        * exclude (beginning, first)
        replace (first.valid_from as valid_from, first.change as change, first.changed_columns as changed_columns),
    from numbered
    union all by name
    select
        *,
        1 as version,
        'created' as change,
        [] as changed_columns,
    from stated
    where project_key not in (from several)
)

select
    project_key, -- unique and stable: connection:id, for Rillsoft connection:client:id
    connection, -- the configured account it was listed by
    provider, -- the service: fone_dynamics, matter, rillsoft, evovoice or belltastic
    project_id, -- the provider's own id, as text, exactly
    kind, -- what the provider calls it: property, project, customer or account
    name, -- its name at the provider
    description, -- free text
    code, -- the customer's own short code; need not be unique
    status, -- active, inactive, planned, on_hold, completed, cancelled, archived or unknown, by status_mapping
    is_open, -- whether its status is active, planned or on_hold; null where it is unknown
    provider_status, -- the status as the provider gives it
    phase, -- Matter's phase of the project
    category, -- Matter's type, Rillsoft's category
    priority, -- Rillsoft's priority
    client_key, -- the client over all providers, by client_mapping; null where none is named
    client_id, -- id of whom it is for: EvoVoice customer
    client_name, -- name of whom it is for, as given
    owner_id, -- account it lives under: AccountSid, Rillsoft client (tenant), EvoVoice account, Belltastic team
    owner_name, -- that account's name
    parent_key, -- EvoVoice: connection:id of the customer above, where the breadcrumb tells; need not be listed itself
    path, -- Rillsoft: folders as given; EvoVoice: the customers from the topmost to this one
    domain, -- Fone Dynamics: main domain
    logo_url, -- Matter: the original logo, else the stored one
    city, -- where it is
    region, -- where it is
    country, -- where it is
    time_zone, -- IANA name; Fone Dynamics gives Windows names
    is_archived, -- Belltastic: whether it has a deletion time; null where the provider has no archive
    is_template, -- Rillsoft: whether it is a template; null elsewhere
    is_default, -- Belltastic: whether it opens first; null elsewhere
    created_at, -- when it was created, by the provider; EvoVoice: date of the earliest file ever listed
    updated_at, -- when it last changed, by the provider
    starts_at, -- planned start
    finishes_at, -- planned finish
    archived_at, -- when it was archived
    created_by, -- who created it
    source_version, -- the provider's own number of this version
    attributes, -- the provider's other documented fields, and as text each value that its column cannot hold
    cast(version as integer) as version, -- counts from 1 over the project's whole life
    valid_from, -- start of the run that first saw this version
    valid_to, -- start of the run that found it changed or gone; null while it is current
    valid_to is null as is_current, -- whether the project is listed, as this version
    change, -- what began it: created, changed or returned
    end_reason, -- what ended it: changed, removed or retired; null while it is current
    changed_columns, -- columns that differ from the version before
from versions
