-- All versions of the affected records.
create view affected.staging_records as
select record.*,
from staging.records as record
where exists (
    from affected.records as affected
    where
        affected.connection = record.connection
        and affected.scope is not distinct from record.scope
        and affected.entity = record.entity
        and affected.record_id = record.record_id
);
