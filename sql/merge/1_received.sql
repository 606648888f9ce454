-- The records that came though they are forgotten, or of a customer who is, with what may be kept of each. What may be
-- one of them, and cannot be told, is not kept either.
create or replace temp table forgotten as
with named as (
    select
        record.listing,
        record.reading,
        record.position,
        record.record_id,
        asked.connection,
        asked.scope,
        asked.entity,
        raw.pseudonym(asked.connection, asked.scope, asked.entity, record.record_id) as pseudonym,
        raw.customer_pseudonym(asked.connection, asked.entity, record.payload) as holder,
        raw.is_unattributable(asked.entity, record.record_id, record.payload) as is_anyones,
    from landed as record
    inner join asked on record.listing = asked.listing
    where asked.connection in (select connection, from raw.forgotten)
),

judged as (
    select
        named.*,
        coalesce(known.is_named, false) as is_named,
        known.pseudonym is not null as is_forgotten,
        coalesce(named.holder in (select pseudonym, from raw.forgotten), false) as is_held,
        -- A file that was another customer's too keeps its id.
        exists (
            from raw.records as record
            where
                record.connection = named.connection
                and record.scope is not distinct from named.scope
                and record.entity = named.entity
                and record.record_id = named.record_id
        ) as has_own_id,
    from named
    left join raw.forgotten as known on named.pseudonym = known.pseudonym
)

select
    listing,
    reading,
    position,
    connection,
    pseudonym,
    case
        when is_named then pseudonym
        when is_anyones then if(is_forgotten, pseudonym, record_id)
        else if(has_own_id, record_id, pseudonym)
    end as record_id,
    if(is_held, raw.erased_payload(holder), '{}') as payload,
    if(is_anyones and not is_named, 'it is forgotten, or may be', null) as reason,
from judged
where is_named or is_anyones or is_held;

insert into raw.forgotten
select distinct
    pseudonym,
    connection,
    false as is_named,
    getvariable('started_at') as forgotten_at,
from forgotten
where record_id = pseudonym
on conflict do nothing;

-- What counts of the landing: the records of each listing's last whole reading.
create or replace temp view received as
select
    asked.listing,
    asked.connection,
    asked.provider,
    asked.scope,
    asked.entity,
    record.position,
    if(forgotten.position is null, record.record_id, forgotten.record_id) as record_id,
    coalesce(forgotten.payload, record.payload) as payload,
    if(forgotten.position is null, record.content_hash, 'forgotten') as content_hash,
    if(forgotten.position is null, record.canonical_hash, null) as canonical_hash,
    record.created_at,
    if(forgotten.position is null, record.reason, forgotten.reason) as reason,
from landed as record
inner join asked on record.listing = asked.listing and record.reading = asked.reading
left join forgotten
    on
        record.listing = forgotten.listing
        and record.reading = forgotten.reading
        and record.position = forgotten.position;

-- Every record received, beside the current version that is known of it. `known_row` is that version's row of
-- raw.records, and stays so until rows are added. Texts are not carried along: on a first run they are nearly all
-- that there is.
create or replace temp table met as
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

-- The records that their bytes do not decide: other bytes than are known of them, or ids that came more than once
-- with different bytes. What they say does, and what the known version says.
create or replace temp table undecided as
with several as (
    select
        listing,
        record_id,
    from met
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
    known_hash <> 'forgotten' and known_hash <> content_hash as is_other,
    if(is_other, known_canonical_hash, null) as known_canonical_hash,
    null::text as known_payload,
from met
where
    content_hash <> 'forgotten'
    and (is_other or (listing, record_id) in (select (listing, record_id), from several));

update undecided
set payload = received.payload
from received
where undecided.listing = received.listing and undecided.position = received.position;

-- Known texts are read for the few records that need them, and of those only: all of them are most of the warehouse.
update undecided
set
    payload = coalesce(undecided.payload, known.payload::text),
    known_payload = if(is_other and known_canonical_hash is null, known.payload::text, null)
from raw.records as known
where
    undecided.known_row = known.rowid
    and (undecided.payload is null or (is_other and known_canonical_hash is null));
