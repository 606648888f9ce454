-- A JSON boolean. Null for any other value.
create or replace macro staging.parse_boolean(value) as case value when 'true' then true when 'false' then false end;

-- A number with at most 15 digits before the point, which a double holds exactly. Null for any other value.
create or replace macro staging.parse_double(value) as case
    when regexp_full_match(value, '-?\d{1,15}(\.\d+)?([eE][+-]?\d{1,2})?') then try_cast(value as double)
end;

-- An integer of 64 bits. Null for any other value.
create or replace macro staging.parse_bigint(value) as case
    when regexp_full_match(value, '-?\d{1,19}(\.0+)?') then try_cast(value as bigint)
end;

-- An id or a name. Null for an empty string.
create or replace macro staging.blank_to_null(value) as nullif(value, '');

-- The key by which a status is looked up: it ignores case, outer spaces and Unicode composition. An empty string for
-- null.
create or replace macro staging.status_key(value) as lower(trim(nfc_normalize(coalesce(value, ''))));

-- The key of a client over all providers: it ignores case, white space and Unicode composition. Null if there is no
-- client.
create or replace macro staging.client_key(client_name) as nullif(
    trim(regexp_replace(nfc_normalize(lower(nfc_normalize(client_name))), '[\s\p{Z}]+', ' ', 'g')), ''
);

-- A list without nulls.
create or replace macro staging.without_nulls(entries) as list_filter(entries, lambda entry: entry is not null);

-- A field whose value does not fit the type of its column, as {field, value}. Null if it fits or is null.
create or replace macro staging.unparsed(field, value, parsed) as case
    when value is not null and parsed is null then struct_pack(field := field, value := value)
end;

-- One member of a JSON object, from the JSON of its value. Null if that is null.
create or replace macro staging.member(field, content) as '"' || field || '":' || content;

-- A JSON object with sorted keys, because their order has no meaning. Any other JSON is unchanged.
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

-- The attributes of a project: the members that are not null, and each value that does not fit its column under its
-- own name.
create or replace macro staging.attributes(members, unparsed_values) as cast(
    '{' || array_to_string(
        staging.without_nulls(members)
        || list_transform(unparsed_values, lambda entry: staging.member(entry.field, to_json(entry.value))),
        ','
    ) || '}' as json
);

-- Whether a change of an attribute begins no version. Whether a Rillsoft project is writable, and who has locked it,
-- depend on the caller and the moment.
create or replace macro staging.is_volatile(field) as
field in ('isReadOnly', 'lockAt', 'lockUserId', 'lockUserName');

-- The attributes without volatile ones. Versions are compared by these, and changes quote them.
create or replace macro staging.tracked(attributes) as '{' || array_to_string(
    list_transform(
        list_filter(json_keys(attributes), lambda field: not staging.is_volatile(field)),
        lambda field: staging.member(
            field, cast(json_extract(attributes, '/' || replace(replace(field, '~', '~0'), '/', '~1')) as text)
        )
    ),
    ','
) || '}';

-- The name of a column if its value differs from the previous one. Unicode composition is ignored.
create or replace macro staging.if_changed(column_name, current, previous) as case
    when current is distinct from previous
        then case
            when
                nfc_normalize(cast(current as text)) is distinct from nfc_normalize(cast(previous as text))
                then column_name
        end
end;
