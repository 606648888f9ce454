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
        raw.holder(asked.connection, asked.entity, record.payload) as holder,
        raw.is_anyones(asked.entity, record.record_id, record.payload) as is_anyones,
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
    if(is_held, raw.remains(holder), '{}') as payload,
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
    record.created_at,
    if(forgotten.position is null, record.reason, forgotten.reason) as reason,
from landed as record
inner join asked on record.listing = asked.listing and record.reading = asked.reading
left join forgotten
    on
        record.listing = forgotten.listing
        and record.reading = forgotten.reading
        and record.position = forgotten.position;

-- Ids that came more than once in a listing, and with how many contents.
create or replace temp table repeats as
with several as (
    select
        listing,
        record_id,
    from received
    where record_id is not null
    group by all
    having count(*) > 1
)

select
    listing,
    record_id,
    min(position) filter (where reason is null) as first_position,
    count(distinct content_hash) as contents,
from received
where (listing, record_id) in (select (listing, record_id), from several)
group by all;

-- Every record received, with what becomes of it: one fate each, so that the sums add up. `known_row` is the row of
-- raw.records that holds its current version, and stays so until rows are added. The texts of versions that begin are
-- not carried along: on a first night they are nearly all that there is.
create or replace temp table arrivals as
select
    received.* exclude (reason, payload),
    coalesce(
        received.reason,
        case when repeats.contents > 1 then 'it came ' || repeats.contents || ' times with different content' end
    ) as reason,
    case
        when received.reason is not null or repeats.contents > 1 then 'quarantined'
        when received.position > repeats.first_position then 'repeated'
        when known.record_id is null then 'new'
        when known.content_hash = received.content_hash then 'unchanged'
        else 'changed'
    end as fate,
    case when fate in ('unchanged', 'quarantined') then received.payload end as payload,
    known.rowid as known_row,
    received.payload is null as has_known_text,
from received
left join repeats on received.listing = repeats.listing and received.record_id = repeats.record_id
left join raw.records as known
    on
        received.connection = known.connection
        and received.scope is not distinct from known.scope
        and received.entity = known.entity
        and received.record_id = known.record_id
        and known.valid_to is null;

-- Known texts are read for the few records that need them, and of those only: all of them are most of the warehouse.
update arrivals
set payload = null, has_known_text = true
from raw.records as known
where
    arrivals.known_row = known.rowid
    and arrivals.fate = 'unchanged'
    and arrivals.payload = cast(known.payload as text);

update arrivals
set payload = cast(known.payload as text)
from raw.records as known
where arrivals.known_row = known.rowid and arrivals.fate = 'quarantined' and arrivals.payload is null;
