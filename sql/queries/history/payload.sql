-- The latest record of a project as its provider sent it.
select
    record.connection,
    record.record_id,
    record.payload,
from projects_history as project
inner join raw.records as record
    on project.connection = record.connection and project.project_id = record.record_id
where project.project_key = $key and record.entity = 'projects'
order by record.valid_from desc
limit 1
