-- EvoVoice: one row per version of a file. Keys are camelCase on the live service, PascalCase in its documentation.
-- grain: file_key, valid_from
with source as (
    -- Lists of values, in the order of the columns below: DuckDB 2.0 loses the values of structures whose
    -- field names differ only in case.
    select
        record.*,
        case
            when json_exists(record.payload, '$.id')
                then
                    json_extract_string(
                        record.payload,
                        [
                            '$.type', '$.accountId', '$.accountName', '$.customerId', '$.customerName',
                            '$.customerBreadcrumb', '$.userId', '$.userName', '$.fileName', '$.uri',
                            '$.contentType', '$.contentLength', '$.recordingSid', '$.recordingDuration',
                            '$.recordingFrom', '$.transcription', '$.aiTranscription', '$.fromAddress',
                            '$.toAddress', '$.dateCreated', '$.dateLastModified', '$.createdBy',
                            '$.lastModifiedBy'
                        ]
                    )
            else
                json_extract_string(
                    record.payload,
                    [
                        '$.Type', '$.AccountId', '$.AccountName', '$.CustomerId', '$.CustomerName',
                        '$.CustomerBreadcrumb', '$.UserId', '$.UserName', '$.FileName', '$.Uri',
                        '$.ContentType', '$.ContentLength', '$.RecordingSid', '$.RecordingDuration',
                        '$.RecordingFrom', '$.Transcription', '$.AITranscription', '$.FromAddress',
                        '$.ToAddress', '$.DateCreated', '$.DateLastModified', '$.CreatedBy',
                        '$.LastModifiedBy'
                    ]
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
    connection || ':' || coalesce(staging.named(said[4]), staging.named(said[2])) as project_key,
    said[1] as type,
    said[2] as account_id,
    said[3] as account_name,
    said[4] as customer_id,
    said[5] as customer_name,
    cast(said[6] as json) as customer_breadcrumb,
    said[7] as user_id,
    said[8] as user_name,
    said[9] as file_name,
    said[10] as uri,
    said[11] as content_type,
    try_cast(said[12] as bigint) as content_length,
    said[13] as recording_sid,
    try_cast(said[14] as bigint) as recording_duration,
    said[15] as recording_from,
    said[16] as transcription,
    said[17] as ai_transcription,
    said[18] as from_address,
    said[19] as to_address,
    staging.local_instant(said[20], 'UTC') as created_at,
    staging.local_instant(said[21], 'UTC') as updated_at,
    said[22] as created_by,
    said[23] as updated_by,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from source
