-- Every client with a project, with what happened in the period chosen: a JSON array for each column, in the order of
-- the changed projects and then of the open ones.
with happened as (
    select
        project.client,
        count(*) filter (where happened.kind = 'created') as created,
        count(*) filter (where happened.kind = 'removed') as removed,
        count(*) filter (where happened.kind = 'returned') as returned,
        count(*) filter (where happened.kind = 'changed') as changed,
        count(distinct happened.project_key) as affected,
    from report_happened as happened
    inner join report_projects as project on happened.project_key = project.project_key
    where happened.period = 2 and happened.kind <> 'first_listed' and project.client is not null
    group by project.client
),

counts as (
    select
        client,
        count(*) filter (where is_current and is_open) as open_projects,
        count(*) filter (where is_current) as projects,
        list(distinct provider order by provider) as providers,
    from report_projects
    where client is not null
    group by client
),

final as (
    select
        counts.*,
        coalesce(happened.created, 0) as created,
        coalesce(happened.removed, 0) as removed,
        coalesce(happened.returned, 0) as returned,
        coalesce(happened.changed, 0) as changed,
        row_number() over (
            order by
                coalesce(happened.affected, 0) desc,
                counts.open_projects desc,
                natural_key(counts.client),
                counts.client
        ) as position,
    from counts
    left join happened on counts.client = happened.client
)

select
    to_json(list(client order by position)) as name,
    to_json(list(open_projects order by position)) as open,
    to_json(list(projects order by position)) as listed,
    to_json(list(created order by position)) as created,
    to_json(list(removed order by position)) as removed,
    to_json(list(returned order by position)) as returned,
    to_json(list(changed order by position)) as changed,
    to_json(list(providers order by position)) as providers,
from final
