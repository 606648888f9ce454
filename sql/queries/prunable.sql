-- The versions of records that ended before the variable `before`, and that nothing later needs. The last version
-- before a gap is needed if the record, or a project with files, is listed again after `before`: it shows that it
-- returned.
with lives as (
    select
        rowid as known_row,
        connection,
        entity,
        record_id,
        valid_to,
        lead(valid_from) over (partition by connection, scope, entity, record_id order by valid_from) as next_from,
    from raw.records
),

project_lives as (
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
    inner join project_lives as project on file.project_key = project.project_key and file.valid_to = project.valid_to
    where project.valid_to < getvariable('before') and project.next_from >= getvariable('before')
)

select lives.*,
from lives
anti join last_files
    on
        lives.entity = 'files'
        and lives.connection = last_files.connection
        and lives.record_id = last_files.file_id
        and lives.valid_to = last_files.valid_to
where lives.valid_to < getvariable('before') and coalesce(lives.next_from < getvariable('before'), true)
