-- For each day, the projects per status add up to those of the connection; on the day of the last run, to projects.
with last_run as (
    select staging.utc_day(started_at) as day,
    from staging.last_run
),

by_status as (
    select
        day,
        connection,
        sum(projects) as projects,
    from project_days
    group by all
),

by_connection as (
    select
        day,
        connection,
        projects,
    from connection_days
    where projects > 0
),

listed as (
    select
        last_run.day,
        projects.connection,
        count(*) as projects,
    from projects
    cross join last_run
    group by all
),

on_last_day as (
    select by_connection.*,
    from by_connection
    inner join last_run on by_connection.day = last_run.day
)

select
    coalesce(by_connection.day, by_status.day) as day,
    coalesce(by_connection.connection, by_status.connection) as connection,
    by_connection.projects as projects_of_connection,
    by_status.projects as projects_counted,
from by_connection
full join by_status on by_connection.day = by_status.day and by_connection.connection = by_status.connection
where by_connection.projects is distinct from by_status.projects
union all
select
    coalesce(on_last_day.day, listed.day) as day,
    coalesce(on_last_day.connection, listed.connection) as connection,
    on_last_day.projects as projects_of_connection,
    listed.projects as projects_counted,
from on_last_day
full join listed on on_last_day.connection = listed.connection
where on_last_day.projects is distinct from listed.projects
order by all
