"""`rollcall why`: the listing and the payloads behind each version of a project or file."""

from dataclasses import dataclass

from pipelines.commands.history import Subject, find
from pipelines.common.sql import literal
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Reasons:
    """A row for each event of each record of a subject, oldest first.

    `event` is created, changed, returned, removed or refreshed (another text of the same content; the one
    before is not kept). `outcome`, `pages`, `records`, `window_start` and `message` are those of the listing
    that showed it, `changed_fields` the members that differ, `before` and `after` the payloads.
    """

    subject: Subject
    events: Rows


def why(warehouse: Warehouse, key: str) -> Reasons:
    """The events of the project or file with this key or id. Raises UsageError if there is none."""
    subject = find(warehouse, key)
    return Reasons(subject, rows_of(warehouse, _events(subject)))


def _events(subject: Subject) -> str:
    key = literal(subject.key)
    entity = literal(f"{subject.kind}s")
    return f"""
        with versions as (
            select
                *,
                lag(payload) over life as previous,
                lag(valid_to) over life as previous_end
            from raw.records
            where
                (entity = {entity} and concat_ws(':', connection, scope, record_id) = {key})
                -- A customer of EvoVoice is what its files say.
                or ({entity} = 'projects' and entity = 'files' and connection || ':' || record_id in (
                    select file_key from files_history where project_key = {key}
                ))
            window life as (partition by connection, scope, entity, record_id order by valid_from)
        ),

        events as (
            select
                * exclude (payload, previous),
                valid_from as run,
                case
                    when previous_end is null then 'created' when previous_end = valid_from then 'changed'
                    else 'returned'
                end as event,
                previous as before,
                payload as after
            from versions
            union all by name
            select * exclude (payload, previous), valid_to as run, end_reason as event, payload as before
            from versions
            where end_reason in ('removed', 'retired')
            union all by name
            select * exclude (payload, previous), refreshed_at as run, 'refreshed' as event, payload as after
            from versions
            where refreshed_at is not null
        )

        select
            events.run, events.event, events.connection, events.scope, events.entity, events.record_id,
            listing.outcome, listing.pages, listing.records, listing.window_start, listing.message,
            case when events.event in ('changed', 'returned') then list_sort(list_filter(
                list_distinct(json_keys(events.before) || json_keys(events.after)),
                lambda field: (events.before -> ('/' || replace(replace(field, '~', '~0'), '/', '~1')))
                    is distinct from (events.after -> ('/' || replace(replace(field, '~', '~0'), '/', '~1')))
            )) end as changed_fields,
            events.before, events.after
        from events
        left join raw.listings as listing
            on
                events.run = listing.started_at
                and events.connection = listing.connection
                and events.scope is not distinct from listing.scope
                and events.entity = listing.entity
        order by events.run, events.connection, events.scope, events.entity, events.record_id, events.event
    """
