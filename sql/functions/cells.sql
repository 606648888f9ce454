-- A timestamp as ISO 8601 text in UTC, with a fraction of a second only if it has one.
create or replace macro staging.timestamp_text(value) as replace(
    strftime(value at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z'
);

-- Whether a change of only this column is minor: a provider sets it with every change, or it is derived from others.
create or replace macro staging.is_minor(column_name) as
column_name in ('updated_at', 'source_version', 'is_open', 'client_key');
