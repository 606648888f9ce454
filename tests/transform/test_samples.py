"""The sample record of each vendor's page, and the columns of the row that it becomes."""

from datetime import UTC, datetime

import pytest

from tests.support.samples import BELLTASTIC, FONE_DYNAMICS, MATTER, RILLSOFT
from tests.transform.raw import RUNS, Raw, Row, run

EVOVOICE = {
    "Id": "String",
    "DateCreated": "2026-10-01T08:00:00",
    "DateLastModified": "2026-10-02T08:00:00.1234567Z",
    "CreatedBy": "creator",
    "LastModifiedBy": "modifier",
    "Type": "Upload",
    "AccountId": "account",
    "AccountName": "An account",
    "CustomerId": "customer",
    "CustomerName": "A customer",
    "CustomerBreadcrumb": [{"Id": "above", "Name": "One above"}, {"Id": "customer", "Name": "A customer"}],
    "UserId": "user",
    "UserName": "A user",
    "FileName": "greeting.wav",
    "Uri": "https://files.example/greeting.wav",
    "ContentType": "audio/wav",
    "ContentLength": 3000000000,
    "RecordingSid": "RE1",
    "RecordingDuration": 60,
    "RecordingFrom": "caller",
    "Transcription": "words",
    "FromAddress": "+61400000001",
    "ToAddress": "+61400000002",
    "AITranscription": "wise words",
}
LISTED = {"status_since": run(1), "is_held_back": False}
SEEN = {
    "first_seen_at": run(1),
    "changed_at": run(1),
    "last_seen_at": run(RUNS),
    "version": 1,
}


@pytest.fixture(scope="module")
def built(shared_raw: Raw) -> Raw:
    shared_raw.connect("rillsoft", "rillsoft", "Europe/Berlin")
    shared_raw.record("fone_dynamics", "S1234567890ABCDEF1234567890ABCDE", FONE_DYNAMICS)
    shared_raw.record("matter", "c5b45dd2-2f9f-4b47-93b8-1af641b95e2e", MATTER)
    shared_raw.record("rillsoft", "123", RILLSOFT, scope="17")
    shared_raw.record("belltastic", "1", BELLTASTIC)
    shared_raw.record("evovoice", "String", EVOVOICE)
    shared_raw.record(
        "evovoice", "live", {_camel(key): value for key, value in EVOVOICE.items()}, connection="live"
    )
    shared_raw.build()
    return shared_raw


def _camel(key: str) -> str:
    return "aiTranscription" if key == "AITranscription" else key[0].lower() + key[1:]


def test_a_fone_dynamics_property_fills_these_columns(built: Raw) -> None:
    assert built.project("fone_dynamics:S1234567890ABCDEF1234567890ABCDE") == SEEN | LISTED | {
        "project_key": "fone_dynamics:S1234567890ABCDEF1234567890ABCDE",
        "connection": "fone_dynamics",
        "provider": "fone_dynamics",
        "project_id": "S1234567890ABCDEF1234567890ABCDE",
        "kind": "property",
        "name": "My Awesome Project",
        "status": "active",
        "provider_status": "true",
        "owner_id": "AG5T3HFR5ASD54FS5GB3SDAFJAKSH6DS",
        "domain": "example.com",
        "time_zone": "Australia/Sydney",
        "is_open": True,
        "attributes": (
            '{"SmsEnabled":true,"CallRecordingEnabled":false,"IntegrationsEnabled":true,'
            '"TimeZone":"AUS Eastern Standard Time"}'
        ),
    }


def test_a_matter_project_fills_these_columns(built: Raw) -> None:
    assert built.project("matter:c5b45dd2-2f9f-4b47-93b8-1af641b95e2e") == SEEN | LISTED | {
        "project_key": "matter:c5b45dd2-2f9f-4b47-93b8-1af641b95e2e",
        "connection": "matter",
        "provider": "matter",
        "project_id": "c5b45dd2-2f9f-4b47-93b8-1af641b95e2e",
        "kind": "project",
        "name": "Project #1",
        "description": "Project Description",
        "status": "active",
        "provider_status": "PRJ_STATUS_ON_GOING",
        "phase": "PRJ_PHASE_PROGRAMMING_AND_FEASIBILITY",
        "category": "COMMERCIAL",
        "client_key": "a client",
        "client_name": "A client",
        "logo_url": "/storage/111-file.jpg",
        "city": "Quebec",
        "region": "Quebec",
        "country": "Canada",
        "is_open": True,
        "attributes": '{"logoUrl":{"referenceUrl":"/storage/111-file.jpg"}}',
    }


