"""The Sheets API as Google's own client sees it: the wire format, held to the discovery document."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from googleapiclient.discovery import build
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError

import demo
from demo import servers as demo_servers
from demo.faults import Fault
from demo.sheets import OFFICE_ID, SHEET_ID, Sheets, typed

SCHEMAS = json.loads(get_static_doc("sheets", "v4"))["schemas"]


@pytest.fixture
def spreadsheets(servers: demo.Demo) -> Iterator[Any]:
    options = {"api_endpoint": f"{servers.http}/"}
    with build("sheets", "v4", static_discovery=True, cache_discovery=False, client_options=options,
               developerKey="none") as client:  # fmt: skip
        yield client.spreadsheets()
    servers.sheets = Sheets()


def unknown(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The keys and types of an answer that the discovery document does not know."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"]]
    kinds: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    if schema["type"] == "array":
        for part in value:
            yield from unknown(part, schema["items"], path)
    elif schema["type"] == "object":
        for name, part in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name}"
            else:
                yield from unknown(part, schema["properties"][name], f"{path}.{name}")
    elif not isinstance(value, kinds[schema["type"]]) or value not in schema.get("enum", [value]):
        yield f"{path}: {value}"


def test_every_key_of_an_answer_is_google_s(spreadsheets: Any) -> None:
    answer = spreadsheets.get(spreadsheetId=SHEET_ID, includeGridData=True).execute()
    assert list(unknown(answer, {"$ref": "Spreadsheet"})) == []
    assert len(answer["sheets"]) >= 4
    assert list(unknown({"sheets": [{"titel": "a"}]}, {"$ref": "Spreadsheet"})) == [".sheets.titel"]


def test_a_mask_leaves_what_it_names(spreadsheets: Any, servers: demo.Demo) -> None:
    servers.sheets.tabs = {"a": [["1"]], "b c": []}
    answer = spreadsheets.get(spreadsheetId=SHEET_ID, fields="sheets(properties(title))").execute()
    assert answer == {"sheets": [{"properties": {"title": "a"}}, {"properties": {"title": "b c"}}]}
    same = spreadsheets.get(spreadsheetId=SHEET_ID, fields="sheets.properties.title").execute()
    assert same == answer
    answer = spreadsheets.get(spreadsheetId=SHEET_ID, fields="spreadsheetId,sheets/properties(index,title)").execute()
    assert answer["sheets"][1] == {"properties": {"index": 1, "title": "b c"}}
    assert answer["spreadsheetId"] == SHEET_ID


def test_no_cells_come_unless_they_are_asked_for(spreadsheets: Any) -> None:
    assert all("data" not in tab for tab in spreadsheets.get(spreadsheetId=SHEET_ID).execute()["sheets"])


def test_empty_cells_and_rows_at_the_end_are_left_out(spreadsheets: Any, servers: demo.Demo) -> None:
    servers.sheets.tabs = {
        "it's": [["a", "", "b", ""], ["", ""], [], ["c"], [""], []],
        "empty": [[], [""]],
        "x": [["x"]],
    }
    fields = "sheets(properties(title),data(rowData(values(formattedValue))))"
    asked = spreadsheets.get(spreadsheetId=SHEET_ID, ranges=["'it''s'", "empty"], fields=fields)
    assert asked.execute()["sheets"] == [
        {
            "properties": {"title": "it's"},
            "data": [
                {
                    "rowData": [
                        {"values": [{"formattedValue": "a"}, {}, {"formattedValue": "b"}]},
                        {},
                        {},
                        {"values": [{"formattedValue": "c"}]},
                    ]
                }
            ],
        },
        {"properties": {"title": "empty"}, "data": [{}]},
    ]


@pytest.mark.parametrize(
    ("text", "value", "shown", "kind"),
    [
        ("2025/04/01", {"numberValue": 45748}, "2025/04/01", "DATE"),
        ("4/1/2025", {"numberValue": 45748}, "4/1/2025", "DATE"),
        ("2025年4月1日", {"numberValue": 45748}, "2025年4月1日", "DATE"),
        ("'2025/04/01", {"stringValue": "2025/04/01"}, "2025/04/01", None),
        ("+20%", {"numberValue": 0.2}, "20%", "PERCENT"),
        ("-12.5%", {"numberValue": -0.125}, "-12.50%", "PERCENT"),
        ("'+20%", {"stringValue": "+20%"}, "+20%", None),
        ("40,000", {"numberValue": 40000}, "40,000", "NUMBER"),
        ("0.35", {"numberValue": 0.35}, "0.35", None),
        ("007", {"numberValue": 7}, "7", None),
        ("TRUE", {"boolValue": True}, "TRUE", None),
        ("#N/A", {"errorValue": {"type": "N_A", "message": "エラー"}}, "#N/A", None),
        ("営業部", {"stringValue": "営業部"}, "営業部", None),
    ],
)
def test_what_google_makes_of_a_text(text: str, value: object, shown: str, kind: str | None) -> None:
    """Day 45748 is the first of April 2025: 125 years of 365 days, 31 leap days, 90 days and the two of 1899."""
    cell = typed(text)
    assert (cell["effectiveValue"], cell["formattedValue"]) == (value, shown)
    assert cell["effectiveFormat"].get("numberFormat", {}).get("type") == kind
    assert 125 * 365 + 31 + 90 + 2 == 45748 == (date(2025, 4, 1) - date(1899, 12, 30)).days


@pytest.mark.parametrize(
    ("asked", "code", "said", "status"),
    [
        ({"spreadsheetId": "x"}, 404, "Requested entity was not found.", "NOT_FOUND"),
        ({"spreadsheetId": SHEET_ID, "ranges": ["plans"]}, 400, "Unable to parse range: plans", "INVALID_ARGUMENT"),
        ({"spreadsheetId": SHEET_ID, "fields": "sheets(propertees)"}, 400,
         "Error expanding 'fields' parameter. Cannot find matching fields for path 'sheets.propertees'.",
         "INVALID_ARGUMENT"),
        ({"spreadsheetId": OFFICE_ID}, 400,
         "This operation is not supported for this document. The document must not be an Office file.",
         "FAILED_PRECONDITION"),
    ],
)  # fmt: skip
def test_errors(spreadsheets: Any, asked: dict[str, Any], code: int, said: str, status: str) -> None:
    with pytest.raises(HttpError) as raised:
        spreadsheets.get(**asked).execute()
    body = json.loads(raised.value.content)["error"]
    assert (raised.value.status_code, body["code"], body["message"], body["status"]) == (code, code, said, status)


def test_a_sheet_that_is_not_shared(servers: demo.Demo) -> None:
    servers.sheets.is_shared = False
    with pytest.raises(HTTPError) as raised:
        urlopen(f"{servers.http}/v4/spreadsheets/{SHEET_ID}")
    servers.sheets.is_shared = True
    assert json.loads(raised.value.read()) == {
        "error": {
            "code": 403,
            "message": "The caller does not have permission",
            "errors": [{"message": "The caller does not have permission", "domain": "global", "reason": "forbidden"}],
            "status": "PERMISSION_DENIED",
        }
    }


def test_faults_and_requests_are_those_of_its_own(spreadsheets: Any, servers: demo.Demo) -> None:
    servers.faults.switch_on(Fault("429_concurrent", "sheets"))
    servers.faults.switch_on(Fault("503", "search_console"))
    with pytest.raises(HttpError, match="Read requests per minute per user"):
        spreadsheets.get(spreadsheetId=SHEET_ID).execute()
    spreadsheets.get(spreadsheetId=SHEET_ID, ranges=["kgi"], includeGridData=True).execute()
    assert [(one.what, one.rows, one.status) for one in servers.requests] == [
        ("", 0, "429_concurrent"),
        ("kgi", 2, "OK"),
    ]
    assert demo_servers.count(servers.requests) == {("sheets", "get"): 2}
    assert [fault.api for fault in servers.faults.pending] == ["search_console"]
