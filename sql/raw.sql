-- What runs leave behind: facts only. Every published table is a pure function of these and of the seeds.
-- Times are UTC instants; a run's rows all carry the run's start.
create schema if not exists raw;

create table if not exists raw.runs (
    started_at timestamptz primary key,
    finished_at timestamptz not null,
    outcome text not null check (outcome in ('complete', 'partial')),
    rollcall_version text not null,
    duckdb_version text not null
);

-- What an operator changed between two syncs. Each has a row in raw.runs too: it is published like a run.
create table if not exists raw.operations (
    started_at timestamptz primary key,
    operation text not null check (operation in ('retire', 'rename', 'prune')),
    connection text, -- the connection that it changed, under its name now; null: all
    history_begins_at timestamptz -- prune: versions that ended before are dropped
);

-- A connection as it was configured on the last run that it took part in.
create table if not exists raw.connections (
    connection text primary key,
    provider text not null,
    time_zone text, -- IANA name for times that carry no offset; null where the provider sends none such
    is_configured boolean -- whether the configuration of the last run had it; null: not known
);

create table if not exists raw.listings (
    started_at timestamptz not null,
    connection text not null,
    provider text not null,
    scope text, -- Rillsoft client; else null
    entity text not null, -- projects or files
    outcome text not null check (outcome in ('verified', 'unverified', 'held_back', 'failed')),
    window_start timestamptz, -- only records created from here on were asked for; null: all
    pages bigint not null,
    requests bigint not null,
    retries bigint not null,
    -- received in the reading that counts; = new + changed + unchanged + repeated + quarantined
    records bigint not null,
    new bigint not null,
    changed bigint not null,
    removed bigint not null,
    unchanged bigint not null,
    repeated bigint not null,
    quarantined bigint not null,
    held_back bigint not null, -- known records that the listing lacked and that were not closed
    seconds double not null,
    message text, -- why it is not verified, and what to do
    error_kind text -- kind of the error that ended it; null where none did
);

-- One row per version of a record, as received. A closed version is never affected again.
create table if not exists raw.records (
    provider text not null,
    connection text not null,
    scope text,
    entity text not null,
    record_id text not null,
    payload json not null,
    content_hash text not null, -- first 128 bits of the payload's SHA-256; 'forgotten' where nothing is left of it
    canonical_hash text, -- hash of what the payload says, whatever its spelling; null until it was needed
    created_at timestamptz, -- what windowed listings go by; null where the provider lists without a window
    valid_from timestamptz not null,
    valid_to timestamptz, -- null: current
    end_reason text check (end_reason in ('changed', 'removed', 'retired')),
    last_seen_at timestamptz not null, -- start of the last run that received this version
    refreshed_at timestamptz -- start of the last run that found its text other and its content the same
);

create table if not exists raw.quarantine (
    started_at timestamptz not null,
    connection text not null,
    provider text not null,
    scope text,
    entity text not null,
    position bigint not null, -- among the records of its listing, from 1
    record_id text, -- where it could be read
    reason text not null,
    payload text not null -- need not be valid JSON
);

-- A random text that pseudonyms are made with, so that nobody can try ids without it: made when something is first
-- forgotten, and kept nowhere but here.
create table if not exists raw.salt (
    salt text not null
);

-- Records and customers that an operator had erased: what comes of them again is known by its pseudonym, and holds
-- nothing.
create table if not exists raw.forgotten (
    pseudonym text primary key,
    connection text not null,
    is_named boolean not null, -- false: a file, forgotten for as long as it is of a customer that is
    forgotten_at timestamptz not null
);

-- Pseudonyms outlive the name of their connection: they are made with the name that it had first. A name that a rename
-- has freed makes pseudonyms of its own.
create table if not exists raw.renamed (
    current_name text primary key,
    pseudonym_name text not null
);

-- The name of a record that is forgotten: it cannot be read, though who has the salt can try an id that they guess.
create or replace macro raw.pseudonym(connection, scope, entity, record_id) as
'forgotten-' || left(
    sha256(
        (select salt, from raw.salt)
        || '/'
        || coalesce(
            (select map_from_entries(list((current_name, pseudonym_name))), from raw.renamed)[connection], connection
        )
        || '/' || coalesce(scope, '') || '/' || entity || '/' || record_id
    ),
    16
);

-- The pseudonym of the customer, or the account, that a file of EvoVoice is of; null for all else.
create or replace macro raw.customer_pseudonym(connection, entity, payload) as case
    when entity = 'files' and json_valid(payload) then raw.pseudonym(
        connection,
        null,
        'customers',
        coalesce(
            nullif(payload ->> '$.customerId', ''),
            nullif(payload ->> '$.CustomerId', ''),
            nullif(payload ->> '$.accountId', ''),
            nullif(payload ->> '$.AccountId', '')
        )
    )
end;

-- What stays of a file whose customer is forgotten: that it is of somebody.
create or replace macro raw.erased_payload(holder) as '{"customerId": "' || holder || '"}';

-- Whether nobody can tell whose a record is: it has no id, or is a file that does not say of which customer it is.
create or replace macro raw.is_unattributable(entity, record_id, payload) as
record_id is null or (entity = 'files' and not json_valid(payload));
