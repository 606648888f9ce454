"""The build: which models it finds, in which order it builds them, and that it depends only on the facts."""

import shutil
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql
from pipelines.transform.graph import read_relations
from tests.transform.raw import Raw, Row, run

PROJECT = """
    project_key varchar, connection varchar, provider varchar, project_id varchar, kind varchar, name varchar,
    description varchar, code varchar, status varchar, is_open boolean, provider_status varchar,
    phase varchar, category varchar, priority double, client_key varchar,
    client_id varchar, client_name varchar,
    owner_id varchar, owner_name varchar, parent_key varchar, path varchar, domain varchar,
    logo_url varchar, city varchar, region varchar, country varchar, time_zone varchar, is_archived boolean,
    is_template boolean, is_default boolean, created_at timestamptz, updated_at timestamptz,
    starts_at timestamptz, finishes_at timestamptz, archived_at timestamptz, created_by varchar,
    source_version varchar, attributes json
"""
FILE = """
    file_key varchar, connection varchar, provider varchar, file_id varchar, project_key varchar,
    type varchar, account_id varchar, account_name varchar, customer_id varchar, customer_name varchar,
    customer_breadcrumb json, user_id varchar, user_name varchar, file_name varchar, uri varchar,
    content_type varchar, content_length bigint, recording_sid varchar, recording_duration bigint,
    recording_from varchar, transcription varchar, ai_transcription varchar, from_address varchar,
    to_address varchar, created_at timestamptz, updated_at timestamptz, created_by varchar, updated_by varchar
"""
NOW = ", first_seen_at timestamptz, changed_at timestamptz, last_seen_at timestamptz, version integer"
PROJECT_NOW = NOW.replace(", version", ", last_activity_at timestamptz, is_held_back boolean, version")
EVER = """,
    version integer, valid_from timestamptz, valid_to timestamptz, is_current boolean, change varchar,
    end_reason varchar, changed_columns varchar[]
"""
COLUMNS = {
    "projects": PROJECT.replace("is_open boolean", "is_open boolean, status_since timestamptz") + PROJECT_NOW,
    "projects_history": PROJECT + EVER,
    "files": FILE + NOW,
    "files_history": FILE + EVER,
    "project_changes": """
        project_key varchar, provider varchar, connection varchar, name varchar, changed_at timestamptz,
        change varchar, column_name varchar, old_value varchar, new_value varchar, is_minor boolean,
        is_first_listing boolean
    """,
    "project_status_periods": """
        project_key varchar, status varchar, started_at timestamptz, ended_at timestamptz,
        is_current boolean, is_first_listing boolean
    """,
    "project_days": "day date, connection varchar, provider varchar, status varchar, projects bigint",
    "connection_days": """
        day date, connection varchar, provider varchar, projects bigint, created bigint, first_listed bigint,
        changed bigint, removed bigint, returned bigint, is_fresh boolean
    """,
    "runs": """
        started_at timestamptz, finished_at timestamptz, outcome varchar, rollcall_version varchar,
        duckdb_version varchar, operation varchar, history_begins_at timestamptz
    """,
    "listings": """
        started_at timestamptz, connection varchar, provider varchar, scope varchar, entity varchar,
        outcome varchar, error_kind varchar, is_full boolean, window_start timestamptz,
        pages bigint, requests bigint, retries bigint, records bigint, new bigint, changed bigint,
        removed bigint, unchanged bigint, repeated bigint, quarantined bigint, held_back bigint,
        seconds double, message varchar
    """,
    "connections": """
        connection varchar, provider varchar, is_configured boolean, last_attempt_at timestamptz,
        last_verified_at timestamptz, last_full_at timestamptz, records bigint, outcome varchar,
        message varchar, retired_at timestamptz, is_fresh boolean
    """,
    "quarantine": """
        started_at timestamptz, connection varchar, provider varchar, scope varchar, entity varchar,
        position bigint, record_id varchar, reason varchar, payload varchar
    """,
    "client_mapping": "connection varchar, client varchar, name varchar",
    "clients": """
        client_key varchar, name varchar, spellings varchar[], providers varchar[], projects bigint,
        open_projects bigint, first_seen_at timestamptz, last_seen_at timestamptz
    """,
    "labels": "provider varchar, column_name varchar, value varchar, label varchar",
    "status_mapping": "provider varchar, provider_status varchar, status varchar",
}


