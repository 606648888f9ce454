-- files contains exactly the current versions in files_history, with their start, without forgotten ones.
with current_versions as (
    select
        file_key,
        version,
        valid_from,
    from files_history as history
    anti join raw.forgotten as erased on erased.pseudonym in (history.file_id, history.customer_id)
    where history.is_current
)

select
    coalesce(listed.file_key, history.file_key) as file_key,
    listed.version as version_listed,
    history.version as version_in_history,
from files as listed
full join current_versions as history
    on
        listed.file_key = history.file_key
        and listed.version = history.version
        and listed.changed_at = history.valid_from
where listed.file_key is null or history.file_key is null
order by all
