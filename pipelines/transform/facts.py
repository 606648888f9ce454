"""The SQL that creates the tables of facts, with what the staging models declare about payloads.

A model `stg_<provider>__<entity>` declares two lists of members in its header, because SQL reads them where
there is no model: `project id`, where records are erased, and `local times`, in a check.
"""

import functools

from pipelines.common.sql import SQL_ROOT, literal, read_sql
from pipelines.transform.model import Model, read_models


@functools.cache
def facts_sql() -> str:
    """Statements that create the schema `raw`: its tables unless they exist, and its macros again."""
    staging = read_models("staging", SQL_ROOT.parent).values()
    return read_sql(
        "raw",
        members_with_project_id=_members({model: model.project_id for model in staging}),
        members_with_local_time=_members({model: model.local_times for model in staging}),
    )


def _members(declared: dict[Model, tuple[str, ...]]) -> str:
    """SQL for the list of members of a record, by its `provider` and `entity`."""
    cases = []
    for model, members in declared.items():
        if members:
            provider, _, entity = model.name.removeprefix("stg_").partition("__")
            listed = ", ".join(map(literal, members))
            cases.append(
                f"when provider = {literal(provider)} and entity = {literal(entity)} then [{listed}]"
            )
    return " ".join(["case", *cases, "else cast([] as text[]) end"]) if cases else "cast([] as text[])"