def fill(raw: Raw) -> None:
    """Rows for every table."""
    (raw.home / "client_mapping.csv").write_text("connection,client,name\nevovoice,Mole,Mole & Sons\n")
    raw.record("matter", "1", {"name": "Old", "projectStatus": "?"}, 1, 2)
    raw.record("matter", "1", {"name": "New"}, 2)
    raw.record("belltastic", "2", {"name": "Bell", "default": "?"}, 1, 2, "removed")
    raw.record("rillsoft", "3", {"start": "2026-03-29T02:30:00", "uuid": "u"}, scope="7")
    raw.record("fone_dynamics", "4", {"TimeZone": "UTC", "Active": True})
    raw.record("evovoice", "f", {"id": "f", "customerId": "c", "customerName": "Quay"}, 1, 3)
    raw.record("evovoice", "f", {"id": "f", "customerId": "c", "customerName": "Mole"}, 3)
    raw.connect("matter", "matter")
    raw.connect("rillsoft", "rillsoft", "Europe/Berlin")
    raw.connect("never", "belltastic")
    for number, outcome, scope, message in (
        (1, "verified", None, None),
        (2, "verified", "7", None),
        (2, "unverified", "8", "a page came twice"),
        (2, "failed", "9", "403"),
    ):
        raw.db.execute(
            """
            insert into raw.listings values
                ($1, $2, $2, $3, 'projects', $4, null, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0.5, $5, null)
            """,
            [run(number), "rillsoft" if scope else "matter", scope, outcome, message],
        )
    raw.db.execute(
        """
        insert into raw.quarantine values
            ($1, 'matter', 'matter', null, 'projects', 1, '9', 'odd', '{'),
            ($1, 'matter', 'matter', null, 'projects', 2, null, 'odd', '{}'),
            ($1, 'matter', 'matter', null, 'projects', 3, null, 'odd', '{}')
        """,
        [run(1)],
    )


@pytest.fixture(scope="module")
def filled(shared_raw: Raw) -> Raw:
    """A warehouse with rows in every table. Tests must not change it."""
    fill(shared_raw)
    shared_raw.build()
    return shared_raw


def content(raw: Raw) -> dict[str, list[Row]]:
    """Every published row, sorted, because tables have no order."""
    return {table: raw.rows(f"from {table} order by all") for table in sorted(COLUMNS)}


def test_every_table_can_be_built_without_records(raw: Raw) -> None:
    raw.build()
    tables = {
        row["table_name"]
        for row in raw.rows(
            "select distinct table_name from duckdb_columns() where schema_name = 'main' and not internal"
        )
    }
    assert tables == COLUMNS.keys()
    assert {table for table, rows in content(raw).items() if rows} == {"labels", "runs", "status_mapping"}
    assert models.check(raw.db, raw.home) == ()


def test_tables_have_the_columns_of_the_contract(filled: Raw) -> None:
    found = filled.rows(
        """
        select
            table_name,
            list(
                column_name || ' ' || replace(lower(data_type), 'timestamp with time zone', 'timestamptz')
                order by column_index
            ) as columns
        from duckdb_columns() where schema_name = 'main' and not internal
        group by table_name
        """
    )
    assert {row["table_name"]: row["columns"] for row in found} == {
        table: [" ".join(column.split()) for column in columns.split(",")]
        for table, columns in COLUMNS.items()
    }


