-- The growth of the number of open projects in each period, without those of a first listing.
with opened as (
    select
        periods.period,
        count(*) as projects,
    from report_projects as project
    inner join report_periods as periods on project.connection = periods.connection
    where
        project.is_current
        and project.is_open
        and not (project.is_first_listing and project.first_seen_at >= periods.since)
    group by periods.period
),

were_open as (
    select
        periods.period,
        count(*) as projects,
    from projects_history as version
    inner join report_periods as periods on version.connection = periods.connection
    where
        version.is_open
        and version.valid_from < periods.since
        and coalesce(version.valid_to >= periods.since, true)
        and version.project_key in (select project_key, from report_projects)
    group by periods.period
)

select
    coalesce(opened.period, were_open.period) as period,
    coalesce(opened.projects, 0) - coalesce(were_open.projects, 0) as change,
from opened
full join were_open on opened.period = were_open.period