def test_a_rillsoft_project_fills_these_columns(built: Raw) -> None:
    assert built.project("rillsoft:17:123") == SEEN | LISTED | {
        "project_key": "rillsoft:17:123",
        "connection": "rillsoft",
        "provider": "rillsoft",
        "project_id": "123",
        "kind": "project",
        "name": "Project X",
        "description": "Project description notes",
        "code": "PRJ-X-2023",
        "status": "active",
        "provider_status": "In Progress",
        "category": "Construction",
        "priority": 1.5,
        "client_key": "acme corporation",
        "client_name": "Acme Corporation",
        "owner_id": "17",
        "path": "/Projects/2023/Project X",
        "is_open": True,
        "is_template": False,
        "created_at": datetime(2022, 12, 1, 7, 30, tzinfo=UTC),
        "starts_at": datetime(2023, 1, 15, 8, tzinfo=UTC),
        "finishes_at": datetime(2023, 12, 31, 16, tzinfo=UTC),
        "created_by": "John Doe",
        "source_version": "5",
        "attributes": (
            '{"uuid":"550e8400-e29b-41d4-a716-446655440000","folderId":42,'
            '"notes":"Special handling required","createdUserId":7,"isReadOnly":true,'
            '"lockAt":"2023-02-01T10:15:00","lockUserId":8,"lockUserName":"Jane Smith"}'
        ),
    }


def test_a_belltastic_project_fills_these_columns(built: Raw) -> None:
    assert built.project("belltastic:1") == SEEN | LISTED | {
        "project_key": "belltastic:1",
        "connection": "belltastic",
        "provider": "belltastic",
        "project_id": "1",
        "kind": "project",
        "name": "Default",
        "status": "active",
        "provider_status": "active",
        "owner_id": "1",
        "is_open": True,
        "last_activity_at": datetime(2021, 12, 4, 11, 35, 56, tzinfo=UTC),
        "is_archived": False,
        "is_default": False,
        "created_at": datetime(2021, 12, 3, 10, 32, 52, tzinfo=UTC),
        "updated_at": datetime(2021, 12, 4, 11, 35, 56, tzinfo=UTC),
        "attributes": '{"hmac_required":false}',
    }


@pytest.mark.parametrize(("connection", "file_id"), [("evovoice", "String"), ("live", "live")])
def test_evovoice_fields_are_read_in_pascal_case_and_camel_case(
    built: Raw, connection: str, file_id: str
) -> None:
    assert built.project(f"{connection}:customer") == SEEN | LISTED | {
        "project_key": f"{connection}:customer",
        "connection": connection,
        "provider": "evovoice",
        "project_id": "customer",
        "kind": "customer",
        "name": "A customer",
        "status": "active",
        "client_id": "customer",
        "client_key": "a customer",
        "client_name": "A customer",
        "owner_id": "account",
        "owner_name": "An account",
        "parent_key": f"{connection}:above",
        "path": "One above / A customer",
        "created_at": datetime(2026, 10, 1, 8, tzinfo=UTC),
        "is_open": True,
        "last_activity_at": datetime(2026, 10, 1, 8, tzinfo=UTC),
    }
    file: Row = built.row("from files where file_id = $1", file_id)
    breadcrumb = file.pop("customer_breadcrumb")
    assert (
        breadcrumb.casefold() == '[{"id":"above","name":"one above"},{"id":"customer","name":"a customer"}]'
    )
    assert file == SEEN | {
        "file_key": f"{connection}:{file_id}",
        "connection": connection,
        "provider": "evovoice",
        "file_id": file_id,
        "project_key": f"{connection}:customer",
        "type": "Upload",
        "account_id": "account",
        "account_name": "An account",
        "customer_id": "customer",
        "customer_name": "A customer",
        "user_id": "user",
        "user_name": "A user",
        "file_name": "greeting.wav",
        "uri": "https://files.example/greeting.wav",
        "content_type": "audio/wav",
        "content_length": 3000000000,
        "recording_sid": "RE1",
        "recording_duration": 60,
        "recording_from": "caller",
        "transcription": "words",
        "ai_transcription": "wise words",
        "from_address": "+61400000001",
        "to_address": "+61400000002",
        "created_at": datetime(2026, 10, 1, 8, tzinfo=UTC),
        "updated_at": datetime(2026, 10, 2, 8, 0, 0, 123456, tzinfo=UTC),
        "created_by": "creator",
        "updated_by": "modifier",
    }
