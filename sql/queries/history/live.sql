-- The fields of a record as the warehouse knows them and as its provider has them now.
select
    unnest(cast($names as text[])) as field,
    unnest(cast($in_warehouse as text[])) as in_warehouse,
    unnest(cast($at_provider as text[])) as at_provider,
