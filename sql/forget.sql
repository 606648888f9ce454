-- Erases the records in `named`, and whatever is of the customers in `holders`, from the facts. Their versions stay,
-- under pseudonyms, without a word of theirs.
delete from named
where record_id in (select pseudonym, from raw.forgotten);

delete from holders
where holder in (select pseudonym, from raw.forgotten);

insert into raw.forgotten
select
    raw.pseudonym(connection, scope, entity, record_id) as pseudonym,
    connection,
    true as is_named,
    get_current_timestamp() as forgotten_at,
from named
union
select
    raw.pseudonym(connection, null, 'customers', holder) as pseudonym,
    connection,
    true as is_named,
    get_current_timestamp() as forgotten_at,
from holders
on conflict do update set is_named = true;

-- A file's versions are erased as far as they are of a customer in `holders`; where all are erased its id is, too.
create or replace temp table erased as
with known as (
    select
        rowid as known_row,
        connection,
        scope,
        entity,
        record_id,
        payload,
        content_hash = 'forgotten' as is_erased,
        raw.pseudonym(connection, scope, entity, record_id) as pseudonym,
        raw.customer_pseudonym(connection, entity, payload) as holder,
    from raw.records
    where record_id not in (select pseudonym, from raw.forgotten)
),

judged as (
    select
        known.*,
        known.pseudonym in (
            select pseudonym, from raw.forgotten
            where is_named
        ) as is_named,
        coalesce(known.holder in (select pseudonym, from raw.forgotten), false) as is_held,
    from known
),

weighed as (
    select
        *,
        bool_and(is_erased or is_held) over (partition by connection, scope, entity, record_id) as is_all_erased,
    from judged
)

select
    known_row,
    connection,
    if(is_named or is_all_erased, pseudonym, null) as pseudonym,
    case
        when is_erased then payload
        when is_held then raw.erased_payload(holder)
        else '{}'
    end as payload,
from weighed
where is_named or is_all_erased or is_held;

update raw.records as known
set
    record_id = coalesce(erased.pseudonym, known.record_id),
    payload = erased.payload,
    content_hash = 'forgotten',
    canonical_hash = null
from erased
where known.rowid = erased.known_row;

-- Files that are forgotten while they are of such a customer.
insert into raw.forgotten
with swept as (
    select
        connection,
        pseudonym,
    from erased
    where pseudonym is not null
    union
    select
        refused.connection,
        raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id) as pseudonym,
    from raw.quarantine as refused
    anti join raw.records as known
        on
            refused.connection = known.connection
            and refused.scope is not distinct from known.scope
            and refused.entity = known.entity
            and refused.record_id = known.record_id
    where
        refused.record_id is not null
        and raw.customer_pseudonym(refused.connection, refused.entity, refused.payload) in (
            select pseudonym, from raw.forgotten
        )
)

select
    pseudonym,
    connection,
    false as is_named,
    get_current_timestamp() as forgotten_at,
from swept
on conflict do nothing;

-- What was refused, and what may be of them where nobody can tell.
update raw.quarantine as refused
set
    record_id = coalesce(
        (
            select pseudonym,
            from raw.forgotten
            where pseudonym = raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id)
        ),
        refused.record_id
    ),
    payload = '{}',
    reason = 'it is forgotten, or may be'
where
    raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id) in (
        select pseudonym, from raw.forgotten
        where is_named
    )
    or raw.customer_pseudonym(refused.connection, refused.entity, refused.payload) in (
        select pseudonym, from raw.forgotten
    )
    or (
        raw.is_unattributable(refused.entity, refused.record_id, refused.payload)
        and refused.connection in (select connection, from raw.forgotten)
    );

-- What was said of a page may quote what the provider said; later runs do not quote it.
update raw.listings
set message = 'erased, for it may name what is forgotten'
where starts_with(message, 'page ') and connection in (select connection, from raw.forgotten);
