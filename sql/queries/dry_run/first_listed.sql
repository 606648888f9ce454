-- How many projects the first listing of each connection brings.
select
    connection,
    count(*) as projects,
from project_changes
where changed_at = $started_at and is_first_listing
group by connection
order by connection
