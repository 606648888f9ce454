"""EvoVoice's simulated listing of files, compared with the vendor's page."""

from datetime import datetime
from types import NoneType

import pytest
import requests

from pipelines.sandbox import Sandbox

SAMPLE_XML = """
<ListResponseOfFileInfoS8MZGchS xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://schemas.datacontract.org/2004/07/Voice.HttpClient">
<HasMorePages>false</HasMorePages>
<Items xmlns:d2p1="http://schemas.datacontract.org/2004/07/Voice.HttpClient.Files">
<d2p1:FileInfo>
<CreatedBy>String</CreatedBy>
<DateCreated>String</DateCreated>
<DateLastModified>String</DateLastModified>
<Id>String</Id>
<LastModifiedBy>String</LastModifiedBy>
<d2p1:AITranscription>String</d2p1:AITranscription>
<d2p1:AccountId>String</d2p1:AccountId>
<d2p1:AccountName>String</d2p1:AccountName>
<d2p1:ContentLength>0</d2p1:ContentLength>
<d2p1:ContentType>String</d2p1:ContentType>
<d2p1:CustomerBreadcrumb xmlns:d4p1="http://schemas.datacontract.org/2004/07/Voice.HttpClient.Customers">
<d4p1:CustomerBreadcrumb>
<d4p1:Id>String</d4p1:Id>
<d4p1:Name>String</d4p1:Name>
</d4p1:CustomerBreadcrumb>
</d2p1:CustomerBreadcrumb>
<d2p1:CustomerId>String</d2p1:CustomerId>
<d2p1:CustomerName>String</d2p1:CustomerName>
<d2p1:FileName>String</d2p1:FileName>
<d2p1:FromAddress>String</d2p1:FromAddress>
<d2p1:RecordingDuration>0</d2p1:RecordingDuration>
<d2p1:RecordingFrom>String</d2p1:RecordingFrom>
<d2p1:RecordingSid>String</d2p1:RecordingSid>
<d2p1:ToAddress>String</d2p1:ToAddress>
<d2p1:Transcription>String</d2p1:Transcription>
<d2p1:Type>Upload</d2p1:Type>
<d2p1:Uri>String</d2p1:Uri>
<d2p1:UserId>String</d2p1:UserId>
<d2p1:UserName>String</d2p1:UserName>
</d2p1:FileInfo>
</Items>
<TotalCount>1</TotalCount>
<TotalPages>1</TotalPages>
</ListResponseOfFileInfoS8MZGchS>
""".replace("\n", "")
"""The vendor's sample, with the totals that one file has."""

SAMPLE = {
    "id": "String",
    "dateCreated": "String",
    "dateLastModified": "String",
    "createdBy": "String",
    "lastModifiedBy": "String",
    "type": "Upload",
    "accountId": "String",
    "accountName": "String",
    "customerId": "String",
    "customerName": "String",
    "customerBreadcrumb": [{"id": "String", "name": "String"}],
    "userId": "String",
    "userName": "String",
    "fileName": "String",
    "uri": "String",
    "contentType": "String",
    "contentLength": 0,
    "recordingSid": "String",
    "recordingDuration": 0,
    "recordingFrom": "String",
    "transcription": "String",
    "fromAddress": "String",
    "toAddress": "String",
    "aiTranscription": "String",
}


@pytest.fixture
def api(sandbox, connect):
    return connect(sandbox, "evovoice")


@pytest.fixture
def files(sandbox):
    return sandbox.store("evovoice").records()


def items(api, **params) -> list[dict]:
    """All files that `params` select."""
    return api.get("/files", **params, All="true").json()["items"]


def moment(file: dict) -> datetime:
    return datetime.fromisoformat(file["dateCreated"])


def test_files_are_answered_as_the_vendor_documents_them_in_json(empty, connect):
    empty.store("evovoice").put(SAMPLE)
    body = connect(empty, "evovoice").get("/files").json()
    assert body == {"items": [SAMPLE], "totalCount": 1, "totalPages": 1, "hasMorePages": False}


def test_an_empty_account_lists_no_files(empty, connect):
    body = connect(empty, "evovoice").get("/files").json()
    assert body == {"items": [], "totalCount": 0, "totalPages": 0, "hasMorePages": False}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/files", {"Accept": "application/xml"}),
        ("/files.xml", {}),
        ("/files?format=xml", {"Accept": "application/json"}),
    ],
)
def test_files_are_answered_as_the_vendor_documents_them_in_xml(empty, connect, path, headers):
    empty.store("evovoice").put(SAMPLE)
    answer = connect(empty, "evovoice").request("GET", path, headers=headers)
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.text == SAMPLE_XML


