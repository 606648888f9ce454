-- Closes the current rows of a connection that is no longer synced.
update raw.records
set valid_to = getvariable('started_at'), end_reason = 'retired'
where connection = getvariable('connection') and valid_to is null;

update raw.connections
set is_configured = getvariable('is_configured')
where connection = getvariable('connection');
