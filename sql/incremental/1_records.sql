-- The records with a version that began, ended or was refreshed since the last build.
create or replace table affected.records as
select distinct
    connection,
    scope,
    entity,
    record_id,
from raw.records
where
    valid_from > getvariable('built_at')
    or valid_to > getvariable('built_at')
    or refreshed_at > getvariable('built_at');
