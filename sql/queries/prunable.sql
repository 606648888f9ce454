-- The versions of records that ended before the variable `before`, except those that later versions need. The last
-- version before a gap is needed if the record, or a project derived from files, is listed again after `before`: it
-- shows that it returned.
with versions as (
    select
        rowid as known_row,
        connection,
        entity,
        record_id,
        valid_to,
        lead(valid_from) over (partition by connection, scope, entity, record_id order by valid_from) as next_from,
    from raw.records
),

project_periods as (
    select
        project_key,
        valid_to,
        lead(valid_from) over (partition by project_key order by valid_from) as next_from,
    from projects_history
),

last_files as (
    select
        file.connection,
        file.file_id,
        file.valid_to,
    from files_history as file
    inner join project_periods as project on file.project_key = project.project_key and file.valid_to = project.valid_to
    where project.valid_to < getvariable('before') and project.next_from >= getvariable('before')
)

select versions.*,
from versions
anti join last_files
    on
        versions.entity = 'files'
        and versions.connection = last_files.connection
        and versions.record_id = last_files.file_id
        and versions.valid_to = last_files.valid_to
where versions.valid_to < getvariable('before') and coalesce(versions.next_from < getvariable('before'), true)
