"""The mapping tables: the IANA name of each Windows time zone, and the meaning of each status."""

from pathlib import Path

import pytest
from tzlocal.windows_tz import win_tz

from pipelines.common.errors import ConfigurationError
from tests.transform.raw import Raw


def test_each_windows_time_zone_has_a_name_that_duckdb_knows(raw: Raw) -> None:
    for name in win_tz:
        raw.record("fone_dynamics", name, {"TimeZone": name})
    raw.build()
    found = raw.rows(
        """
        select project_id, time_zone, time_zone in (select name from pg_timezone_names()) as is_known
        from projects
        """
    )
    assert {row["project_id"]: row["time_zone"] for row in found} == win_tz
    assert len(found) > 130
    assert all(row["is_known"] for row in found)


HEAD = "provider,provider_status,status\n"


def statuses(raw: Raw) -> dict[str, str]:
    """The status of each project by its id."""
    return {row["project_id"]: row["status"] for row in raw.rows("select project_id, status from projects")}


def test_a_user_adds_to_the_mapping_and_overrides_it(raw: Raw) -> None:
    for number, status in enumerate(("Ruht", "in progress", "Geplant", "IN ARBEIT")):
        raw.record("rillsoft", str(number), {"status": status}, scope="1")
    (raw.home / "status_mapping.csv").write_text(
        HEAD + "rillsoft,ruht,on_hold\nrillsoft, In Progress ,planned\nrillsoft,in PROGRESS,completed\n",
        encoding="utf-8-sig",
    )
    raw.build()
    assert statuses(raw) == {"0": "on_hold", "1": "completed", "2": "planned", "3": "active"}
    mapped = "from status_mapping where lower(provider_status) in ('ruht', 'in progress')"
    assert raw.rows(mapped) == [
        {"provider": "rillsoft", "provider_status": "in PROGRESS", "status": "completed"},
        {"provider": "rillsoft", "provider_status": "ruht", "status": "on_hold"},
    ]


def test_a_mapping_may_hold_more_columns_in_any_order(raw: Raw) -> None:
    raw.record("matter", "1", {"projectStatus": 'Says "no", twice'})
    (raw.home / "status_mapping.csv").write_text(
        'status,note,provider,provider_status\ncancelled,,matter,"Says ""no"", twice"\n'
    )
    raw.build()
    assert statuses(raw) == {"1": "cancelled"}


@pytest.mark.parametrize("name", ["status_mapping.csv", "client_mapping.csv"])
def test_a_mapping_that_cannot_be_opened_is_named(raw: Raw, name: str) -> None:
    path: Path = raw.home / name
    path.symlink_to("nowhere.csv")
    with pytest.raises(ConfigurationError) as refused:
        raw.build()
    assert refused.value.reason == f"{path} is a link to nowhere.csv, which does not exist"
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError) as refused:
        raw.build()
    assert refused.value.reason == f"{path} cannot be read (Is a directory)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "matter,a,active\nmatter,b,asleep\n", "line 3 has the status 'asleep'"),
        (HEAD + "matter,a,\n", "line 2 has the status ''"),
        (HEAD + "matter,a\n", "line 2 has fewer than 3 values"),
        ("provider,status\nmatter,active\n", "has no column provider_status"),
        ("", "has no column provider"),
        (HEAD + "matter,a,b,active\n", "line 2 has more than 3 values"),
        (HEAD + "mater,a,active\n", "line 2 has the provider 'mater'"),
        (HEAD + "Matter,a,active\n", "line 2 has the provider 'Matter'"),
        (HEAD + 'matter,"a,active\n', "line 2 is not CSV (unexpected end of data)"),
        (HEAD.encode() + b"matter,\xff,active\n", "is not CSV in UTF-8"),
    ],
)
def test_a_wrong_mapping_is_named_with_its_line(raw: Raw, text: str | bytes, reason: str) -> None:
    path: Path = raw.home / "status_mapping.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as refused:
        raw.build()
    assert str(path) in refused.value.reason
    assert reason in refused.value.reason


def test_is_open_follows_the_mapping_of_the_status(raw: Raw) -> None:
    (raw.home / "status_mapping.csv").write_text(
        "provider,provider_status,status\nfone_dynamics,true,completed\nbelltastic,archived,on_hold\n"
    )
    raw.record("fone_dynamics", "1", {"Active": True})
    raw.record("belltastic", "2", {"deleted_at": "2026-01-01T00:00:00Z"})
    raw.record("matter", "3", {"projectStatus": "?"})
    raw.build()
    assert raw.rows("select status, is_open from projects order by project_id") == [
        {"status": "completed", "is_open": False},
        {"status": "on_hold", "is_open": True},
        {"status": "unknown", "is_open": None},
    ]


def test_codes_of_matter_have_labels(raw: Raw) -> None:
    raw.record(
        "matter", "1", {"projectPhase": "PRJ_PHASE_CONCEPTUAL_DESIGN", "projectType": "RESIDENTIAL_TOWER"}
    )
    raw.record("rillsoft", "2", {"category": "INTERN"}, scope="7")
    raw.build()
    labels = "select column_name, label from labels where value in ($1, $2, 'INTERN') order by all"
    assert raw.db.execute(labels, ["PRJ_PHASE_CONCEPTUAL_DESIGN", "RESIDENTIAL_TOWER"]).fetchall() == [
        ("category", "Residential tower"),
        ("phase", "Conceptual design"),
    ]
