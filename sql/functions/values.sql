-- JSON's own two truth values; null for anything else, which is no boolean.
create or replace macro staging.truth(said) as case said when 'true' then true when 'false' then false end;

-- A text that names something; null for the empty one.
create or replace macro staging.named(said) as nullif(said, '');

-- What could not be read as its column's type stays under its own name among the attributes.
create or replace macro staging.with_unread(attributes, name, said, column_value) as case
    when said is not null and column_value is null
        then json_merge_patch(attributes, json_object(name, said))
    else attributes
end;
