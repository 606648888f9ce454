-- Erases the records named in `erased`, and whatever is of the customers in `holders`, from the facts. Their versions
-- stay, under pseudonyms, without a word of theirs.
delete from erased
where record_id in (select pseudonym, from raw.forgotten);

insert into raw.forgotten
select distinct
    raw.pseudonym(connection, scope, entity, record_id) as pseudonym,
    get_current_timestamp() as forgotten_at,
from erased
union all
select
    raw.pseudonym(connection, null, 'customers', holder) as pseudonym,
    get_current_timestamp() as forgotten_at,
from holders
on conflict do nothing;

update raw.records as record
set
    record_id = raw.pseudonym(record.connection, record.scope, record.entity, record.record_id),
    payload = coalesce(
        (
            select raw.remains(pseudonym),
            from raw.forgotten
            where pseudonym = raw.holder(record.connection, record.entity, record.payload)
        ),
        '{}'
    ),
    content_hash = 'forgotten'
from erased
where
    record.connection = erased.connection
    and record.scope is not distinct from erased.scope
    and record.entity = erased.entity
    and record.record_id = erased.record_id;

update raw.quarantine as refused
set
    record_id = raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id),
    payload = '{}',
    reason = 'forgotten'
where
    raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id) in (
        select pseudonym, from raw.forgotten
    )
    or raw.holder(refused.connection, refused.entity, refused.payload) in (select pseudonym, from raw.forgotten);

-- What a provider said when it refused may quote the record.
update raw.listings as listing
set message = 'erased, for it named what is forgotten'
from erased
where listing.connection = erased.connection and contains(listing.message, erased.record_id);
