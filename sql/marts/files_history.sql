-- Every version of every EvoVoice file. A version begins only where a published column other than uri changed: links
-- may be signed anew on every call. Times are the starts of runs, half-open, as in projects_history.
-- grain: file_key, version
-- incremental: file_key
with stated as (
    select
        file_key,
        connection,
        provider,
        file_id,
        project_key,
        type,
        account_id,
        account_name,
        customer_id,
        customer_name,
        cast(customer_breadcrumb as json) as customer_breadcrumb,
        user_id,
        user_name,
        file_name,
        uri,
        content_type,
        cast(content_length as bigint) as content_length,
        recording_sid,
        cast(recording_duration as bigint) as recording_duration,
        recording_from,
        transcription,
        ai_transcription,
        from_address,
        to_address,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at,
        created_by,
        updated_by,
        valid_from,
        valid_to,
        end_reason,
    from staging.files
),

-- Most files never change: only those with a past pay for being compared with it.
several as (
    select file_key,
    from stated
    group by file_key
    having count(*) > 1
),

paired as (
    select
        stated.*,
        lag(stated) over (partition by file_key order by valid_from) as previous,
    from stated
    where file_key in (from several)
),

compared as (
    select
        * exclude (previous),
        case
            when previous is null then 'created'
            when previous.valid_to = valid_from then 'changed'
            else 'returned'
        end as change,
        case
            when previous is null then []
            else staging.without_nulls([
                staging.if_changed('project_key', project_key, previous.project_key),
                staging.if_changed('type', type, previous.type),
                staging.if_changed('account_id', account_id, previous.account_id),
                staging.if_changed('account_name', account_name, previous.account_name),
                staging.if_changed('customer_id', customer_id, previous.customer_id),
                staging.if_changed('customer_name', customer_name, previous.customer_name),
                staging.if_changed('customer_breadcrumb', customer_breadcrumb, previous.customer_breadcrumb),
                staging.if_changed('user_id', user_id, previous.user_id),
                staging.if_changed('user_name', user_name, previous.user_name),
                staging.if_changed('file_name', file_name, previous.file_name),
                staging.if_changed('content_type', content_type, previous.content_type),
                staging.if_changed('content_length', content_length, previous.content_length),
                staging.if_changed('recording_sid', recording_sid, previous.recording_sid),
                staging.if_changed('recording_duration', recording_duration, previous.recording_duration),
                staging.if_changed('recording_from', recording_from, previous.recording_from),
                staging.if_changed('transcription', transcription, previous.transcription),
                staging.if_changed('ai_transcription', ai_transcription, previous.ai_transcription),
                staging.if_changed('from_address', from_address, previous.from_address),
                staging.if_changed('to_address', to_address, previous.to_address),
                staging.if_changed('created_at', created_at, previous.created_at),
                staging.if_changed('updated_at', updated_at, previous.updated_at),
                staging.if_changed('created_by', created_by, previous.created_by),
                staging.if_changed('updated_by', updated_by, previous.updated_by),
            ])
        end as changed_columns,
    from paired
),

begun as (
    select
        *,
        case
            when change <> 'changed' or len(changed_columns) > 0
                then struct_pack(
                    valid_from := valid_from, change := change, changed_columns := changed_columns
                )
        end as beginning,
    from compared
),

-- Rows in a row that say the same are one version: its beginning is the first's, all else the last's.
numbered as (
    select
        *,
        count(beginning) over life as version,
        last_value(beginning ignore nulls) over life as first,
    from begun
    window life as (partition by file_key order by valid_from)
    qualify coalesce(lead(beginning is not null) over life, true)
),

versions as (
    select
        * exclude (beginning, first)
        replace (first.valid_from as valid_from, first.change as change, first.changed_columns as changed_columns),
    from numbered
    union all by name
    select
        *,
        1 as version,
        'created' as change,
        [] as changed_columns,
    from stated
    where file_key not in (from several)
)

select
    file_key, -- unique and stable: connection:id
    connection, -- the configured account it was listed by
    provider, -- evovoice
    file_id, -- the provider's own id, exactly
    project_key, -- the project it belongs to: its customer, or its account where it has none
    type, -- Upload, VoiceMessage, CallRecording, Fax, Attachment, FaxOutgoing or a newer one, as given
    account_id, -- account it is associated with
    account_name, -- that account's name
    customer_id, -- customer it is associated with; null or empty where there is none
    customer_name, -- that customer's name
    customer_breadcrumb, -- the customers above, as given
    user_id, -- user it is associated with
    user_name, -- that user's name
    file_name, -- original name of the file
    uri, -- where it was to be had when last seen; may be a link that grants access
    content_type, -- media type
    content_length, -- size in bytes
    recording_sid, -- Twilio's id of the recording
    recording_duration, -- length of the recording in seconds
    recording_from, -- who the recording is from
    transcription, -- transcription, where there is one
    ai_transcription, -- AI transcription, where there is one
    from_address, -- caller of an incoming call
    to_address, -- number dialled by an outgoing call
    created_at, -- when it was created, by the provider
    updated_at, -- when it last changed, by the provider
    created_by, -- who created it
    updated_by, -- who last changed it
    cast(version as integer) as version, -- counts from 1 over the file's whole life
    valid_from, -- start of the run that first saw this version
    valid_to, -- start of the run that found it changed or gone; null while it is current
    valid_to is null as is_current, -- whether the file is listed, as this version
    change, -- what began it: created, changed or returned
    end_reason, -- what ended it: changed, removed or retired; null while it is current
    changed_columns, -- columns that differ from the version before
from versions
