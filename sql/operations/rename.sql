-- Gives a connection another name in all facts. Published keys follow, because every published table is built again.
update raw.records
set connection = getvariable('new_name')
where connection = getvariable('connection');

update raw.listings
set connection = getvariable('new_name')
where connection = getvariable('connection');

update raw.quarantine
set connection = getvariable('new_name')
where connection = getvariable('connection');

update raw.forgotten
set connection = getvariable('new_name')
where connection = getvariable('connection');

update raw.operations
set connection = getvariable('new_name')
where connection = getvariable('connection');

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
