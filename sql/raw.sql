-- The facts that runs record. Every published table is a pure function of these tables and the seeds.
-- Times are in UTC. All rows of a run carry the start of the run.
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
    connection text, -- the connection that it changed, under its current name; null: all
    history_begins_at timestamptz -- prune: versions that ended before this were dropped
);

-- A connection as it was configured in the last run that synced it.
create table if not exists raw.connections (
    connection text primary key,
    provider text not null,
    time_zone text, -- IANA name for times without an offset; null if the provider sends no such times
    is_configured boolean -- whether it was in the configuration of the last run; null: not known
);

create table if not exists raw.listings (
    started_at timestamptz not null,
    connection text not null,
    provider text not null,
    scope text, -- Rillsoft client; else null
    entity text not null, -- projects or files
    outcome text not null check (outcome in ('verified', 'unverified', 'held_back', 'failed')),
    window_start timestamptz, -- only records created since then were requested; null: all
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
    held_back bigint not null, -- known records that were missing and were kept
    seconds double not null,
    message text, -- why it is not verified, and what to do
    error_kind text -- kind of the error that ended it; null if none did
);

create table if not exists raw.quarantine (
    started_at timestamptz not null,
    connection text not null,
    provider text not null,
    scope text,
    entity text not null,
    position bigint not null, -- among the records of its listing, from 1
    record_id text, -- null if it cannot be read
    reason text not null,
    payload text not null -- may not be valid JSON
);

-- The random salt of all pseudonyms. Without it, nobody can test a guessed id. The first `rollcall forget` creates it,
-- and it is stored only here.
create table if not exists raw.salt (
    salt text not null
);

-- Records and customers that an operator erased. If they are received again, they are recognized by their pseudonym,
-- and nothing of them is stored.
create table if not exists raw.forgotten (
    pseudonym text primary key,
    connection text not null,
    is_named boolean not null, -- false: a file, forgotten only while it belongs to a forgotten customer
    forgotten_at timestamptz not null
);

-- Pseudonyms keep the first name of their connection. A name that became free by a rename has pseudonyms of its own.
create table if not exists raw.renamed (
    current_name text primary key,
    pseudonym_name text not null
);

-- The pseudonym of a forgotten record. It cannot be reversed, but anyone with the salt can test a guessed id.
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

-- The members of a payload that its staging model declares: with the id of the project that the record belongs to, such
-- as the customer of a file, and with times that may have no offset. Empty for most records.
create or replace macro raw.members_with_project_id(provider, entity) as {{ members_with_project_id }};
create or replace macro raw.members_with_local_time(provider, entity) as {{ members_with_local_time }};

-- The pseudonym of the project that a record belongs to. Null for other records.
create or replace macro raw.customer_pseudonym(connection, provider, entity, payload) as case
    when json_valid(payload) then raw.pseudonym(
        connection,
        null,
        'customers',
        list_filter(
            list_transform(
                raw.members_with_project_id(provider, entity),
                lambda member: nullif(payload ->> ('$.' || member), '')
            ),
            lambda id: id is not null
        )[1]
    )
end;

-- What is kept of a record whose project is forgotten: the pseudonym of that project.
create or replace macro raw.erased_payload(provider, entity, pseudonym) as
'{"' || raw.members_with_project_id(provider, entity)[1] || '": "' || pseudonym || '"}';

-- Whether it is unknown what a record belongs to: it has no id, or it belongs to a project and cannot be read.
create or replace macro raw.is_unattributable(provider, entity, record_id, payload) as
record_id is null or (len(raw.members_with_project_id(provider, entity)) > 0 and not json_valid(payload));

-- One row per version of a record, as received. A closed version never changes again.
create table if not exists raw.records ( -- noqa: PRS, sqlfluff cannot read how a column is compressed
    provider text not null, -- the service
    connection text not null, -- the configured account
    scope text, -- Rillsoft client; null elsewhere
    entity text not null, -- projects or files
    record_id text not null, -- the provider's own id, unchanged; a pseudonym if the record is forgotten
    -- Compressed to a third of the size, at no cost in time: docs/decisions/storage.md.
    payload json not null using compression zstd, -- the record as sent, without the fields in `drop_fields`
    content_hash text not null, -- first 128 bits of the SHA-256 of the text last received; 'forgotten' if it was erased
    canonical_hash text, -- hash of the content, regardless of its formatting; null until it is needed
    created_at timestamptz, -- when the record was created, if listings of the provider have a window on this; else null
    valid_from timestamptz not null, -- start of the run that first received this version
    valid_to timestamptz, -- start of the run that found it changed or removed; null while it is current
    end_reason text check (end_reason in ('changed', 'removed', 'retired')), -- why it ended; null while it is current
    last_seen_at timestamptz not null, -- start of the last run that received this version
    refreshed_at timestamptz -- start of the last run in which only volatile fields differed
);
