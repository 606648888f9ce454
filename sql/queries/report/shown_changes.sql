-- The changes that the page can show: the newest, at most as many as the variable most_changes says.
create or replace temp table shown_changes as
select
    project.position,
    change.changed_at,
    change.change,
    change.column_name,
    left(change.old_value, getvariable('longest')) as old_value,
    left(change.new_value, getvariable('longest')) as new_value,
    count(*) over () as known,
from project_changes as change
inner join report_projects as project on change.project_key = project.project_key
where
    project.recency <= getvariable('most_projects')
    and change.change <> 'created'
    and not change.is_minor
order by change.changed_at desc, project.position asc, change.change asc, change.column_name asc
limit getvariable('most_changes')
