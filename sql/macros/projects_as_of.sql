-- The projects listed at an instant, as they were then. A text without an offset is of the session's time zone.
create or replace macro projects_as_of(moment) as table
    select
        project_key,
        connection,
        provider,
        project_id,
        kind,
        name,
        description,
        code,
        status,
        is_open,
        provider_status,
        phase,
        category,
        priority,
        client_key,
        client_id,
        client_name,
        owner_id,
        owner_name,
        parent_key,
        path,
        domain,
        logo_url,
        city,
        region,
        country,
        time_zone,
        is_archived,
        is_template,
        is_default,
        created_at,
        updated_at,
        starts_at,
        finishes_at,
        archived_at,
        created_by,
        source_version,
        attributes,
        version,
        valid_from,
        valid_to,
    from projects_history
    where
        valid_from <= cast(moment as timestamptz)
        and cast(moment as timestamptz) >= (
            select coalesce(started_at, timestamptz '-infinity'), from staging.history_begins
        )
        and (valid_to is null or valid_to > cast(moment as timestamptz))
        and project_id not in (select pseudonym, from raw.forgotten)
    order by project_key;
