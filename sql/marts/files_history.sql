-- Every version of every EvoVoice file. A file's uri is as of the last night: signed links differ on every call.
-- grain: file_key, version
with compared as (
    select
        *,
        hash(
            project_key, type, account_id, account_name, customer_id, customer_name, customer_breadcrumb, user_id,
            user_name, file_name, content_type, content_length, recording_sid, recording_duration,
            recording_from, transcription, ai_transcription, from_address, to_address, created_at, updated_at,
            created_by, updated_by
        ) as content,
    from staging.files
),

followed as (
    select
        *,
        lag(valid_to) over past as previous_to,
        lag(content) over past as previous_content,
    from compared
    window past as (partition by file_key order by valid_from)
),

-- A version begins after a gap, and where what is published differs.
numbered as (
    select
        *,
        cast(
            sum(if(previous_to = valid_from and previous_content = content, 0, 1)) over past as integer
        ) as version,
    from followed
    window past as (partition by file_key order by valid_from)
),

merged as (
    select
        * replace (min(valid_from) over same as valid_from),
        arg_min(previous_to, valid_from) over same as former_to,
        valid_from = max(valid_from) over same as is_last,
    from numbered
    window same as (partition by file_key, version)
),

versions as (
    select
        *,
        case
            when version = 1 then 'created'
            when former_to = valid_from then 'changed'
            else 'returned'
        end as change,
    from merged
    where is_last
),

published as (
    select
        file_key,
        version,
        json_object(
            'project_key', project_key, 'type', type, 'account_id', account_id, 'account_name', account_name,
            'customer_id', customer_id, 'customer_name', customer_name,
            'customer_breadcrumb', customer_breadcrumb, 'user_id', user_id, 'user_name', user_name,
            'file_name', file_name, 'content_type', content_type, 'content_length', content_length,
            'recording_sid', recording_sid, 'recording_duration', recording_duration,
            'recording_from', recording_from, 'transcription', transcription,
            'ai_transcription', ai_transcription, 'from_address', from_address, 'to_address', to_address,
            'created_at', created_at, 'updated_at', updated_at, 'created_by', created_by,
            'updated_by', updated_by
        ) as columns,
    from versions
    where file_key in (
        select file_key, from versions
        where version = 2
    )
),

differences as (
    select
        file_key,
        version,
        list(column_name order by position) as changed_columns,
    from (
        select
            after.file_key,
            after.version,
            unnest(json_keys(after.columns)) as column_name,
            generate_subscripts(json_keys(after.columns), 1) as position,
            after.columns as after_columns,
            before.columns as before_columns,
        from published as after
        inner join published as before on after.file_key = before.file_key and after.version = before.version + 1
    )
    where (after_columns -> column_name) is distinct from (before_columns -> column_name)
    group by file_key, version
)

select
    versions.file_key, -- unique and stable: connection:id
    versions.connection, -- the configured account it was listed by
    versions.provider, -- evovoice
    versions.file_id, -- the provider's own id, exactly
    versions.project_key, -- the project it belongs to: its customer, or its account where it has none
    versions.type, -- Upload, VoiceMessage, CallRecording, Fax, Attachment, FaxOutgoing or a newer one, as given
    versions.account_id, -- account it is associated with
    versions.account_name, -- that account's name
    versions.customer_id, -- customer it is associated with; null or empty where there is none
    versions.customer_name, -- that customer's name
    versions.customer_breadcrumb, -- the customers above, as given
    versions.user_id, -- user it is associated with
    versions.user_name, -- that user's name
    versions.file_name, -- original name of the file
    versions.uri, -- where it was to be had when last seen; may be a link that grants access
    versions.content_type, -- media type
    versions.content_length, -- size in bytes
    versions.recording_sid, -- Twilio's id of the recording
    versions.recording_duration, -- length of the recording in seconds
    versions.recording_from, -- who the recording is from
    versions.transcription, -- transcription, where there is one
    versions.ai_transcription, -- AI transcription, where there is one
    versions.from_address, -- caller of an incoming call
    versions.to_address, -- number dialled by an outgoing call
    versions.created_at, -- when it was created, by the provider
    versions.updated_at, -- when it last changed, by the provider
    versions.created_by, -- who created it
    versions.updated_by, -- who last changed it
    versions.version, -- counts from 1 over the file's whole life
    versions.valid_from, -- start of the night that first saw this version
    versions.valid_to, -- start of the night that found it changed or gone; null while it is current
    versions.valid_to is null as is_current, -- whether the file is listed, as this version
    versions.change, -- what began it: created, changed or returned
    versions.end_reason, -- what ended it: changed or removed; null while it is current
    coalesce(differences.changed_columns, []) as changed_columns, -- columns that differ from the version before
from versions
left join differences on versions.file_key = differences.file_key and versions.version = differences.version
order by versions.file_key, versions.version
