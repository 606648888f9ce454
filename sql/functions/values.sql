-- JSON's two truth values; null for whatever else was sent.
create or replace macro staging.parse_boolean(said) as case said when 'true' then true when 'false' then false end;

-- A number that a double holds to its last whole digit; null for whatever else was sent.
create or replace macro staging.parse_double(said) as case
    when regexp_full_match(said, '-?\d{1,15}(\.\d+)?([eE][+-]?\d{1,2})?') then try_cast(said as double)
end;

-- A whole number of 64 bits; null for whatever else was sent.
create or replace macro staging.parse_bigint(said) as case
    when regexp_full_match(said, '-?\d{1,19}(\.0+)?') then try_cast(said as bigint)
end;

-- An id or a name; null for the empty text too, which names nothing.
create or replace macro staging.blank_to_null(said) as nullif(said, '');

-- How a status is looked up: case, outer spaces and Unicode composition are no matter, none is the empty text.
create or replace macro staging.status_key(said) as lower(trim(nfc_normalize(coalesce(said, ''))));

-- How a client is looked up over all providers: case, white space and Unicode composition are no matter. Null where
-- nobody is named.
create or replace macro staging.client_key(client_name) as nullif(
    trim(regexp_replace(nfc_normalize(lower(nfc_normalize(client_name))), '[\s\p{Z}]+', ' ', 'g')), ''
);

-- A list without its nulls.
create or replace macro staging.without_nulls(entries) as list_filter(entries, lambda entry: entry is not null);

-- A field whose value its column cannot hold, as {field, said}; null where it holds it, or none was sent.
create or replace macro staging.unparsed(field, said, held) as case
    when said is not null and held is null then struct_pack(field := field, said := said)
end;

-- One member of a JSON object, from its value's JSON; null where that is.
create or replace macro staging.member(field, content) as '"' || field || '":' || content;

-- An object with its keys in order, for their order says nothing; any other JSON as it is.
create or replace macro staging.sorted_object(content) as case
    when json_keys(content) <> list_sort(list_distinct(json_keys(content)))
        then
            '{' || array_to_string(
                list_transform(
                    list_sort(list_distinct(json_keys(content))),
                    lambda field: to_json(field) || ':'
                    || json_extract(content, '/' || replace(replace(field, '~', '~0'), '/', '~1'))
                ),
                ','
            ) || '}'
    else cast(content as text)
end;

-- The attributes of a project: members, nulls left out, and under its own name each value that no column holds.
create or replace macro staging.attributes(members, unread) as cast(
    '{' || array_to_string(
        staging.without_nulls(members)
        || list_transform(unread, lambda entry: staging.member(entry.field, to_json(entry.said))),
        ','
    ) || '}' as json
);

-- Whether a field among the attributes makes no version, as it depends on the caller and the moment: who may write to
-- a Rillsoft project, and who has locked it.
create or replace macro staging.is_volatile(field) as
field in ('isReadOnly', 'lockAt', 'lockUserId', 'lockUserName');

-- The attributes without volatile ones: what is compared from version to version, and quoted as a change.
create or replace macro staging.tracked(attributes) as '{' || array_to_string(
    list_transform(
        list_filter(json_keys(attributes), lambda field: not staging.is_volatile(field)),
        lambda field: staging.member(
            field, cast(json_extract(attributes, '/' || replace(replace(field, '~', '~0'), '/', '~1')) as text)
        )
    ),
    ','
) || '}';

-- The column's name where its value is another than before; Unicode composition alone is no difference.
create or replace macro staging.if_changed(column_name, held, previous) as case
    when held is distinct from previous
        then case
            when
                nfc_normalize(cast(held as text)) is distinct from nfc_normalize(cast(previous as text))
                then column_name
        end
end;
