-- projects contains exactly the current versions in projects_history, with their start, without forgotten ones.
with current_versions as (
    select
        project_key,
        version,
        valid_from,
    from projects_history
    where valid_to is null and project_id not in (select pseudonym, from raw.forgotten)
)

select
    coalesce(listed.project_key, history.project_key) as project_key,
    listed.version as version_listed,
    history.version as version_in_history,
from projects as listed
full join current_versions as history
    on
        listed.project_key = history.project_key
        and listed.version = history.version
        and listed.changed_at = history.valid_from
where listed.project_key is null or history.project_key is null
order by all
