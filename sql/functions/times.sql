-- The instant a text names, or null: it needs an offset or a Z, or is ServiceStack's /Date(milliseconds)/.
create or replace macro staging.instant(said) as case
    when regexp_matches(said, '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$')
        then try_cast(said as timestamptz)
    when regexp_matches(said, '^/Date\(-?\d{1,15}([+-]\d{4})?\)/$')
        then to_timestamp(cast(regexp_extract(said, '-?\d+') as bigint) / 1000.0)
end;

-- Every instant at which clocks of an IANA zone show a local time: none where they skipped it, two where they
-- showed it twice.
create or replace macro staging.instants_in_zone(local_time, zone) as list_filter(
    list_transform(
        [-120, -60, -30, 0, 30, 60, 120],
        lambda shift: (local_time at time zone zone) + to_minutes(shift)
    ),
    lambda guess: (guess at time zone zone) = local_time
);

-- The instant of a local time in an IANA zone, where there is just one.
create or replace macro staging.instant_in_zone(local_time, zone) as case
    when len(staging.instants_in_zone(local_time, zone)) = 1 then staging.instants_in_zone(local_time, zone)[1]
end;

-- The instant a text names, read as local time of `zone` where it carries no offset.
create or replace macro staging.local_instant(said, zone) as coalesce(
    staging.instant(said),
    case
        when regexp_matches(said, '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?$')
            then staging.instant_in_zone(try_cast(said as timestamp), zone)
    end
);
