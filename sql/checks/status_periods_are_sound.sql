-- The status periods of a project do not overlap and are never empty. They have a gap only where the history has one,
-- and adjoining periods have different statuses.
with neighbours as (
    select
        *,
        lead(started_at) over by_start as next_started_at,
        lead(status) over by_start as next_status,
    from project_status_periods
    window by_start as (partition by project_key order by started_at)
),

-- The start of each gap in the history.
gaps as (
    select
        project_key,
        valid_to as started_at,
    from projects_history
    where end_reason in ('removed', 'retired')
),

with_problem as (
    select
        neighbours.project_key,
        neighbours.started_at,
        neighbours.ended_at,
        case
            when neighbours.ended_at <= neighbours.started_at then 'it is empty'
            when neighbours.next_started_at < coalesce(neighbours.ended_at, timestamptz 'infinity')
                then 'it overlaps the next one'
            when neighbours.is_current <> (neighbours.ended_at is null) then 'is_current does not match ended_at'
            when neighbours.next_started_at = neighbours.ended_at and neighbours.next_status = neighbours.status
                then 'the next one has the same status'
            when
                neighbours.ended_at is not null
                and (neighbours.ended_at is distinct from neighbours.next_started_at) <> (gaps.started_at is not null)
                then 'it has a gap where the history has none, or none where it has one'
        end as problem,
    from neighbours
    left join gaps on neighbours.project_key = gaps.project_key and neighbours.ended_at = gaps.started_at
)

select *,
from with_problem
where problem is not null
order by project_key, started_at
