-- Whether the creation time of a known record, created since a time, has no offset.
select exists (
    select 1, from raw.records
    where
        connection = $connection
        and valid_to is null
        and created_at >= $since
        and not regexp_matches(coalesce({{ created }}), '([Zz]|[+-]\d\d:?\d\d)$')
) as has_local_times,
