"""The SQL for each kind of destination. Only PostgreSQL and DuckDB are run by other tests."""

import pytest

from pipelines.destinations.kinds import (
    KINDS,
    Names,
    comment_statements,
    merge_statements,
    primary_key_statement,
)

NAMES = Names(lambda table: f'"d"."{table}"', lambda column: f'"{column}"')
COLUMNS = {"project_key": False, "attributes": True, "_rollcall_key": False}
DELETE = (
    'delete from "d"."projects" where "_rollcall_key" in '
    '(select "_rollcall_key" from "d"."_rollcall_incoming_projects")'
)
JSON = {
    "postgres": 'cast("attributes" as jsonb)',
    "duckdb": 'cast("attributes" as json)',
    "motherduck": 'cast("attributes" as json)',
    "snowflake": 'parse_json("attributes")',
    "bigquery": "parse_json(\"attributes\", wide_number_mode => 'round')",
    "redshift": 'json_parse("attributes")',
    "databricks": '"attributes"',
    "clickhouse": '"attributes"',
}
COMMENTS = {
    "bigquery": [
        'alter table "d"."projects" set options (description = \'Every project\')',
        'alter table "d"."projects" alter column "name" set options (description = \'its name\')',
    ],
    "clickhouse": [
        'alter table "d"."projects" modify comment \'Every project\'',
        'alter table "d"."projects" comment column "name" \'its name\'',
    ],
}
STANDARD = [
    'comment on table "d"."projects" is \'Every project\'',
    'comment on column "d"."projects"."name" is \'its name\'',
]


def test_every_database_is_listed() -> None:
    assert list(JSON) == [kind.name for kind in KINDS.values() if not kind.is_lake]


@pytest.mark.parametrize("name", JSON)
def test_a_merge_deletes_and_inserts_what_was_staged(name: str) -> None:
    insert = (
        'insert into "d"."projects" ("project_key", "attributes", "_rollcall_key") '
        f'select "project_key", {JSON[name]}, "_rollcall_key" from "d"."_rollcall_incoming_projects" '
        'where not "_rollcall_deleted"'
    )
    assert list(merge_statements(KINDS[name], NAMES, "projects", COLUMNS)) == [DELETE, insert]


@pytest.mark.parametrize("name", JSON)
def test_columns_with_a_description_get_a_comment(name: str) -> None:
    described = {"name": "its name", "code": ""}
    made = list(comment_statements(KINDS[name], NAMES, "projects", "Every project", described))
    assert made == COMMENTS.get(name, STANDARD)


def test_a_primary_key_names_its_columns() -> None:
    made = primary_key_statement(NAMES, "projects_history", ("project_key", "version"))
    assert made == 'alter table "d"."projects_history" add primary key ("project_key", "version")'
