-- The facts about the run itself: quarantined records, the result of each listing, and the connections.
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
from classified
where disposition = 'quarantined'
order by listing, position;

insert into raw.listings
with dispositions as (
    select
        listing,
        count(*) filter (where disposition = 'new') as new,
        count(*) filter (where disposition = 'changed') as changed,
        count(*) filter (where disposition = 'unchanged') as unchanged,
        count(*) filter (where disposition = 'repeated') as repeated,
        count(*) filter (where disposition = 'quarantined') as quarantined,
    from classified
    group by listing
)

select
    getvariable('started_at') as started_at,
    outcomes.connection,
    outcomes.provider,
    outcomes.scope,
    outcomes.entity,
    outcomes.outcome,
    outcomes.since as window_start,
    outcomes.pages,
    outcomes.requests,
    outcomes.retries,
    outcomes.records,
    coalesce(dispositions.new, 0) as new,
    coalesce(dispositions.changed, 0) as changed,
    case when outcomes.outcome = 'verified' then outcomes.absent else 0 end as removed,
    coalesce(dispositions.unchanged, 0) as unchanged,
    coalesce(dispositions.repeated, 0) as repeated,
    coalesce(dispositions.quarantined, 0) as quarantined,
    case when outcomes.outcome = 'held_back' then outcomes.absent else 0 end as held_back,
    outcomes.seconds,
    case
        when outcomes.outcome <> 'held_back' then outcomes.unverified_reason
        else
            format('{} of {} known records are missing', outcomes.absent, outcomes.known)
            || if(outcomes.suspicious > outcomes.absent, format(', {} in all scopes', outcomes.suspicious), '')
            || coalesce(format(', {} were accepted', outcomes.accepted), '')
    end as message,
    outcomes.error_kind,
from outcomes
left join dispositions on outcomes.listing = dispositions.listing
order by outcomes.listing;

insert into raw.runs
select
    getvariable('started_at') as started_at,
    greatest(getvariable('started_at'), getvariable('finished_at')) as finished_at,
    case when bool_and(outcome = 'verified') then 'complete' else 'partial' end as outcome,
    getvariable('rollcall_version') as rollcall_version,
    version() as duckdb_version,
from outcomes;

insert or replace into raw.connections
select distinct
    connection,
    provider,
    time_zone,
    true as is_configured,
from run_listings;

update raw.connections
set is_configured = list_contains(getvariable('configured_connections'), connection)
where
    getvariable('configured_connections') is not null
    and connection not in (select connection, from run_listings);
