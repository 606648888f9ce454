-- Ids that a listing contains more than once, and the number of different contents of each.
create or replace temp table duplicates as
with repeated_ids as (
    select
        listing,
        record_id,
    from matched
    where record_id is not null
    group by all
    having count(*) > 1
)

select
    matched.listing,
    matched.record_id,
    min(matched.position) filter (where matched.reason is null) as first_position,
    count(distinct coalesce(contents.canonical_hash, matched.content_hash)) as contents,
from matched
left join contents on matched.listing = contents.listing and matched.position = contents.position
where (matched.listing, matched.record_id) in (select (listing, record_id), from repeated_ids)
group by all;

-- Every received record with exactly one disposition, so that the counts add up.
create or replace temp table classified as
select
    matched.* exclude (reason, canonical_hash, known_hash, known_canonical_hash),
    coalesce(contents.canonical_hash, matched.canonical_hash) as canonical_hash,
    coalesce(
        matched.reason,
        case
            when duplicates.contents > 1
                then 'it was received ' || duplicates.contents || ' times with different content'
        end
    ) as reason,
    case
        when matched.reason is not null or duplicates.contents > 1 then 'quarantined'
        when matched.position > duplicates.first_position then 'repeated'
        when matched.known_row is null then 'new'
        when matched.content_hash = matched.known_hash or contents.canonical_hash = contents.known_canonical_hash
            then 'unchanged'
        else 'changed'
    end as disposition,
    -- Whether its payload replaces the known one. Another spelling alone does not: published rows of earlier runs would
    -- change with it.
    disposition = 'unchanged' and (
        coalesce(contents.has_new_volatile_fields, false)
        or (not matched.has_known_text and matched.content_hash = 'forgotten')
    ) as refreshes,
    null::text as payload,
from matched
left join contents on matched.listing = contents.listing and matched.position = contents.position
left join duplicates on matched.listing = duplicates.listing and matched.record_id = duplicates.record_id;

-- The payloads of records that begin no version: those to quarantine, and those that may refresh a current version.
update classified
set payload = received.payload
from received
where
    classified.listing = received.listing
    and classified.position = received.position
    and (classified.disposition = 'quarantined' or classified.refreshes);

-- The payload of a forgotten record may name another customer now.
update classified
set has_known_text = true, refreshes = false
from raw.records as known
where
    classified.known_row = known.rowid
    and classified.refreshes
    and classified.content_hash = 'forgotten'
    and classified.payload = known.payload::text;

update classified
set payload = known.payload::text
from raw.records as known
where
    classified.known_row = known.rowid
    and classified.disposition = 'quarantined'
    and classified.payload is null;
