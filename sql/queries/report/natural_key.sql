-- A name as people sort it: without case and accents, and with its numbers by size ("Acme 8" before "Acme 28").
create or replace temp macro natural_key(name) as regexp_replace(
    regexp_replace(lower(strip_accents(name)), '(\d+)', repeat('0', 20) || '\1', 'g'), '\d*(\d{20})', '\1', 'g'
)