def test_nulls_and_markup_are_escaped_in_xml(empty, connect):
    empty.store("evovoice").put(SAMPLE | {"fileName": 'a<b>&"c"', "userId": None, "customerBreadcrumb": None})
    expected = (
        SAMPLE_XML.replace("<d2p1:FileName>String<", '<d2p1:FileName>a&lt;b&gt;&amp;"c"<')
        .replace("<d2p1:UserId>String</d2p1:UserId>", '<d2p1:UserId i:nil="true"/>')
        .replace('Customers"><', 'Customers" i:nil="true"/><')
        .replace("<d4p1:CustomerBreadcrumb><d4p1:Id>String</d4p1:Id><d4p1:Name>String</d4p1:Name>", "")
        .replace("</d4p1:CustomerBreadcrumb></d2p1:CustomerBreadcrumb>", "")
    )
    assert connect(empty, "evovoice").get("/files.xml").text == expected


def test_xml_pages_like_json(api):
    xml = api.get("/files.xml", Page=1, CountPerPage=100, SimplifiedPaging="true").text
    assert xml.count("<d2p1:FileInfo>") == 100
    assert "<HasMorePages>true</HasMorePages>" in xml
    assert "Total" not in xml


def test_keys_can_be_served_in_pascal_case(post_login, settings):
    with (
        Sandbox(projects=2, files=2, evovoice_uses_pascal_case=True) as sandbox,
        requests.Session() as session,
    ):
        config = settings(sandbox)["evovoice"]
        assert set(post_login(session, config).json()) == {"SessionId", "UserName", "ResponseStatus"}
        body = session.get(f"{config['base_url']}/files", params={"SortField": "id"}, timeout=10).json()
        records = sandbox.store("evovoice").records()
    assert body == {
        "Items": sorted(records, key=lambda file: file["Id"]),
        "TotalCount": 2,
        "TotalPages": 1,
        "HasMorePages": False,
    }
    assert [name.lower() for name in records[0]] == [name.lower() for name in SAMPLE]
    assert "AITranscription" in records[0]


def test_records_have_the_documented_fields(files, types_by_field):
    nullable = {
        "customerId",
        "customerName",
        "userId",
        "userName",
        "recordingSid",
        "recordingDuration",
        "recordingFrom",
        "transcription",
        "fromAddress",
        "toAddress",
        "aiTranscription",
    }
    assert types_by_field(files) == {
        field: {type(value)} | ({NoneType} if field in nullable else set()) for field, value in SAMPLE.items()
    }
    assert {file["type"] for file in files} == {
        "Upload",
        "VoiceMessage",
        "CallRecording",
        "Fax",
        "Attachment",
        "FaxOutgoing",
        "LiveAnswerRecording",
    }


def test_breadcrumbs_name_the_customers_above_in_the_same_account(files):
    customers = {file["customerId"]: file for file in files if file["customerId"]}
    assert len(customers) == 250
    assert {len(file["customerBreadcrumb"]) for file in customers.values()} == {1, 2, 3}
    for file in customers.values():
        *above, itself = file["customerBreadcrumb"]
        assert itself == {"id": file["customerId"], "name": file["customerName"]}
        assert not above or customers[above[-1]["id"]]["customerBreadcrumb"] == above
        assert {customers[customer["id"]]["accountId"] for customer in above} <= {file["accountId"]}
    assert [file["customerBreadcrumb"] for file in files if not file["customerId"]][:1] == [[]]


@pytest.mark.parametrize(
    ("params", "start", "stop", "pages"),
    [
        ({}, 0, 25, 12),
        ({"Page": 1}, 25, 50, 12),
        ({"Page": 2, "CountPerPage": 130}, 260, 300, 3),
        ({"page": 3, "countperpage": 100}, 300, 300, 3),
        ({"CountPerPage": 1000}, 0, 300, 1),
        ({"All": "true", "Page": 2}, 0, 300, 1),
        ({"All": "false", "CountPerPage": 100}, 0, 100, 3),
    ],
)
def test_a_page_holds_the_files_asked_for_and_the_totals(api, files, params, start, stop, pages):
    assert api.get("/files", **params).json() == {
        "items": files[start:stop],
        "totalCount": 300,
        "totalPages": pages,
        "hasMorePages": stop < 300,
    }


def test_simplified_paging_ends_with_no_items(api, files):
    walk = [
        api.get("/files", Page=page, CountPerPage=100, SimplifiedPaging="true").json() for page in range(4)
    ]
    assert walk == [
        {"items": files[:100], "hasMorePages": True},
        {"items": files[100:200], "hasMorePages": True},
        {"items": files[200:], "hasMorePages": False},
        {"items": [], "hasMorePages": False},
    ]


