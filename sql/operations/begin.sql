-- Notes an operation. It is published like a run.
insert into raw.runs by name
select
    run.started_at,
    run.started_at as finished_at,
    'complete' as outcome,
    getvariable('rollcall_version') as rollcall_version,
    version() as duckdb_version,
from (select getvariable('started_at') as started_at,) as run;

insert into raw.operations by name
select
    run.started_at,
    getvariable('operation') as operation,
    getvariable('connection') as connection,
from (select getvariable('started_at') as started_at,) as run;
