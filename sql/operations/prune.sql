-- Drops old versions and quarantined records. Runs and listings stay, because they contain no record.
update raw.operations
set history_begins_at = getvariable('before')
where started_at = getvariable('started_at');

delete from raw.records
where rowid in (
    select prunable.known_row,
    from ({{ prunable }}) as prunable
);

delete from raw.quarantine
where started_at < getvariable('before');
