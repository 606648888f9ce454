-- A key is unique in files.
select
    file_key,
    count(*) as rows,
from files
group by file_key
having count(*) > 1
order by file_key
