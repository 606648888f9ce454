-- Ids that came more than once in a listing, and with how many contents.
create or replace temp table repeats as
with several as (
    select
        listing,
        record_id,
    from met
    where record_id is not null
    group by all
    having count(*) > 1
)

select
    met.listing,
    met.record_id,
    min(met.position) filter (where met.reason is null) as first_position,
    count(distinct coalesce(contents.canonical_hash, met.content_hash)) as contents,
from met
left join contents on met.listing = contents.listing and met.position = contents.position
where (met.listing, met.record_id) in (select (listing, record_id), from several)
group by all;

-- Every record received, with what becomes of it: one fate each, so that the sums add up.
create or replace temp table arrivals as
select
    met.* exclude (reason, canonical_hash, known_hash, known_canonical_hash),
    coalesce(contents.canonical_hash, met.canonical_hash) as canonical_hash,
    coalesce(
        met.reason,
        case when repeats.contents > 1 then 'it came ' || repeats.contents || ' times with different content' end
    ) as reason,
    case
        when met.reason is not null or repeats.contents > 1 then 'quarantined'
        when met.position > repeats.first_position then 'repeated'
        when met.known_row is null then 'new'
        when met.content_hash = met.known_hash or contents.canonical_hash = contents.known_canonical_hash
            then 'unchanged'
        else 'changed'
    end as fate,
    null::text as payload,
from met
left join contents on met.listing = contents.listing and met.position = contents.position
left join repeats on met.listing = repeats.listing and met.record_id = repeats.record_id;

-- The texts that are kept elsewhere than in a version that begins: in quarantine, and in the place of a known one.
update arrivals
set payload = received.payload
from received
where
    arrivals.listing = received.listing
    and arrivals.position = received.position
    and (arrivals.fate = 'quarantined' or (arrivals.fate = 'unchanged' and not arrivals.has_known_text));

-- What is left of a forgotten record names its holder, who may be another.
update arrivals
set has_known_text = true
from raw.records as known
where
    arrivals.known_row = known.rowid
    and arrivals.fate = 'unchanged'
    and arrivals.content_hash = 'forgotten'
    and arrivals.payload = known.payload::text;

update arrivals
set payload = known.payload::text
from raw.records as known
where arrivals.known_row = known.rowid and arrivals.fate = 'quarantined' and arrivals.payload is null;
