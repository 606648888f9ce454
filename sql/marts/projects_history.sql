-- Every version of every project. A version begins only where a published column changed. Its times are the starts of
-- nights, half-open: it holds from valid_from up to, and without, valid_to.
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
        if(erased.pseudonym is null, project.provider_status, null) as provider_status,
        project.phase,
        project.category,
        cast(project.priority as double) as priority,
        if(erased.pseudonym is null, project.client_id, null) as client_id,
        project.client_name,
        project.owner_id,
        project.owner_name,
        project.parent_key,
        project.path,
        project.domain,
        project.logo_url,
        project.city,
        project.region,
        project.country,
        project.time_zone,
        case
            when erased.pseudonym is null
                then coalesce(
                    cast(project.is_active as boolean),
                    nullif(mapping.status, 'unknown') in ('active', 'planned', 'on_hold')
                )
        end as is_active,
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
        lag(stated) over (partition by project_key order by valid_from) as former,
    from stated
    where project_key in (from several)
),

compared as (
    select
        * exclude (former),
        case
            when former is null then 'created'
            when former.valid_to = valid_from then 'changed'
            else 'returned'
        end as change,
        case
            when former is null then []
            else staging.present([
                staging.differing('kind', kind, former.kind),
                staging.differing('name', name, former.name),
                staging.differing('description', description, former.description),
                staging.differing('code', code, former.code),
                staging.differing('status', status, former.status),
                staging.differing('provider_status', provider_status, former.provider_status),
                staging.differing('phase', phase, former.phase),
                staging.differing('category', category, former.category),
                staging.differing('priority', priority, former.priority),
                staging.differing('client_id', client_id, former.client_id),
                staging.differing('client_name', client_name, former.client_name),
                staging.differing('owner_id', owner_id, former.owner_id),
                staging.differing('owner_name', owner_name, former.owner_name),
                staging.differing('parent_key', parent_key, former.parent_key),
                staging.differing('path', path, former.path),
                staging.differing('domain', domain, former.domain),
                staging.differing('logo_url', logo_url, former.logo_url),
                staging.differing('city', city, former.city),
                staging.differing('region', region, former.region),
                staging.differing('country', country, former.country),
                staging.differing('time_zone', time_zone, former.time_zone),
                staging.differing('is_active', is_active, former.is_active),
                staging.differing('is_archived', is_archived, former.is_archived),
                staging.differing('is_template', is_template, former.is_template),
                staging.differing('is_default', is_default, former.is_default),
                staging.differing('created_at', created_at, former.created_at),
                staging.differing('updated_at', updated_at, former.updated_at),
                staging.differing('starts_at', starts_at, former.starts_at),
                staging.differing('finishes_at', finishes_at, former.finishes_at),
                staging.differing('archived_at', archived_at, former.archived_at),
                staging.differing('created_by', created_by, former.created_by),
                staging.differing('source_version', source_version, former.source_version),
                staging.differing('attributes', staging.tracked(attributes), staging.tracked(former.attributes)),
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
    kind, -- what the provider calls it: property, project or customer
    name, -- its name at the provider
    description, -- free text
    code, -- the customer's own short code; need not be unique
    status, -- active, inactive, planned, on_hold, completed, cancelled, archived or unknown, by status_mapping
    provider_status, -- the status as the provider gives it
    phase, -- Matter's phase of the project
    category, -- Matter's type, Rillsoft's category
    priority, -- Rillsoft's priority
    client_id, -- id of whom it is for: Rillsoft client, EvoVoice customer
    client_name, -- name of whom it is for
    owner_id, -- account it lives under: AccountSid, EvoVoice account, Belltastic team
    owner_name, -- that account's name
    parent_key, -- EvoVoice: connection:id of the customer above, where the breadcrumb tells; need not be listed itself
    path, -- Rillsoft: folders as given; EvoVoice: the customers from the topmost to this one
    domain, -- Fone Dynamics: main domain
    logo_url, -- Matter: the original logo, else the stored one
    city, -- where it is
    region, -- where it is
    country, -- where it is
    time_zone, -- IANA name; Fone Dynamics gives Windows names
    is_active, -- as the provider says, else whether its status is active, planned or on_hold; null if unknown
    is_archived, -- Belltastic: whether it has a deletion time; null where the provider has no archive
    is_template, -- Rillsoft: whether it is a template; null elsewhere
    is_default, -- Belltastic: whether it opens first; null elsewhere
    created_at, -- when it was created, by the provider
    updated_at, -- when it last changed, by the provider
    starts_at, -- planned start
    finishes_at, -- planned finish
    archived_at, -- when it was archived
    created_by, -- who created it
    source_version, -- the provider's own number of this version
    attributes, -- the provider's other documented fields, and as text each value that its column cannot hold
    cast(version as integer) as version, -- counts from 1 over the project's whole life
    valid_from, -- start of the night that first saw this version
    valid_to, -- start of the night that found it changed or gone; null while it is current
    valid_to is null as is_current, -- whether the project is listed, as this version
    change, -- what began it: created, changed or returned
    end_reason, -- what ended it: changed or removed; null while it is current
    changed_columns, -- columns that differ from the version before
from versions
