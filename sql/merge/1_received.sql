-- Received records that are forgotten, belong to a forgotten customer, or may be one of these; with what may be kept of
-- each.
create or replace temp table forgotten as
with identified as (
    select
        record.listing,
        record.reading,
        record.position,
        record.record_id,
        listing.connection,
        listing.provider,
        listing.scope,
        listing.entity,
        raw.pseudonym(listing.connection, listing.scope, listing.entity, record.record_id) as pseudonym,
        raw.customer_pseudonym(
            listing.connection, listing.provider, listing.entity, record.payload
        ) as customer_pseudonym,
        raw.is_unattributable(listing.provider, listing.entity, record.record_id, record.payload) as is_unattributable,
    from landed as record
    inner join run_listings as listing on record.listing = listing.listing
    where listing.connection in (select connection, from raw.forgotten)
),

flagged as (
    select
        identified.*,
        coalesce(known.is_named, false) as is_named,
        known.pseudonym is not null as is_forgotten,
        coalesce(
            identified.customer_pseudonym in (select pseudonym, from raw.forgotten), false
        ) as has_forgotten_customer,
        -- A file that also belonged to another customer keeps its id.
        exists (
            from raw.records as record
            where
                record.connection = identified.connection
                and record.scope is not distinct from identified.scope
                and record.entity = identified.entity
                and record.record_id = identified.record_id
        ) as keeps_id,
    from identified
    left join raw.forgotten as known on identified.pseudonym = known.pseudonym
)

select
    listing,
    reading,
    position,
    connection,
    pseudonym,
    case
        when is_named then pseudonym
        when is_unattributable then if(is_forgotten, pseudonym, record_id)
        else if(keeps_id, record_id, pseudonym)
    end as record_id,
    if(has_forgotten_customer, raw.erased_payload(provider, entity, customer_pseudonym), '{}') as payload,
    if(is_unattributable and not is_named, 'it is or may be forgotten', null) as reason,
from flagged
where is_named or is_unattributable or has_forgotten_customer;

insert into raw.forgotten
select distinct
    pseudonym,
    connection,
    false as is_named,
    getvariable('started_at') as forgotten_at,
from forgotten
where record_id = pseudonym
on conflict do nothing;

-- The landed records that count: those of each listing's last complete reading.
create or replace temp view received as
select
    listing.listing,
    listing.connection,
    listing.provider,
    listing.scope,
    listing.entity,
    record.position,
    if(forgotten.position is null, record.record_id, forgotten.record_id) as record_id,
    coalesce(forgotten.payload, record.payload) as payload,
    if(forgotten.position is null, record.content_hash, 'forgotten') as content_hash,
    if(forgotten.position is null, record.canonical_hash, null) as canonical_hash,
    record.created_at,
    if(forgotten.position is null, record.reason, forgotten.reason) as reason,
from landed as record
inner join run_listings as listing on record.listing = listing.listing and record.reading = listing.reading
left join forgotten
    on
        record.listing = forgotten.listing
        and record.reading = forgotten.reading
        and record.position = forgotten.position;

-- Every received record with the current version of the same record. `known_row` is the rowid of that version in
-- raw.records, which stays valid until rows are inserted. Payloads are left out, because they are nearly all of the
-- data.
create or replace temp table matched as
select
    received.* exclude (payload),
    received.payload is null
    or (received.content_hash = known.content_hash and received.content_hash <> 'forgotten') as has_known_text,
    known.rowid as known_row,
    known.content_hash as known_hash,
    known.canonical_hash as known_canonical_hash,
from received
left join raw.records as known
    on
        received.connection = known.connection
        and received.scope is not distinct from known.scope
        and received.entity = known.entity
        and received.record_id = known.record_id
        and known.valid_to is null;

-- Records whose bytes do not show whether their content changed: the bytes differ from the known ones, or an id was
-- received several times with different bytes. Python compares their content.
create or replace temp table undecided as
with differing_ids as (
    select
        listing,
        record_id,
    from matched
    group by all
    having count(distinct content_hash) > 1
)

select
    listing,
    position,
    provider,
    canonical_hash,
    null::text as payload,
    known_row,
    known_hash <> 'forgotten' and known_hash <> content_hash as differs,
    if(differs, known_canonical_hash, null) as known_canonical_hash,
    null::text as known_payload,
from matched
where
    content_hash <> 'forgotten'
    and (differs or (listing, record_id) in (select (listing, record_id), from differing_ids));

update undecided
set payload = received.payload
from received
where undecided.listing = received.listing and undecided.position = received.position;

-- Known payloads are read for these few records only, because payloads are most of the warehouse.
update undecided
set
    payload = coalesce(undecided.payload, known.payload::text),
    known_payload = if(differs, known.payload::text, null)
from raw.records as known
where undecided.known_row = known.rowid and (undecided.payload is null or differs);
