-- The status periods of a project do not overlap, are never empty, join without a gap while it is listed, and change
-- the status where they join.
with neighbours as (
    select
        *,
        lead(started_at) over life as next_started_at,
        lead(status) over life as next_status,
    from project_status_periods
    window life as (partition by project_key order by started_at)
),

-- Where the history has a gap the periods have one, and nowhere else.
gaps as (
    select
        project_key,
        valid_to as started_at,
    from projects_history
    where end_reason in ('removed', 'retired')
),

judged as (
    select
        neighbours.project_key,
        neighbours.started_at,
        neighbours.ended_at,
        case
            when neighbours.ended_at <= neighbours.started_at then 'it is empty'
            when neighbours.next_started_at < coalesce(neighbours.ended_at, timestamptz 'infinity')
                then 'it overlaps the next'
            when neighbours.is_current <> (neighbours.ended_at is null) then 'is_current does not say so'
            when neighbours.next_started_at = neighbours.ended_at and neighbours.next_status = neighbours.status
                then 'the next is of the same status'
            when
                neighbours.ended_at is not null
                and (neighbours.ended_at is distinct from neighbours.next_started_at) <> (gaps.started_at is not null)
                then 'it ends where the project is not removed, or joins the next where it is'
        end as problem,
    from neighbours
    left join gaps on neighbours.project_key = gaps.project_key and neighbours.ended_at = gaps.started_at
)

select *,
from judged
where problem is not null
order by project_key, started_at
