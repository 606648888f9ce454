-- EvoVoice: one row per version of a file. Keys are in camelCase on the live service and in PascalCase in its
-- documentation.
-- grain: file_key, valid_from
-- project id: customerId, CustomerId, accountId, AccountId
-- local times: dateCreated, DateCreated, dateLastModified, DateLastModified
with source as (
    select
        record.* exclude (created_at),
        zone.name as time_zone,
        from_json(
            record.payload,
            '{
                "type": "VARCHAR", "accountId": "VARCHAR", "accountName": "VARCHAR", "customerId": "VARCHAR",
                "customerName": "VARCHAR", "customerBreadcrumb": "JSON", "userId": "VARCHAR", "userName": "VARCHAR",
                "fileName": "VARCHAR", "uri": "VARCHAR", "contentType": "VARCHAR", "contentLength": "VARCHAR",
                "recordingSid": "VARCHAR", "recordingDuration": "VARCHAR", "recordingFrom": "VARCHAR",
                "transcription": "VARCHAR", "aiTranscription": "VARCHAR", "fromAddress": "VARCHAR",
                "toAddress": "VARCHAR", "dateCreated": "VARCHAR", "dateLastModified": "VARCHAR",
                "createdBy": "VARCHAR", "lastModifiedBy": "VARCHAR"
            }'
        ) as live,
        case
            when not json_exists(record.payload, '$.id')
                then from_json(
                    record.payload,
                    '{
                        "Type": "VARCHAR", "AccountId": "VARCHAR", "AccountName": "VARCHAR", "CustomerId": "VARCHAR",
                        "CustomerName": "VARCHAR", "CustomerBreadcrumb": "JSON", "UserId": "VARCHAR", "UserName": "VARCHAR",
                        "FileName": "VARCHAR", "Uri": "VARCHAR", "ContentType": "VARCHAR", "ContentLength": "VARCHAR",
                        "RecordingSid": "VARCHAR", "RecordingDuration": "VARCHAR", "RecordingFrom": "VARCHAR",
                        "Transcription": "VARCHAR", "AITranscription": "VARCHAR", "FromAddress": "VARCHAR",
                        "ToAddress": "VARCHAR", "DateCreated": "VARCHAR", "DateLastModified": "VARCHAR",
                        "CreatedBy": "VARCHAR", "LastModifiedBy": "VARCHAR"
                    }'
                )
        end as documented,
    from staging.records as record
    left join raw.connections as known on record.connection = known.connection
    -- A name that DuckDB does not know would end the build. Without a zone, the times stay text.
    left join pg_timezone_names() as zone on coalesce(known.time_zone, 'UTC') = zone.name
    where record.provider = 'evovoice' and record.entity = 'files'
),

renamed as (
    select
        *,
        coalesce(live.type, documented.Type) as type,
        coalesce(live.accountId, documented.AccountId) as account_id,
        coalesce(live.accountName, documented.AccountName) as account_name,
        coalesce(live.customerId, documented.CustomerId) as customer_id,
        coalesce(live.customerName, documented.CustomerName) as customer_name,
        coalesce(live.customerBreadcrumb, documented.CustomerBreadcrumb) as customer_breadcrumb,
        coalesce(live.userId, documented.UserId) as user_id,
        coalesce(live.userName, documented.UserName) as user_name,
        coalesce(live.fileName, documented.FileName) as file_name,
        coalesce(live.uri, documented.Uri) as uri,
        coalesce(live.contentType, documented.ContentType) as content_type,
        coalesce(live.contentLength, documented.ContentLength) as length_text,
        coalesce(live.recordingSid, documented.RecordingSid) as recording_sid,
        coalesce(live.recordingDuration, documented.RecordingDuration) as duration_text,
        coalesce(live.recordingFrom, documented.RecordingFrom) as recording_from,
        coalesce(live.transcription, documented.Transcription) as transcription,
        coalesce(live.aiTranscription, documented.AITranscription) as ai_transcription,
        coalesce(live.fromAddress, documented.FromAddress) as from_address,
        coalesce(live.toAddress, documented.ToAddress) as to_address,
        staging.unset_to_null(coalesce(live.dateCreated, documented.DateCreated)) as created_text,
        staging.unset_to_null(
            coalesce(live.dateLastModified, documented.DateLastModified)
        ) as modified_text,
        coalesce(live.createdBy, documented.CreatedBy) as created_by,
        coalesce(live.lastModifiedBy, documented.LastModifiedBy) as updated_by,
    from source
),

typed as (
    select
        *,
        staging.parse_bigint(length_text) as content_length,
        staging.parse_bigint(duration_text) as recording_duration,
        staging.parse_local_timestamp(created_text, time_zone) as created_at,
        staging.parse_local_timestamp(modified_text, time_zone) as updated_at,
    from renamed
)

select
    record_key as file_key,
    connection,
    'evovoice' as provider,
    record_id as file_id,
    connection || ':' || coalesce(staging.blank_to_null(customer_id), staging.blank_to_null(account_id)) as project_key,
    type,
    account_id,
    account_name,
    customer_id,
    customer_name,
    customer_breadcrumb,
    user_id,
    user_name,
    file_name,
    uri,
    content_type,
    content_length,
    recording_sid,
    recording_duration,
    recording_from,
    transcription,
    ai_transcription,
    from_address,
    to_address,
    created_at,
    updated_at,
    created_by,
    updated_by,
    staging.without_nulls([
        staging.unparsed('ContentLength', length_text, content_length),
        staging.unparsed('RecordingDuration', duration_text, recording_duration),
        staging.unparsed('DateCreated', created_text, created_at),
        staging.unparsed('DateLastModified', modified_text, updated_at),
    ]) as unparsed,
    valid_from,
    valid_to,
    end_reason,
from typed
