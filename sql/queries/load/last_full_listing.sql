-- When a connection was last listed in full and verified, and its newest possible creation time.
select
    (
        select max(started_at), from raw.listings
        where connection = $connection and outcome = 'verified' and window_start is null
    ) as listed_at,
    (
        select max(created_at), from raw.records
        where connection = $connection and valid_to is null and created_at between $earliest and $latest
    ) as newest,
