-- The keys that those records make and made: what is published of these is worked out anew.
create or replace table affected.file_keys as
select file_key,
from staging.files;

create or replace table affected.project_keys as
select project_key,
from staging.projects
union
select project_key,
from files_history
where file_key in (from affected.file_keys);

-- A customer of EvoVoice is worked out from all its files. Two spellings of one key in Unicode count as one here, as
-- they do where versions of a file are compared.
insert into affected.records
select
    connection,
    null as scope,
    'files' as entity,
    file_id as record_id,
from files_history
where nfc_normalize(project_key) in (select nfc_normalize(project_key), from affected.project_keys);
