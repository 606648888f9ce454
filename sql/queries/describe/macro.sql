-- The columns of one macro, with the comments of the table that shares the most of them.
with given as (
    select
        unnest($names) as column_name,
        unnest($types) as data_type,
        unnest(range(len($names))) as place,
),

commented as (
    select
        columns.table_name,
        columns.column_name,
        columns.data_type,
        columns.comment,
        count(*) over (partition by columns.table_name) as shared,
    from ({{ columns }}) as columns
    semi join given on columns.column_name = given.column_name and columns.data_type = given.data_type
    where columns.schema_name = 'main'
)

select
    given.column_name,
    replace(lower(given.data_type), 'timestamp with time zone', 'timestamptz') as type,
    max_by(commented.comment, commented.shared) as comment,
from given
left join commented on given.column_name = commented.column_name and given.data_type = commented.data_type
group by given.place, given.column_name, given.data_type
order by given.place
