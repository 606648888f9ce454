-- A timestamp as ISO 8601 text in UTC, with a fraction of a second only if it has one.
create or replace macro staging.timestamp_text(value) as replace(
    strftime(value at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z'
);

-- Whether a change of only this column is minor: a provider sets it with every change, or it is derived from others.
create or replace macro staging.is_minor(column_name) as
column_name in ('updated_at', 'source_version', 'is_open', 'client_key');

-- The value of a column of a row of projects_history, as text.
create or replace macro staging.project_cell(project, column_name) as case column_name
    when 'kind' then project.kind
    when 'name' then project.name
    when 'description' then project.description
    when 'code' then project.code
    when 'status' then project.status
    when 'is_open' then cast(project.is_open as text)
    when 'provider_status' then project.provider_status
    when 'phase' then project.phase
    when 'category' then project.category
    when 'priority' then cast(project.priority as text)
    when 'client_key' then project.client_key
    when 'client_id' then project.client_id
    when 'client_name' then project.client_name
    when 'owner_id' then project.owner_id
    when 'owner_name' then project.owner_name
    when 'parent_key' then project.parent_key
    when 'path' then project.path
    when 'domain' then project.domain
    when 'logo_url' then project.logo_url
    when 'city' then project.city
    when 'region' then project.region
    when 'country' then project.country
    when 'time_zone' then project.time_zone
    when 'is_archived' then cast(project.is_archived as text)
    when 'is_template' then cast(project.is_template as text)
    when 'is_default' then cast(project.is_default as text)
    when 'created_at' then staging.timestamp_text(project.created_at)
    when 'updated_at' then staging.timestamp_text(project.updated_at)
    when 'starts_at' then staging.timestamp_text(project.starts_at)
    when 'finishes_at' then staging.timestamp_text(project.finishes_at)
    when 'archived_at' then staging.timestamp_text(project.archived_at)
    when 'created_by' then project.created_by
    when 'source_version' then project.source_version
    when 'attributes' then staging.tracked(project.attributes)
end;
