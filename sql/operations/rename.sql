-- Gives a connection another name among the connections, and keeps its pseudonyms. `rename_in_table` does so in every
-- other table of facts. Published keys follow, because every published table is built again.
insert into raw.connections by name
select * replace (getvariable('new_name') as connection, getvariable('is_configured') as is_configured),
from raw.connections
where connection = getvariable('connection');

delete from raw.connections
where connection = getvariable('connection');

insert or replace into raw.renamed
values
(
    getvariable('new_name'),
    coalesce(
        (
            select pseudonym_name, from raw.renamed
            where current_name = getvariable('connection')
        ),
        getvariable('connection')
    )
),
(
    getvariable('connection'),
    getvariable('connection') || ' after ' || epoch_us(getvariable('started_at'))
);
