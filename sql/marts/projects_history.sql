-- Every version of every project. A version begins only where a published column changed; its times are the
-- starts of nights, half-open: it holds from valid_from up to, and without, valid_to.
-- grain: project_key, version
with typed as (
    select
        project.project_key,
        project.connection,
        project.provider,
        project.project_id,
        project.kind,
        project.name,
        project.description,
        project.code,
        coalesce(mapping.status, 'unknown') as status,
        project.provider_status,
        project.phase,
        project.category,
        cast(project.priority as double) as priority,
        project.client_id,
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
        cast(project.is_active as boolean) as stated_active,
        cast(project.is_archived as boolean) as is_archived,
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
        coalesce(project.lasting_attributes, project.attributes) as lasting_attributes,
        project.valid_from,
        project.valid_to,
        project.end_reason,
    from staging.projects as project
    left join status_mapping as mapping
        on
            project.provider = mapping.provider
            and lower(trim(coalesce(project.provider_status, ''))) = lower(trim(mapping.provider_status))
),

compared as (
    select
        * exclude (stated_active),
        coalesce(
            stated_active, case when status <> 'unknown' then status in ('active', 'planned', 'on_hold') end
        ) as is_active,
        hash(
            name, description, code, status, provider_status, phase, category, priority, client_id, client_name,
            owner_id, owner_name, parent_key, path, domain, logo_url, city, region, country, time_zone,
            stated_active, is_archived, is_template, is_default, created_at, updated_at, starts_at, finishes_at,
            archived_at, created_by, source_version, lasting_attributes
        ) as content,
    from typed
),

followed as (
    select
        *,
        lag(valid_to) over past as previous_to,
        lag(content) over past as previous_content,
    from compared
    window past as (partition by project_key order by valid_from)
),

-- A version begins after a gap, and where what is published differs.
numbered as (
    select
        *,
        cast(
            sum(if(previous_to = valid_from and previous_content = content, 0, 1)) over past as integer
        ) as version,
    from followed
    window past as (partition by project_key order by valid_from)
),

-- Rows that differ only in what is not published are one version: it has the values of the last of them.
merged as (
    select
        * replace (min(valid_from) over same as valid_from),
        arg_min(previous_to, valid_from) over same as former_to,
        valid_from = max(valid_from) over same as is_last,
    from numbered
    window same as (partition by project_key, version)
),

versions as (
    select
        *,
        case
            when version = 1 then 'created'
            when former_to = valid_from then 'changed'
            else 'returned'
        end as change,
    from merged
    where is_last
),

-- Versions after the first, each as JSON beside its predecessor, so that any column can be compared by name.
published as (
    select
        project_key,
        version,
        json_object(
            'name', name, 'description', description, 'code', code, 'status', status,
            'provider_status', provider_status, 'phase', phase, 'category', category, 'priority', priority,
            'client_id', client_id, 'client_name', client_name, 'owner_id', owner_id, 'owner_name', owner_name,
            'parent_key', parent_key, 'path', path, 'domain', domain, 'logo_url', logo_url, 'city', city,
            'region', region, 'country', country, 'time_zone', time_zone, 'is_active', is_active,
            'is_archived', is_archived, 'is_template', is_template, 'is_default', is_default,
            'created_at', created_at, 'updated_at', updated_at, 'starts_at', starts_at,
            'finishes_at', finishes_at, 'archived_at', archived_at, 'created_by', created_by,
            'source_version', source_version, 'attributes', lasting_attributes
        ) as columns,
    from versions
    where project_key in (
        select project_key, from versions
        where version = 2
    )
),

differences as (
    select
        project_key,
        version,
        list(column_name order by position) as changed_columns,
    from (
        select
            after.project_key,
            after.version,
            unnest(json_keys(after.columns)) as column_name,
            generate_subscripts(json_keys(after.columns), 1) as position,
            after.columns as after_columns,
            before.columns as before_columns,
        from published as after
        inner join published as before
            on after.project_key = before.project_key and after.version = before.version + 1
    )
    where (after_columns -> column_name) is distinct from (before_columns -> column_name)
    group by project_key, version
)

select
    versions.project_key, -- unique and stable: connection:id, for Rillsoft connection:client:id
    versions.connection, -- the configured account it was listed by
    versions.provider, -- the service: fone_dynamics, matter, rillsoft, evovoice or belltastic
    versions.project_id, -- the provider's own id, as text, exactly
    versions.kind, -- what the provider calls it: property, project or customer
    versions.name, -- its name at the provider
    versions.description, -- free text
    versions.code, -- the customer's own short code; need not be unique
    versions.status, -- active, inactive, planned, on_hold, completed, cancelled, archived or unknown, by status_mapping
    versions.provider_status, -- the status as the provider gives it
    versions.phase, -- Matter's phase of the project
    versions.category, -- Matter's type, Rillsoft's category
    versions.priority, -- Rillsoft's priority
    versions.client_id, -- id of whom it is for: Rillsoft client, EvoVoice customer
    versions.client_name, -- name of whom it is for
    versions.owner_id, -- account it lives under: AccountSid, EvoVoice account, Belltastic team
    versions.owner_name, -- that account's name
    versions.parent_key, -- EvoVoice: connection:id of the customer above, by the breadcrumb
    versions.path, -- its place in the provider's folders or customers
    versions.domain, -- Fone Dynamics: main domain
    versions.logo_url, -- Matter: the original logo, else the stored one
    versions.city, -- where it is
    versions.region, -- where it is
    versions.country, -- where it is
    versions.time_zone, -- IANA name; Fone Dynamics gives Windows names
    versions.is_active, -- as the provider says, else whether its status is active, planned or on_hold; null if unknown
    versions.is_archived, -- Belltastic: whether it is archived; null elsewhere
    versions.is_template, -- Rillsoft: whether it is a template
    versions.is_default, -- Belltastic: whether it opens first
    versions.created_at, -- when it was created, by the provider
    versions.updated_at, -- when it last changed, by the provider
    versions.starts_at, -- planned start
    versions.finishes_at, -- planned finish
    versions.archived_at, -- when it was archived
    versions.created_by, -- who created it
    versions.source_version, -- the provider's own number of this version
    versions.attributes, -- the provider's other documented fields, and any value that its column cannot hold
    versions.version, -- counts from 1 over the project's whole life
    versions.valid_from, -- start of the night that first saw this version
    versions.valid_to, -- start of the night that found it changed or gone; null while it is current
    versions.valid_to is null as is_current, -- whether the project is listed, as this version
    versions.change, -- what began it: created, changed or returned
    versions.end_reason, -- what ended it: changed or removed; null while it is current
    coalesce(differences.changed_columns, []) as changed_columns, -- columns that differ from the version before
from versions
left join differences on versions.project_key = differences.project_key and versions.version = differences.version
order by versions.project_key, versions.version
