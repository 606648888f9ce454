-- Fone Dynamics: one row per version of a property. The vendor gives it no times at all.
-- grain: project_key, valid_from
with source as (
    select
        record.*,
        from_json(
            record.payload,
            '{
                "AccountSid": "VARCHAR", "Name": "VARCHAR", "MainDomain": "VARCHAR", "TimeZone": "VARCHAR",
                "Active": "VARCHAR", "SmsEnabled": "JSON", "CallRecordingEnabled": "JSON",
                "IntegrationsEnabled": "JSON"
            }'
        ) as said,
    from staging.records as record
    where record.provider = 'fone_dynamics' and record.entity = 'projects'
),

typed as (
    select
        source.*,
        -- Windows names by the vendor's page; one that is IANA's already stands for itself.
        coalesce(windows.time_zone, iana.name) as time_zone,
        staging.without_nulls([
            staging.unparsed('Active', source.said.Active, staging.parse_boolean(source.said.Active)),
        ]) as unread,
    from source
    left join seeds.windows_time_zones as windows on source.said.TimeZone = windows.windows_name
    left join pg_timezone_names() as iana on source.said.TimeZone = iana.name and contains(iana.name, '/')
)

select
    connection || ':' || record_id as project_key,
    connection,
    'fone_dynamics' as provider,
    record_id as project_id,
    'property' as kind,
    said.Name as name,
    said.Active as provider_status,
    said.AccountSid as owner_id,
    said.MainDomain as domain,
    time_zone,
    said.TimeZone as provider_time_zone,
    staging.attributes(
        [
            staging.member('SmsEnabled', said.SmsEnabled),
            staging.member('CallRecordingEnabled', said.CallRecordingEnabled),
            staging.member('IntegrationsEnabled', said.IntegrationsEnabled),
            staging.member('TimeZone', to_json(said.TimeZone)),
        ],
        unread
    ) as attributes,
    unread,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from typed
