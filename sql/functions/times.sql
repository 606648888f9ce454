-- DuckDB evaluates the argument of a macro at each use of the parameter, but the parameter of a lambda only once. That
-- is why some macros below use a list of one element.

-- A timestamp in the years 1 to 9999, which every reader can represent. Null for any other.
create or replace macro staging.representable(value) as list_transform(
    [value],
    lambda candidate: case
        when candidate between timestamptz '0001-01-01 00:00:00Z' and timestamptz '9999-12-31 23:59:59.999999Z'
            then candidate
    end
)[1];

-- The UTC day of a timestamp.
create or replace macro staging.utc_day(value) as cast(value at time zone 'UTC' as date);

-- Null for .NET's DateTime.MinValue, which .NET services send for a time that is not set. Any other value is
-- unchanged.
create or replace macro staging.unset_to_null(value) as case
    when
        not regexp_full_match(
            value,
            '0001-01-01([Tt ]00:00(:00(\.0+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?|/Date\(-62135596800000([+-]\d{4})?\)/'
        )
        then value
end;

-- The timestamp in a string that has an offset or a Z, or is ServiceStack's /Date(milliseconds)/. Null for any other
-- string and for a time that does not exist. Digits below a microsecond are cut off.
create or replace macro staging.parse_timestamp(value) as staging.representable(case
    when
        regexp_full_match(
            value, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-](0\d|1[0-8])(:?[0-5]\d)?)'
        )
        then try_cast(upper(value) as timestamptz)
    when regexp_full_match(value, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d([Zz]|[+-](0\d|1[0-8])(:?[0-5]\d)?)')
        then try_cast(upper(left(value, 16) || ':00' || substring(value, 17)) as timestamptz)
    -- Its offset is only that of the server's clock: the milliseconds are in UTC.
    when regexp_full_match(value, '/Date\(-?\d{1,15}([+-]\d{4})?\)/')
        then epoch_ms(cast(regexp_extract(value, '-?\d+') as bigint)) at time zone 'UTC'
end);

-- The timestamp of a local time, by the offset that its zone has that many days later.
create or replace macro staging.timestamp_by_offset(local_time, zone, days) as (
    local_time - (
        (((local_time + to_days(days)) at time zone 'UTC') at time zone zone) - (local_time + to_days(days))
    )
) at time zone 'UTC';

-- The timestamp at which clocks in an IANA zone show a local time. Null if they skip it or show it twice. On the day
-- that clocks change, the offset of the day before or of the day after applies.
create or replace macro staging.timestamp_in_zone(local_time, zone) as list_transform(
    [
        struct_pack(
            by_day_before := staging.timestamp_by_offset(local_time, zone, -1),
            by_day_after := staging.timestamp_by_offset(local_time, zone, 1)
        ),
    ],
    lambda candidate: case
        when candidate.by_day_before = candidate.by_day_after then candidate.by_day_before
        when (candidate.by_day_before at time zone zone) <> local_time
            then case when (candidate.by_day_after at time zone zone) = local_time then candidate.by_day_after end
        when (candidate.by_day_after at time zone zone) <> local_time then candidate.by_day_before
    end
)[1];

-- Whether a string is a time without an offset.
create or replace macro staging.is_local_time(value) as
regexp_full_match(value, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?');

-- The timestamp in a string. If it has no offset, it is a local time in `zone`.
create or replace macro staging.parse_local_timestamp(value, zone) as case
    when staging.is_local_time(value)
        then staging.representable(case
            when zone = 'UTC' then try_cast(upper(value) as timestamp) at time zone 'UTC'
            else staging.timestamp_in_zone(try_cast(upper(value) as timestamp), zone)
        end)
    else staging.parse_timestamp(value)
end;
