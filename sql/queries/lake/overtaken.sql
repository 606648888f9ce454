-- The connections of a draft of which the lakehouse has a listing that the draft does not have.
select distinct held.connection,
from {{ listings }} as held
where
    list_contains($connections, held.connection)
    and not exists (
        from draft.raw.listings as own
        where own.connection = held.connection and own.started_at = held.started_at
    )
order by held.connection
