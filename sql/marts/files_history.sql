-- Every version of every EvoVoice file. A version begins only when a published column other than uri changes: links may
-- be signed again for every request. Periods are half-open, from run start to run start, as in projects_history.
-- kind: versions of file_key
-- grain: file_key, version
-- example: select file_name, customer_name, valid_from from files_history where change = 'changed'
-- incremental: file_key
-- not compared: connection, provider, file_id, uri
select
    file_key, -- unique and stable: connection:id
    connection, -- the configured account that listed it
    provider, -- evovoice
    file_id, -- the provider's own id, unchanged
    project_key, -- the project it belongs to: its customer, or its account if it has no customer
    type, -- Upload, VoiceMessage, CallRecording, Fax, Attachment, FaxOutgoing or a newer one, as given
    account_id, -- account it is associated with
    account_name, -- that account's name
    customer_id, -- customer it is associated with; null or empty if there is none
    customer_name, -- that customer's name
    cast(customer_breadcrumb as json) as customer_breadcrumb, -- the customers above, as given
    user_id, -- user it is associated with
    user_name, -- that user's name
    file_name, -- original name of the file
    uri, -- its address when last seen; may be a link that grants access
    content_type, -- media type
    cast(content_length as bigint) as content_length, -- size in bytes
    recording_sid, -- Twilio's id of the recording
    cast(recording_duration as bigint) as recording_duration, -- length of the recording in seconds
    recording_from, -- who the recording is from
    transcription, -- transcription, if there is one
    ai_transcription, -- AI transcription, if there is one
    from_address, -- caller of an incoming call
    to_address, -- number dialled by an outgoing call
    cast(created_at as timestamptz) as created_at, -- when it was created, according to the provider
    cast(updated_at as timestamptz) as updated_at, -- when it last changed, according to the provider
    created_by, -- who created it
    updated_by, -- who last changed it
    valid_from,
    valid_to,
    end_reason,
from staging.files
