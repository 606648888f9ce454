-- The projects for the script of the page: a JSON array for each column, in natural order. Times are milliseconds since
-- 1970. The key is without its connection.
with counts as (
    select
        position,
        count(*) as changes,
    from shown_changes
    group by position
)

select
    to_json(list(substr(project_key, length(connection) + 2) order by report_projects.position)) as key,
    to_json(list(connection order by report_projects.position)) as connection,
    to_json(list(left(name, getvariable('longest')) order by report_projects.position)) as name,
    to_json(list(left(client, getvariable('longest')) order by report_projects.position)) as client,
    to_json(list(status order by report_projects.position)) as status,
    to_json(list(epoch_ms(first_seen_at) order by report_projects.position)) as first,
    to_json(list(coalesce(epoch_ms(valid_to), 0) order by report_projects.position)) as gone,
    to_json(list(cast(coalesce(is_open, false) as integer) order by report_projects.position)) as open,
    to_json(list(cast(is_first_listing as integer) order by report_projects.position)) as first_listing,
    to_json(list(cast(is_held_back as integer) order by report_projects.position)) as held_back,
    to_json(list(coalesce(changes, 0) order by report_projects.position)) as changes,
from report_projects
left join counts on report_projects.position = counts.position
where report_projects.recency <= getvariable('most_projects')
