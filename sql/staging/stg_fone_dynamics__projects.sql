-- Fone Dynamics: one row per version of a property. The provider sends no times.
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
        ) as fields,
    from staging.records as record
    where record.provider = 'fone_dynamics' and record.entity = 'projects'
),

typed as (
    select
        source.*,
        -- The provider documents Windows names; an IANA name is used as it is.
        coalesce(windows.time_zone, iana.name) as time_zone,
        staging.without_nulls([
            staging.unparsed('Active', source.fields.Active, staging.parse_boolean(source.fields.Active)),
        ]) as unparsed,
    from source
    left join seeds.windows_time_zones as windows on source.fields.TimeZone = windows.windows_name
    left join pg_timezone_names() as iana on source.fields.TimeZone = iana.name and contains(iana.name, '/')
)

select
    record_key as project_key,
    connection,
    'fone_dynamics' as provider,
    record_id as project_id,
    'property' as kind,
    fields.Name as name,
    fields.Active as provider_status,
    fields.AccountSid as owner_id,
    fields.MainDomain as domain,
    time_zone,
    fields.TimeZone as provider_time_zone,
    staging.attributes(
        [
            staging.member('SmsEnabled', fields.SmsEnabled),
            staging.member('CallRecordingEnabled', fields.CallRecordingEnabled),
            staging.member('IntegrationsEnabled', fields.IntegrationsEnabled),
            staging.member('TimeZone', to_json(fields.TimeZone)),
        ],
        unparsed
    ) as attributes,
    unparsed,
    valid_from,
    valid_to,
    end_reason,
from typed
