-- The projects to name for each period and kind of change, with their changed columns: at most the variable most, and
-- some of every provider. The most important changes are first, then names in natural order.
-- grain: period, kind, project_key
with changes as (
    select
        periods.period,
        change.project_key,
        change.changed_at,
        change.column_name,
        change.old_value,
        change.new_value,
        case change.column_name
            when 'status' then 1
            when 'name' then 2
            when 'client_name' then 3
            when 'starts_at' then 4
            when 'finishes_at' then 5
            when 'archived_at' then 6
            else 9
        end as importance,
    from project_changes as change
    inner join report_periods as periods
        on change.connection = periods.connection and change.changed_at >= periods.since
    where change.change in ('changed', 'returned') and not change.is_minor
),

latest as (
    select
        period,
        project_key,
        max(changed_at) as changed_at,
        min(importance) as importance,
    from changes
    group by period, project_key
),

ranked as (
    select
        happened.period,
        happened.kind,
        project.project_key,
        project.name,
        project.client,
        project.connection,
        project.provider,
        project.position,
        case happened.kind
            when 'created' then project.first_seen_at
            when 'removed' then project.valid_to
            else latest.changed_at
        end as changed_at,
        if(happened.kind = 'changed', latest.importance, 0) as importance,
    from report_happened as happened
    inner join report_projects as project on happened.project_key = project.project_key
    left join latest on happened.project_key = latest.project_key and happened.period = latest.period
    where happened.kind <> 'first_listed'
),

placed as (
    select
        *,
        row_number() over (
            partition by period, kind, provider
            order by importance asc, changed_at desc, position asc
        ) as place,
    from ranked
),

named as (
    select *,
    from placed
    where place <= getvariable('most')
    qualify
        row_number() over (
            partition by period, kind
            order by place asc, importance asc, changed_at desc, position asc
        ) <= getvariable('most')
),

columns as (
    select
        changes.period,
        changes.project_key,
        changes.column_name,
        changes.importance,
        -- Its value before the period, and each one since.
        list(left(changes.old_value, getvariable('longest')) order by changes.changed_at)[:1]
        || list(left(changes.new_value, getvariable('longest')) order by changes.changed_at) as steps,
    from changes
    semi join named
        on changes.period = named.period and changes.project_key = named.project_key and named.kind = 'changed'
    where changes.column_name is not null
    group by changes.period, changes.project_key, changes.column_name, changes.importance
),

-- Columns that only repeat a new status have no line of their own.
unexplained as (
    select *,
    from columns
    qualify
        column_name not in ('provider_status', 'is_archived', 'archived_at')
        or not bool_or(column_name = 'status') over (partition by period, project_key)
),

lines as (
    select
        period,
        project_key,
        list(
            { 'column_name': column_name, 'is_important': importance < 9, 'steps': steps }
            order by importance, column_name
        ) as lines,
    from unexplained
    group by period, project_key
)

select
    named.period,
    named.kind,
    named.project_key,
    named.name,
    named.client,
    named.connection,
    named.provider,
    epoch_ms(named.changed_at) as changed_at,
    if(named.kind = 'changed', lines.lines, []) as lines,
from named
left join lines on named.period = lines.period and named.project_key = lines.project_key
order by named.period, named.kind, named.importance, named.position
