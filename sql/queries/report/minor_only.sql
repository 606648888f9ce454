-- How many listed projects had only minor changes in each period.
select
    periods.period,
    count(distinct change.project_key) as projects,
from project_changes as change
inner join report_periods as periods on change.connection = periods.connection and change.changed_at >= periods.since
inner join report_projects as project on change.project_key = project.project_key
where
    change.is_minor
    and not exists (
        select 1,
        from report_happened as happened
        where happened.period = periods.period and happened.project_key = change.project_key
    )
group by periods.period
