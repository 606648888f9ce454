-- The differences between the projects listed at two timestamps: a row for each column that differs, and one for each
-- project listed only at the earlier one (removed) or only at the later one (created or returned).
create or replace macro projects_compared(earlier, later) as table
    with before as (
        from projects_as_of(earlier)
    ),

    after as (
        from projects_as_of(later)
    ),

    -- Only columns that a version in between changed can differ.
    candidates as (
        select distinct
            project_key,
            unnest(changed_columns) as column_name,
        from projects_history
        where valid_from > cast(earlier as timestamptz) and valid_from <= cast(later as timestamptz)
    ),

    cells as (
        select
            after.project_key,
            after.provider,
            after.connection,
            after.name,
            candidates.column_name,
            staging.projects_history_cell(before, candidates.column_name) as old_value,
            staging.projects_history_cell(after, candidates.column_name) as new_value,
        from after
        inner join before on after.project_key = before.project_key
        inner join candidates on after.project_key = candidates.project_key
    ),

    differences as (
        select
            project_key,
            provider,
            connection,
            name,
            'changed' as change,
            column_name,
            old_value,
            new_value,
        from cells
        where nfc_normalize(old_value) is distinct from nfc_normalize(new_value)
        union all by name
        select
            project_key,
            provider,
            connection,
            name,
            'removed' as change,
        from before
        where project_key not in (select project_key, from after)
        union all by name
        select
            after.project_key,
            after.provider,
            after.connection,
            after.name,
            if(first.valid_from > cast(earlier as timestamptz), 'created', 'returned') as change,
        from after
        inner join projects_history as first on after.project_key = first.project_key and first.version = 1
        where after.project_key not in (select project_key, from before)
    )

    select
        project_key,
        provider,
        connection,
        name,
        change,
        column_name,
        old_value,
        new_value,
        coalesce(staging.is_minor(column_name), false) as is_minor,
    from differences
    order by project_key, change, column_name;