def test_every_table_column_and_macro_is_described(filled: Raw) -> None:
    undescribed = filled.rows(
        """
        select table_name, column_name from duckdb_columns()
        where schema_name = 'main' and coalesce(comment, '') = '' and not internal
        union all
        select table_name, null from duckdb_tables() where schema_name = 'main' and coalesce(comment, '') = ''
        union all
        select view_name, null from duckdb_views()
        where schema_name = 'main' and not internal and coalesce(comment, '') = ''
        union all
        select function_name, null from duckdb_functions()
        where schema_name = 'main' and not internal and coalesce(comment, '') = ''
        """
    )
    assert undescribed == []
    same = """
        select comment from duckdb_columns()
        where schema_name = 'main' and table_name in ('projects', 'projects_history') and column_name = 'code'
    """
    assert [row["comment"] for row in filled.rows(same)] == [
        "the customer's own short code; may not be unique"
    ] * 2


def test_a_second_build_gives_the_same_tables(filled: Raw) -> None:
    first = content(filled)
    filled.build()
    assert content(filled) == first
    assert all(first.values())


def test_the_order_of_the_facts_makes_no_difference(filled: Raw, raw: Raw) -> None:
    fill(raw)
    for table in ("records", "listings", "connections", "quarantine"):
        raw.db.execute(
            f"create temp table shuffled as from raw.{table} order by hash(connection) desc; "
            f"delete from raw.{table}; insert into raw.{table} from shuffled; drop table shuffled"
        )
    raw.build()
    assert content(raw) == content(filled)


def test_every_stated_grain_is_unique(filled: Raw) -> None:
    relations = [relation for relation in read_relations(filled.home) if relation.model]
    assert all(relation.model and relation.model.grain for relation in relations)
    for relation in relations:
        assert relation.model
        key = ", ".join(relation.model.grain)
        repeated = filled.db.execute(
            f"select {key} from {relation.name} group by all having count(*) > 1"
        ).fetchall()
        assert repeated == [], (relation.name, key)


def test_connections_show_how_fresh_they_are(filled: Raw) -> None:
    found = filled.rows("from connections where connection in ('matter', 'never', 'rillsoft')")
    assert [tuple(row.values()) for row in found] == [
        ("matter", "matter", True, run(1), run(1), run(1), 1, "verified", None, None, False),
        ("never", "belltastic", True, None, None, None, 0, None, None, None, False),
        (
            "rillsoft",
            "rillsoft",
            True,
            run(2),
            None,
            None,
            1,
            "failed",
            "8: a page came twice; 9: 403",
            None,
            False,
        ),
    ]


def test_a_published_file_can_be_renamed(tmp_path: Path) -> None:
    written, renamed = tmp_path / "draft.duckdb", tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(written)) as db:
        db.execute(facts_sql())
        models.build(db, tmp_path)
    shutil.move(written, renamed)
    with duckdb.connect(str(renamed), read_only=True) as db:
        assert db.execute("select count(*) from staging.projects").fetchall() == [(0,)]
        assert db.execute("from projects_as_of(now())").fetchall() == []


def test_a_model_comes_after_what_it_reads() -> None:
    relations = read_relations(Path("no home"))
    order = [relation.name for relation in relations]
    read = [
        "staging.stg_evovoice__files",
        "staging.int_evovoice__projects",
        "staging.projects",
        "projects_history",
        "projects",
    ]
    assert all(order.index(first) < order.index(then) for first, then in pairwise(read))


def home_model(raw: Raw, name: str, text: str) -> None:
    """A staging model of the user's."""
    (raw.home / "sql" / "staging").mkdir(parents=True, exist_ok=True)
    (raw.home / "sql" / "staging" / f"{name}.sql").write_text(text)


def test_a_sixth_provider_is_one_more_staging_model(raw: Raw) -> None:
    home_model(
        raw,
        "stg_toy__projects",
        """
        select
            record_key as project_key, connection, provider, record_id as project_id,
            'project' as kind, payload ->> 'title' as name, valid_from, valid_to, end_reason,
        from staging.records
        where provider = 'toy'
        """,
    )
    raw.record("toy", "1", {"title": "Blocks"})
    raw.build()
    assert raw.rows("select project_key, name, status, attributes from projects") == [
        {"project_key": "toy:1", "name": "Blocks", "status": "unknown", "attributes": None}
    ]
    (raw.home / "sql" / "staging" / "stg_toy__projects.sql").unlink()
    raw.build()
    assert raw.rows("from projects") == []


