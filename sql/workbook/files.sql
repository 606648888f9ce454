-- Every file that is listed now.
select
    file.file_name,
    file.customer_name,
    file.account_name,
    file.type,
    file.created_at,
    file.content_type,
    file.content_length,
    file.recording_duration,
    file.from_address,
    file.to_address,
    file.connection,
    connections.is_fresh,
    file.file_key,
from files as file
left join connections on file.connection = connections.connection
order by file.created_at desc, file.file_key asc
