-- Every EvoVoice file that is listed now, without forgotten ones.
-- grain: file_key
-- example: select type, count(*) as files, sum(content_length) as bytes from files group by type
-- incremental: file_key
-- refreshed: last_seen_at
with firsts as (
    select
        file_key,
        valid_from as first_seen_at,
    from files_history
    where version = 1
),

last_seen as (
    select
        record_key as file_key,
        last_seen_at,
    from staging.records
    where entity = 'files' and valid_to is null
)

select
    history.file_key,
    history.connection,
    history.provider,
    history.file_id,
    history.project_key,
    history.type,
    history.account_id,
    history.account_name,
    history.customer_id,
    history.customer_name,
    history.customer_breadcrumb,
    history.user_id,
    history.user_name,
    history.file_name,
    history.uri,
    history.content_type,
    history.content_length,
    history.recording_sid,
    history.recording_duration,
    history.recording_from,
    history.transcription,
    history.ai_transcription,
    history.from_address,
    history.to_address,
    history.created_at,
    history.updated_at,
    history.created_by,
    history.updated_by,
    firsts.first_seen_at, -- start of the first run that listed it
    history.valid_from as changed_at, -- start of the first run with its current version
    last_seen.last_seen_at, -- start of the last run that received it
    history.version,
from files_history as history
inner join firsts on history.file_key = firsts.file_key
inner join last_seen on history.file_key = last_seen.file_key
anti join raw.forgotten as erased on erased.pseudonym in (history.file_id, history.customer_id)
where history.is_current
