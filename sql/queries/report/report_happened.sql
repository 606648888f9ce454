-- The kinds of change of each project in each period. Whether a project was created, removed or returned depends on its
-- state now: one that was removed and is listed again counts as not removed. So the projects listed when the period
-- began, plus created and returned ones, minus removed ones, are the projects listed now.
-- grain: period, project_key, kind
create or replace temp table report_happened as
with states as (
    select
        periods.period,
        periods.since,
        version.project_key,
        bool_or(version.valid_from < periods.since and coalesce(version.valid_to >= periods.since, true)) as was_listed,
    from projects_history as version
    inner join report_periods as periods on version.connection = periods.connection
    group by periods.period, periods.since, version.project_key
),

compared as (
    select
        states.period,
        states.project_key,
        states.was_listed,
        project.is_current as is_listed,
        project.first_seen_at >= states.since as is_new,
        project.is_first_listing,
    from states
    inner join report_projects as project on states.project_key = project.project_key
)

select
    period,
    project_key,
    if(is_first_listing, 'first_listed', 'created') as kind,
from compared
where is_new
union all
select
    period,
    project_key,
    'removed' as kind,
from compared
where not is_listed and (was_listed or is_new)
union all
select
    period,
    project_key,
    'returned' as kind,
from compared
where is_listed and not was_listed and not is_new
union all
select distinct
    periods.period,
    change.project_key,
    'changed' as kind,
from project_changes as change
inner join report_periods as periods on change.connection = periods.connection and change.changed_at >= periods.since
inner join report_projects as project on change.project_key = project.project_key
where change.change = 'changed' and not change.is_minor
