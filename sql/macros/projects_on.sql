-- The projects listed by the last run that started on a UTC date or before, as they were then.
create or replace macro projects_on(day) as table
    select *,
    from projects_as_of(cast(cast(day as date) + 1 as timestamp) at time zone 'UTC' - interval 1 microsecond)
    order by project_key;
