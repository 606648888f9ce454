-- The projects listed by the last run that started on or before a date, as they were then. The date is in the session's
-- time zone.
create or replace macro projects_on(day) as table
    select *,
    from projects_as_of(cast(cast(day as date) + 1 as timestamptz) - interval 1 microsecond)
    order by project_key;
