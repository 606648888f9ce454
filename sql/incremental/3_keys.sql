-- The keys that the affected records have or had. The rows of these keys are computed again.
create or replace table affected.file_keys as
select file_key,
from affected.staging_files;

create or replace table affected.project_keys as
select project_key,
from affected.staging_projects
union
select project_key,
from files_history
where file_key in (from affected.file_keys);

-- A project with files depends on all of them. Spellings of a key that differ only in Unicode composition count as
-- one here, as in files_history.
insert into affected.records
select
    connection,
    null as scope,
    'files' as entity,
    file_id as record_id,
from files_history
where nfc_normalize(project_key) in (select nfc_normalize(project_key), from affected.project_keys);