def test_walk_of_a_filter_finds_each_file_once(api, files):
    answers = [api.get("/files", Type="Fax", CountPerPage=10, Page=page).json() for page in range(5)]
    assert [file for answer in answers for file in answer["items"]] == [
        file for file in files if file["type"] == "Fax"
    ]
    assert {(answer["totalCount"], answer["totalPages"]) for answer in answers} == {(43, 5)}


@pytest.mark.parametrize(
    ("params", "takes"),
    [
        ({"AccountIds": "account-2"}, lambda file: file["accountId"] == "account-2"),
        (
            {"AccountIds": "account-1,account-3"},
            lambda file: file["accountId"] in ("account-1", "account-3"),
        ),
        ({"FileName": "neuBAU"}, lambda file: "Neubau" in file["fileName"]),
        ({"ContentType": "audio"}, lambda file: file["contentType"].startswith("audio/")),
        ({"Type": "LiveAnswerRecording"}, lambda file: file["type"] == "LiveAnswerRecording"),
        ({"UserId": "user-3"}, lambda file: file["userId"] == "user-3"),
        ({"TranscriptionContains": "zoë"}, lambda file: "Zoë" in (file["transcription"] or "")),
        ({"DateCreatedStart": "2025-06-01"}, lambda file: file["dateCreated"] >= "2025-06-01"),
        ({"DateCreatedEnd": "2025-06-01T00:00:00Z"}, lambda file: file["dateCreated"] <= "2025-06-01"),
        (
            {"DateCreatedStart": "2025-06-01T02:00:00+02:00", "DateCreatedEnd": "2025-07-01", "Type": "fax"},
            lambda file: "2025-06-01" <= file["dateCreated"] <= "2025-07-01" and file["type"] == "Fax",
        ),
    ],
)
def test_a_filter_returns_the_matching_files(api, files, params, takes):
    expected = [file for file in files if takes(file)]
    assert items(api, **params) == expected
    assert 0 < len(expected) < 300


def test_files_can_be_filtered_by_ids(api, files):
    customers = {files[4]["customerId"], files[9]["customerId"]}
    assert items(api, CustomerIds=",".join(customers)) == [
        file for file in files if file["customerId"] in customers
    ]
    assert items(api, SpecificIds=f"{files[7]['id']},unknown,{files[2]['id']}") == [files[2], files[7]]


def test_files_can_be_filtered_by_session(api, files):
    session_id = files[4]["uri"].split("/")[3]
    assert items(api, SessionId=session_id) == files[3:6]
    assert items(api, SessionId=session_id[:-1]) == []


def test_dates_include_both_ends(api, files):
    start, end = files[10]["dateCreated"], files[20]["dateCreated"]
    assert items(api, DateCreatedStart=start, DateCreatedEnd=end) == files[10:21]


def test_dates_of_changed_added_and_removed_files(sandbox, api, files):
    store = sandbox.store("evovoice")
    start = files[290]["dateCreated"]
    assert items(api, DateCreatedStart=start) == files[290:]

    moved_in = store.change(files[0]["id"], dateCreated=start)
    store.change(files[295]["id"], dateCreated=files[0]["dateCreated"])
    store.remove(files[299]["id"])
    added = store.add()

    assert items(api, DateCreatedStart=start) == [moved_in, *files[290:295], *files[296:299], added]
    assert moment(added) > moment(files[299])


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("DateCreated", lambda file: file["dateCreated"]),
        ("contentLength", lambda file: file["contentLength"]),
        (
            "RecordingDuration",
            lambda file: -1 if file["recordingDuration"] is None else file["recordingDuration"],
        ),
        ("CustomerName", lambda file: file["customerName"] or ""),
    ],
)
@pytest.mark.parametrize(("order", "descends"), [("Ascend", False), ("Descend", True)])
def test_files_are_sorted_by_the_field_and_order_asked_for(api, files, field, key, order, descends):
    expected = sorted(files, key=key, reverse=descends)
    assert items(api, SortField=field, SortOrder=order) == expected
    if not descends:
        assert items(api, SortField=field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Page", "-1"),
        ("CountPerPage", "0"),
        ("CountPerPage", "x"),
        ("All", "perhaps"),
        ("SimplifiedPaging", "2"),
        ("Type", "Letter"),
        ("DateCreatedStart", "yesterday"),
        ("DateCreatedEnd", "2025-13-01"),
        ("SortField", "Colour"),
        ("SortOrder", "Up"),
    ],
)
def test_an_invalid_parameter_is_refused(api, name, value):
    answer = api.get("/files", **{name: value})
    message = f"'{value}' is not a value of {name}."
    assert answer.status_code == 400
    assert answer.json() == {
        "responseStatus": {
            "errorCode": "RequestBindingException",
            "message": message,
            "errors": [{"errorCode": "RequestBindingException", "fieldName": name, "message": message}],
        }
    }
