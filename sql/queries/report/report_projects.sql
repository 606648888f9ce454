-- Every project ever listed, in its latest version, without those that were erased. `position` is the natural order.
-- `recency` has the projects listed now first; if there are too many, the page leaves out the last ones by it.
-- grain: project_key
create or replace temp table report_projects as
with firsts as (
    select
        project_key,
        changed_at as first_seen_at,
        is_first_listing,
    from project_changes
    where change = 'created'
),

latest as (
    select
        project_key,
        max(version) as version,
    from projects_history
    group by project_key
)

select
    history.project_key,
    history.connection,
    history.provider,
    history.is_current,
    history.valid_to,
    history.name,
    history.description,
    history.code,
    history.status,
    history.is_open,
    history.provider_status,
    history.phase,
    history.category,
    history.priority,
    history.client_key,
    history.owner_id,
    history.owner_name,
    history.path,
    history.domain,
    history.city,
    history.region,
    history.country,
    history.created_at,
    history.updated_at,
    history.starts_at,
    history.finishes_at,
    history.archived_at,
    history.created_by,
    firsts.first_seen_at,
    firsts.is_first_listing,
    clients.name as client,
    listed.status_since,
    listed.last_activity_at,
    coalesce(listed.is_held_back, false) as is_held_back,
    row_number() over (order by natural_key(history.name) nulls last, history.name, history.project_key) as position,
    row_number() over (
        order by history.valid_to is not null asc, history.valid_to desc, history.project_key asc
    ) as recency,
from latest
inner join projects_history as history on latest.project_key = history.project_key and latest.version = history.version
inner join firsts on latest.project_key = firsts.project_key
left join projects as listed on latest.project_key = listed.project_key
left join clients on history.client_key = clients.client_key
anti join raw.forgotten as erased on history.project_id = erased.pseudonym
