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
    from raw.records as record
    where record.provider = 'fone_dynamics' and record.entity = 'projects'
)

select
    source.connection || ':' || source.record_id as project_key,
    source.connection,
    source.provider,
    source.record_id as project_id,
    'property' as kind,
    source.said.name as name,
    source.said.active as provider_status,
    source.said.accountsid as owner_id,
    source.said.maindomain as domain,
    coalesce(windows.time_zone, iana.name) as time_zone,
    staging.truth(source.said.active) as is_active,
    json_object(
        'SmsEnabled', source.said.smsenabled,
        'CallRecordingEnabled', source.said.callrecordingenabled,
        'IntegrationsEnabled', source.said.integrationsenabled,
        'TimeZone', source.said.timezone
    ) as attributes,
    source.valid_from,
    source.valid_to,
    source.end_reason,
    source.last_seen_at,
from source
left join seeds.windows_time_zones as windows on source.said.timezone = windows.windows_name
left join pg_timezone_names() as iana on source.said.timezone = iana.name
