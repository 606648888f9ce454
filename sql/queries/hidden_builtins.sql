-- The functions and types of a database that hide DuckDB's own. Every function has its full name here, so that none of
-- them can be hidden. Comparisons are not functions.
with functions as materialized (
    select
        system.main.lower(function_name) as name,
        internal,
    from system.main.duckdb_functions()
),

types as materialized (
    select
        system.main.lower(type_name) as name,
        internal,
    from system.main.duckdb_types()
)

select name,
from functions
where
    not internal
    and name in (
        select name, from functions
        where internal
    )
union
select name,
from types
where
    not internal
    and name in (
        select name, from types
        where internal
    )
order by name