def test_an_unchanged_model_is_parsed_once(tmp_path: Path) -> None:
    first, again = ([relation for relation in read_relations(tmp_path) if relation.model] for _ in range(2))
    assert list(map(id, first)) == list(map(id, again))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("select project_key\nfrom", r"is not SQL \(line 2, column 4, at from\)"),
        ("select 'project_key", r"is not SQL \(Error tokenizing 'select 'project_k"),
        ("drop table projects", "is not one query"),
        ("select 1 as project_key; drop table raw.records", "is not one query"),
        ("select nothing from raw.records", "does not run"),
        ("-- severity: dire\nselect 1 as project_key", "has the severity 'dire'"),
        ("select * from projects", "read each other"),
    ],
)
def test_a_wrong_model_of_the_user_is_named(raw: Raw, text: str, reason: str) -> None:
    home_model(raw, "stg_toy__projects", text)
    with pytest.raises(ConfigurationError, match=reason) as refused:
        raw.build()
    assert "stg_toy__projects" in refused.value.reason


def test_a_build_that_failed_leaves_nothing_behind(raw: Raw) -> None:
    home_model(raw, "stg_toy__projects", "select nothing from raw.records")
    with pytest.raises(ConfigurationError):
        raw.build()
    (raw.home / "sql" / "staging" / "stg_toy__projects.sql").unlink()
    raw.build()


def test_a_staging_model_needs_a_name_that_sql_can_have(raw: Raw) -> None:
    home_model(raw, "stg_toy-2__projects", "select 1 as project_key")
    with pytest.raises(ConfigurationError, match="cannot name a table"):
        raw.build()


def test_a_staging_model_with_another_name_is_in_no_union(raw: Raw) -> None:
    home_model(raw, "odds", "select 1 as one")
    raw.build()
    assert raw.rows("from staging.odds") == [{"one": 1}]
    (union,) = (one for one in read_relations(raw.home) if one.name == "staging.projects")
    assert "staging.odds" not in union.reads


def test_an_error_in_a_built_in_check_is_not_the_users(raw: Raw) -> None:
    with pytest.raises(duckdb.CatalogException):
        models.check(raw.db, raw.home)


def test_reports_of_a_run_that_changes_nothing_are_the_same(raw: Raw) -> None:
    fill(raw)
    raw.build()
    reports = models.read_models("reports", raw.home)
    before = {name: raw.rows(report.sql) for name, report in reports.items()}
    raw.db.execute("update raw.records set last_seen_at = last_seen_at + interval 1 day")
    raw.build()
    assert {name: raw.rows(report.sql) for name, report in reports.items()} == before
    assert all(before.values())
    assert all(report.description for report in reports.values())


def test_reports_leave_out_only_what_every_run_changes(filled: Raw) -> None:
    left_out = {
        name: [row["column_name"] for row in filled.rows(f"describe {name}")]
        for name in models.read_models("reports", filled.home)
    }
    for name, columns in left_out.items():
        found = [row["column_name"] for row in filled.rows(f"describe {filled.sql('reports', name)}")]
        assert found[-2:] == ["is_fresh", "connection_outcome"]
        for column in found[:-2]:
            columns.remove(column)
    assert left_out == {
        "files": ["uri", "last_seen_at"],
        "project_changes": [],
        "projects": ["last_seen_at"],
        "projects_history": [],
    }


def test_every_table_has_an_example_that_runs(raw: Raw) -> None:
    fill(raw)
    raw.build()
    for name, mart in models.read_models("marts", raw.home).items():
        assert mart.example
        assert name in mart.example
        raw.rows(mart.example)
