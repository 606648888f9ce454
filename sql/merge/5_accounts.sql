-- The run's own facts: what was not taken, how each listing went, and who took part.
insert into raw.quarantine
select
    getvariable('started_at') as started_at,
    connection,
    provider,
    scope,
    entity,
    position + 1 as position,
    record_id,
    reason,
    payload,
from arrivals
where fate = 'quarantined'
order by listing, position;

insert into raw.listings
with fates as (
    select
        listing,
        count(*) filter (where fate = 'new') as new,
        count(*) filter (where fate = 'changed') as changed,
        count(*) filter (where fate = 'unchanged') as unchanged,
        count(*) filter (where fate = 'repeated') as repeated,
        count(*) filter (where fate = 'quarantined') as quarantined,
    from arrivals
    group by listing
)

select
    getvariable('started_at') as started_at,
    verdicts.connection,
    verdicts.provider,
    verdicts.scope,
    verdicts.entity,
    verdicts.outcome,
    verdicts.since as window_start,
    verdicts.pages,
    verdicts.requests,
    verdicts.retries,
    verdicts.records,
    coalesce(fates.new, 0) as new,
    coalesce(fates.changed, 0) as changed,
    case when verdicts.outcome = 'verified' then verdicts.absent else 0 end as removed,
    coalesce(fates.unchanged, 0) as unchanged,
    coalesce(fates.repeated, 0) as repeated,
    coalesce(fates.quarantined, 0) as quarantined,
    case when verdicts.outcome = 'held_back' then verdicts.absent else 0 end as held_back,
    verdicts.seconds,
    case
        when verdicts.outcome <> 'held_back' then verdicts.doubt
        else
            format('{} of {} known records are missing', verdicts.absent, verdicts.known)
            || if(verdicts.suspicious > verdicts.absent, format(', {} in all scopes', verdicts.suspicious), '')
            || coalesce(format(', {} were accepted', verdicts.accepted), '')
    end as message,
    verdicts.error_kind,
from verdicts
left join fates on verdicts.listing = fates.listing
order by verdicts.listing;

insert into raw.runs
select
    getvariable('started_at') as started_at,
    greatest(getvariable('started_at'), getvariable('finished_at')) as finished_at,
    case when bool_and(outcome = 'verified') then 'complete' else 'partial' end as outcome,
    getvariable('rollcall_version') as rollcall_version,
    version() as duckdb_version,
from verdicts;

insert or replace into raw.connections
select distinct
    connection,
    provider,
    time_zone,
    true as is_configured,
from asked;

update raw.connections
set is_configured = list_contains(getvariable('configured_connections'), connection)
where
    getvariable('configured_connections') is not null
    and connection not in (select connection, from asked);
