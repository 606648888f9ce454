-- Every client of any version of a project, over all providers. Spellings that differ only in case, white space or
-- Unicode composition are one client, and so are those with the same name in client_mapping.
-- grain: client_key
-- example: select name, projects, open_projects, providers from clients order by open_projects desc
with versions as (
    select
        client_key,
        client_name,
        provider,
        is_current,
        valid_from,
        valid_to,
    from projects_history
    where client_key is not null
),

-- A client's name is the spelling that most of its projects have now, unless a mapping gives it a name.
spelled as (
    select
        client_key,
        client_name,
        count(*) filter (where is_current) as listed,
        count(*) as versions,
    from versions
    group by client_key, client_name
),

names as (
    select
        client_key,
        max(struct_pack(listed := listed, versions := versions, client_name := client_name)).client_name as name,
        list(client_name order by client_name) as spellings,
    from spelled
    group by client_key
),

mapped as (
    select
        staging.client_key(name) as client_key,
        min(name) as name,
    from client_mapping
    group by staging.client_key(name)
),

periods as (
    select
        client_key,
        list(distinct provider order by provider) as providers,
        min(valid_from) as first_seen_at,
        max(valid_to) as last_ended_at,
    from versions
    group by client_key
),

listed as (
    select
        client_key,
        count(*) as projects,
        count(*) filter (where is_open) as open_projects,
        max(last_seen_at) as last_seen_at,
    from projects
    where client_key is not null
    group by client_key
),

-- The last run before a version ended was the last that saw it.
ended as (
    select
        periods.client_key,
        max(run.started_at) as last_seen_at,
    from periods
    inner join raw.runs as run on periods.last_ended_at > run.started_at
    group by periods.client_key
)

select
    periods.client_key, -- the client's name, in lower case and single spaces
    coalesce(mapped.name, names.name) as name, -- its name in client_mapping, or else its most common spelling
    names.spellings, -- every spelling that a provider has sent
    periods.providers, -- the services that have a project for it
    coalesce(listed.projects, 0) as projects, -- projects for it that are listed now
    coalesce(listed.open_projects, 0) as open_projects, -- the open ones among them
    periods.first_seen_at, -- start of the first run that listed a project for it
    greatest(listed.last_seen_at, ended.last_seen_at) as last_seen_at, -- start of the last run that listed one
from periods
inner join names on periods.client_key = names.client_key
left join mapped on periods.client_key = mapped.client_key
left join listed on periods.client_key = listed.client_key
left join ended on periods.client_key = ended.client_key
order by periods.client_key
