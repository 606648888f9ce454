-- The projects listed at a timestamp, as they were then. A string without an offset is in the session's time zone.
create or replace macro projects_as_of(moment) as table
    select * exclude (is_current, change, end_reason, changed_columns),
    from projects_history
    where
        valid_from <= cast(moment as timestamptz)
        and cast(moment as timestamptz) >= (
            select coalesce(started_at, timestamptz '-infinity'), from staging.history_begins
        )
        and (valid_to is null or valid_to > cast(moment as timestamptz))
        and project_id not in (select pseudonym, from raw.forgotten)
    order by project_key;
