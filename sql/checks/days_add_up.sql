-- The days of a connection's statuses add up to its days, and those of the last run's day to projects.
with last_run as (
    select staging.utc_day(max(started_at)) as day,
    from raw.runs
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

of_last_day as (
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
    coalesce(of_last_day.day, listed.day) as day,
    coalesce(of_last_day.connection, listed.connection) as connection,
    of_last_day.projects as projects_of_connection,
    listed.projects as projects_counted,
from of_last_day
full join listed on of_last_day.connection = listed.connection
where of_last_day.projects is distinct from listed.projects
order by all
