-- What a macro is given is computed wherever its name stands, and not shared between the branches of a case. A
-- lambda's parameter is computed once: hence the lists of one below.

-- An instant of the years 1 to 9999, which every reader can represent; null for any other.
create or replace macro staging.representable(instant) as list_transform(
    [instant],
    lambda given: case
        when given between timestamptz '0001-01-01 00:00:00Z' and timestamptz '9999-12-31 23:59:59.999999Z' then given
    end
)[1];

-- The day in UTC that an instant is of.
create or replace macro staging.utc_day(instant) as cast(instant at time zone 'UTC' as date);

-- A time, or null where it is .NET's DateTime.MinValue: that is how .NET services write a time that is not set.
create or replace macro staging.unset_to_null(said) as case
    when
        not regexp_full_match(
            said,
            '0001-01-01([Tt ]00:00(:00(\.0+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?|/Date\(-62135596800000([+-]\d{4})?\)/'
        )
        then said
end;

-- The instant that a text names: it carries an offset or a Z, or is ServiceStack's /Date(milliseconds)/.
-- Null for any other text and for a time that does not exist. Digits finer than a microsecond are cut off.
create or replace macro staging.parse_timestamp(said) as staging.representable(case
    when
        regexp_full_match(
            said, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-](0\d|1[0-8])(:?[0-5]\d)?)'
        )
        then try_cast(upper(said) as timestamptz)
    when regexp_full_match(said, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d([Zz]|[+-](0\d|1[0-8])(:?[0-5]\d)?)')
        then try_cast(upper(left(said, 16) || ':00' || substring(said, 17)) as timestamptz)
    -- The offset in it only says how the server's own clock stood: the milliseconds are UTC's.
    when regexp_full_match(said, '/Date\(-?\d{1,15}([+-]\d{4})?\)/')
        then epoch_ms(cast(regexp_extract(said, '-?\d+') as bigint)) at time zone 'UTC'
end);

-- The instant of a local time, if its zone has the offset that it has some days from it.
create or replace macro staging.instant_by_offset(local_time, zone, days) as (
    local_time - (
        (((local_time + to_days(days)) at time zone 'UTC') at time zone zone) - (local_time + to_days(days))
    )
) at time zone 'UTC';

-- The one instant at which clocks of an IANA zone show a local time; null where they skip it or show it twice.
-- Where clocks change, the offset of the day before or that of the day after is the right one.
create or replace macro staging.instant_in_zone(local_time, zone) as list_transform(
    [
        struct_pack(
            early := staging.instant_by_offset(local_time, zone, -1),
            late := staging.instant_by_offset(local_time, zone, 1)
        ),
    ],
    lambda read: case
        when read.early = read.late then read.early
        when (read.early at time zone zone) <> local_time
            then case when (read.late at time zone zone) = local_time then read.late end
        when (read.late at time zone zone) <> local_time then read.early
    end
)[1];

-- Whether a text is a time without an offset.
create or replace macro staging.is_local_time(said) as
regexp_full_match(said, '\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?');

-- The instant that a text names, read as local time of `zone` where it carries no offset.
create or replace macro staging.parse_local_timestamp(said, zone) as case
    when staging.is_local_time(said)
        then staging.representable(case
            when zone = 'UTC' then try_cast(upper(said) as timestamp) at time zone 'UTC'
            else staging.instant_in_zone(try_cast(upper(said) as timestamp), zone)
        end)
    else staging.parse_timestamp(said)
end;
