-- The hashes and ids of the known records of each listing. With a start, only of those created after it.
with asked as (
    select
        unnest(cast($connections as text[])) as connection,
        unnest(cast($starts as timestamptz[])) as created_after,
),

known as (
    select
        record.connection,
        record.scope,
        if(record.content_hash = 'forgotten', 'of ' || record.record_id, record.content_hash) as text_hash,
        record.record_id,
    from raw.records as record
    inner join asked on record.connection = asked.connection
    where
        record.valid_to is null
        and (asked.created_after is null or record.created_at > asked.created_after)
        and record.record_id not in (select pseudonym, from raw.forgotten)
)

select
    connection,
    scope,
    list(text_hash) as text_hashes,
    list(record_id) as record_ids,
from known
group by all
