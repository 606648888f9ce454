-- The facts about the run itself: the result of each listing, and the connections.
insert into raw.listings
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
    outcomes.new,
    outcomes.changed,
    case when outcomes.outcome = 'verified' then outcomes.absent else 0 end as removed,
    outcomes.unchanged,
    outcomes.repeated,
    outcomes.quarantined,
    case when outcomes.outcome = 'held_back' then outcomes.absent else 0 end as held_back,
    outcomes.seconds,
    case
        when outcomes.outcome <> 'held_back' then outcomes.unverified_reason
        else
            format('{} of {} known ', outcomes.absent, outcomes.known)
            || if(outcomes.known = 1, 'record is missing', 'records are missing')
            || if(outcomes.suspicious > outcomes.absent, format(', {} in all scopes', outcomes.suspicious), '')
            || coalesce(
                format(', {} ', outcomes.accepted) || if(outcomes.accepted = 1, 'was accepted', 'were accepted'), ''
            )
    end as message,
    outcomes.error_kind,
from outcomes
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
set is_configured = list_contains(cast(getvariable('configured_connections') as text[]), connection)
where
    getvariable('configured_connections') is not null
    and connection not in (select connection, from run_listings);
