-- Gives a connection another name in a table of facts.
update {{ table }}
set connection = getvariable('new_name')
where connection = getvariable('connection');
