-- Erases the records in `forgotten_records`, and all files of the customers in `forgotten_customers`, from the facts.
-- Their versions stay, under pseudonyms and without content.
delete from forgotten_records
where record_id in (select pseudonym, from raw.forgotten);

delete from forgotten_customers
where customer in (select pseudonym, from raw.forgotten);

insert into raw.forgotten
select
    raw.pseudonym(connection, scope, entity, record_id) as pseudonym,
    connection,
    true as is_named,
    get_current_timestamp() as forgotten_at,
from forgotten_records
union
select
    raw.pseudonym(connection, null, 'customers', customer) as pseudonym,
    connection,
    true as is_named,
    get_current_timestamp() as forgotten_at,
from forgotten_customers
on conflict do update set is_named = true;

-- The versions of a file that belong to a forgotten customer are erased. If all its versions are erased, so is its id.
create or replace temp table erased as
with known as (
    select
        rowid as known_row,
        provider,
        connection,
        scope,
        entity,
        record_id,
        payload,
        content_hash = 'forgotten' as is_erased,
        raw.pseudonym(connection, scope, entity, record_id) as pseudonym,
        raw.customer_pseudonym(connection, provider, entity, payload) as customer_pseudonym,
    from raw.records
    where record_id not in (select pseudonym, from raw.forgotten)
),

flagged as (
    select
        known.*,
        known.pseudonym in (
            select pseudonym, from raw.forgotten
            where is_named
        ) as is_named,
        coalesce(known.customer_pseudonym in (select pseudonym, from raw.forgotten), false) as has_forgotten_customer,
    from known
),

by_record as (
    select
        *,
        bool_and(is_erased or has_forgotten_customer) over (
            partition by connection, scope, entity, record_id
        ) as is_completely_erased,
    from flagged
)

select
    known_row,
    connection,
    if(is_named or is_completely_erased, pseudonym, null) as pseudonym,
    case
        when is_erased then payload
        when has_forgotten_customer then raw.erased_payload(provider, entity, customer_pseudonym)
        else '{}'
    end as payload,
from by_record
where is_named or is_completely_erased or has_forgotten_customer;

update raw.records as known
set
    record_id = coalesce(erased.pseudonym, known.record_id),
    payload = erased.payload,
    content_hash = 'forgotten',
    canonical_hash = null
from erased
where known.rowid = erased.known_row;

-- Files of a forgotten customer are forgotten while they belong to it.
insert into raw.forgotten
with files_of_customers as (
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
        and raw.customer_pseudonym(refused.connection, refused.provider, refused.entity, refused.payload) in (
            select pseudonym, from raw.forgotten
        )
)

select
    pseudonym,
    connection,
    false as is_named,
    get_current_timestamp() as forgotten_at,
from files_of_customers
on conflict do nothing;

-- Quarantined records that are forgotten, or may be.
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
    reason = 'it is or may be forgotten'
where
    raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id) in (
        select pseudonym, from raw.forgotten
        where is_named
    )
    or raw.customer_pseudonym(refused.connection, refused.provider, refused.entity, refused.payload) in (
        select pseudonym, from raw.forgotten
    )
    or (
        raw.is_unattributable(refused.provider, refused.entity, refused.record_id, refused.payload)
        and refused.connection in (select connection, from raw.forgotten)
    );

-- A message about a page may quote the provider. Later runs do not quote it.
update raw.listings
set message = 'erased, because it may name forgotten records'
where starts_with(message, 'page ') and connection in (select connection, from raw.forgotten);
