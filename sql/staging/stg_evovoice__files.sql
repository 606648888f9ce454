-- EvoVoice: one row per version of a file. Keys are camelCase on the live service, PascalCase in its documentation.
-- grain: file_key, valid_from
with source as (
    select
        record.*,
        case
            when json_exists(record.payload, '$.id')
                then
                    from_json(
                        record.payload,
                        '{
                    "type": "VARCHAR", "accountId": "VARCHAR", "accountName": "VARCHAR",
                    "customerId": "VARCHAR", "customerName": "VARCHAR",
                    "customerBreadcrumb": "JSON", "userId": "VARCHAR",
                    "userName": "VARCHAR", "fileName": "VARCHAR", "uri": "VARCHAR", "contentType": "VARCHAR",
                    "contentLength": "VARCHAR", "recordingSid": "VARCHAR", "recordingDuration": "VARCHAR",
                    "recordingFrom": "VARCHAR", "transcription": "VARCHAR", "aiTranscription": "VARCHAR",
                    "fromAddress": "VARCHAR", "toAddress": "VARCHAR", "dateCreated": "VARCHAR",
                    "dateLastModified": "VARCHAR", "createdBy": "VARCHAR", "lastModifiedBy": "VARCHAR"
                }'
                    )
            else from_json(
                record.payload,
                '{
                    "Type": "VARCHAR", "AccountId": "VARCHAR", "AccountName": "VARCHAR",
                    "CustomerId": "VARCHAR", "CustomerName": "VARCHAR",
                    "CustomerBreadcrumb": "JSON", "UserId": "VARCHAR",
                    "UserName": "VARCHAR", "FileName": "VARCHAR", "Uri": "VARCHAR", "ContentType": "VARCHAR",
                    "ContentLength": "VARCHAR", "RecordingSid": "VARCHAR", "RecordingDuration": "VARCHAR",
                    "RecordingFrom": "VARCHAR", "Transcription": "VARCHAR", "AITranscription": "VARCHAR",
                    "FromAddress": "VARCHAR", "ToAddress": "VARCHAR", "DateCreated": "VARCHAR",
                    "DateLastModified": "VARCHAR", "CreatedBy": "VARCHAR", "LastModifiedBy": "VARCHAR"
                }'
            )
        end as said,
    from raw.records as record
    where record.provider = 'evovoice' and record.entity = 'files'
)

select
    connection || ':' || record_id as file_key,
    connection,
    provider,
    record_id as file_id,
    connection || ':' || coalesce(staging.named(said.customerid), staging.named(said.accountid)) as project_key,
    said.type as type,
    said.accountid as account_id,
    said.accountname as account_name,
    said.customerid as customer_id,
    said.customername as customer_name,
    said.customerbreadcrumb as customer_breadcrumb,
    said.userid as user_id,
    said.username as user_name,
    said.filename as file_name,
    said.uri as uri,
    said.contenttype as content_type,
    try_cast(said.contentlength as bigint) as content_length,
    said.recordingsid as recording_sid,
    try_cast(said.recordingduration as bigint) as recording_duration,
    said.recordingfrom as recording_from,
    said.transcription as transcription,
    said.aitranscription as ai_transcription,
    said.fromaddress as from_address,
    said.toaddress as to_address,
    staging.local_instant(said.datecreated, 'UTC') as created_at,
    staging.local_instant(said.datelastmodified, 'UTC') as updated_at,
    said.createdby as created_by,
    said.lastmodifiedby as updated_by,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from source
