"""Rows of exported files that are made, chosen or set aside on their way."""

import json
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import exports
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.personal import Pseudonyms
from connectors.table import Intake, SetAside
from tests.connectors.xlsx import text, write_xlsx

KEY = Pseudonyms(b"key")
TARO = KEY.person("taro@example.co.jp")

Row = dict[str, Any]


def taken(
    folder: Path, kind: str, content: str, columns: dict[str, Any], **settings: Any
) -> tuple[list[Row], list[SetAside], Intake]:
    """The rows of a file, those that are set aside and the counts, whether the load fails or not."""
    (folder / "a.csv").write_text(content)
    entry = ExportFile(**({"file": "a.csv", "columns": columns} | settings))
    (load,) = exports.load({kind: [entry]}, folder, "Asia/Tokyo", "JPY", KEY)
    batches: list[pa.RecordBatch] = []
    with suppress(SourceError):
        batches.extend(load.batches)
    assert load.intake is not None
    found = [row for batch in batches for row in batch.to_pylist()]
    assert load.intake.read == len(found) + load.intake.rejected + load.intake.set_aside
    return found, load.intake.rows, load.intake


def some(rows: list[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


CONTACT = {"contact_id": "id", "created_on": "day"}
DEAL: Row = {"deal_id": "id", "status": "status"}


def test_an_address_becomes_a_pseudonym_and_the_domain_of_a_company(tmp_path: Path) -> None:
    found, _, _ = taken(
        tmp_path,
        "contacts",
        "id,day,mail\nC1,2025-04-01, Taro@Example.co.jp\nC2,2025-04-01,ｔａｒｏ＠example.co.jp\n"
        "C3,2025-04-01,taro@gmail.com\nC4,2025-04-01,\n",
        CONTACT | {"email": "mail"},
    )
    assert some(found, "person_id", "email_domain") == [
        (TARO, "example.co.jp"),
        (TARO, "example.co.jp"),
        (KEY.person("taro@gmail.com"), None),
        (None, None),
    ]


def test_what_is_no_address_is_rejected_and_never_shown(tmp_path: Path) -> None:
    found, aside, _ = taken(
        tmp_path,
        "contacts",
        "id,day,mail\nC1,2025-04-01,山田太郎\nC2,2025-04-01,Taro <taro@example.co.jp>\nC3,2025-04-01,a@b.jp\n",
        CONTACT | {"email": "mail"},
    )
    assert [(row.line, row.column, row.value_class, row.reason) for row in aside] == [
        (2, "mail", "a text of 4 characters", "is not an e-mail address"),
        (3, "mail", "an e-mail address", "is not an e-mail address"),
    ]
    assert "taro" not in str(aside) and "山田" not in str(aside)
    assert json.loads(aside[0].rest or "") == {"contact_id": "C1", "created_on": "2025-04-01"}
    assert some(found, "contact_id") == [("C3",)]


def test_a_client_id_becomes_a_pseudonym(tmp_path: Path) -> None:
    found, _, _ = taken(
        tmp_path, "contacts", "id,day,cid\nC1,2025-04-01,12.34\nC2,2025-04-01,\n", CONTACT | {"client_id": "cid"}
    )
    assert some(found, "client_id") == [(KEY.of("12.34"),), (None,)]


def test_a_stage_that_is_none_and_any_other_value(tmp_path: Path) -> None:
    found, _, _ = taken(
        tmp_path,
        "contacts",
        "id,day,stage\nC1,2025-04-01,MQL\nC2,2025-04-01,購読者\nC3,2025-04-01,\nC4,2025-04-01,none\n"
        "C5,2025-04-01,その他\n",
        CONTACT | {"stage": "stage"},
        values={"stage": {"MQL": "mql", "購読者": "none", "*": "lead"}},
    )
    assert some(found, "stage") == [("mql",), (None,), (None,), (None,), ("lead",)]


def test_a_phone_number_is_refused_where_no_id_stands(tmp_path: Path) -> None:
    found, aside, _ = taken(
        tmp_path,
        "contacts",
        "id,day,title\n090-1234-5678,2025-04-01,課長\nC2,2025-04-01,TEL 03-1234-5678\n",
        CONTACT | {"job_title": "title"},
    )
    assert some(found, "contact_id") == [("090-1234-5678",)]
    assert [(row.column, row.reason) for row in aside] == [("title", "holds a phone number, which is never loaded")]
    assert "1234-5678" not in str(aside)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("35%", "35.4 %", "0.35", "100％"), [0.35, 0.354, 0.35, 1.0]),
        (("35", "0.5", "62.4", "100"), [0.35, 0.005, 0.624, 1.0]),  # more above 1 than below: percentages
        (("0.35", "0", "1", ".5"), [0.35, 0.0, 1.0, 0.5]),
    ],
)
def test_shares(tmp_path: Path, cells: tuple[str, ...], expected: list[float]) -> None:
    content = "day,page,depth\n" + "".join(f"2025-04-0{n},/a,{cell}\n" for n, cell in enumerate(cells, 1))
    columns = {"date_on": "day", "page": "page", "scroll_depth": "depth"}
    assert some(taken(tmp_path, "page_scrolls", content, columns)[0], "scroll_depth") == [(each,) for each in expected]


@pytest.mark.parametrize("cells", [("0.35", "0.5", "35"), ("35%", "35", "0.2"), ("120%",), ("-1",), ("about half",)])
def test_what_is_no_share(tmp_path: Path, cells: tuple[str, ...]) -> None:
    content = "day,page,depth\n" + "".join(f"2025-04-0{n},/a,{cell}\n" for n, cell in enumerate(cells, 1))
    columns = {"date_on": "day", "page": "page", "scroll_depth": "depth"}
    assert [row.column for row in taken(tmp_path, "page_scrolls", content, columns)[1]] == ["depth"]


def test_won_and_closed_say_the_status(tmp_path: Path) -> None:
    columns = {"deal_id": "id", "is_won": "won", "is_closed": "closed", "status": "stage"}
    found, aside, _ = taken(
        tmp_path,
        "deals",
        "id,stage,won,closed\nD1,x,TRUE,true\nD2,x,いいえ,はい\nD3,x,,0\nD4,x,maybe,1\n",
        columns,
        values={"status": {"*": "open"}},
    )
    assert some(found, "deal_id", "status") == [("D1", "won"), ("D2", "lost"), ("D3", "open")]
    assert [(row.line, row.column) for row in aside] == [(5, "won")]


def test_a_file_without_any_of_the_columns_that_may_stand_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,won\nD1,1\n")
    columns = {"deal_id": "id", "status": "stage", "is_won": "won", "is_closed": "closed"}
    entry = ExportFile.model_validate(
        {"file": "a.csv", "columns": columns, "may_lack": ["status", "is_closed", "is_won"]}
    )
    (load,) = exports.load({"deals": [entry]}, tmp_path, "Asia/Tokyo", "JPY", KEY)
    with pytest.raises(SourceError, match="has no column closed or stage .for is_closed."):
        list(load.batches)


def test_submissions_and_subscribers_without_an_id_get_a_readable_one(tmp_path: Path) -> None:
    found, aside, _ = taken(
        tmp_path,
        "form_submissions",
        "mail,at,form,asset\ntaro@example.co.jp,2025-04-01 09:00:05,資料DL,白書\n,2025-04-01,資料DL,\n",
        {"email": "mail", "submitted_at": "at", "form": "form", "kind": "form", "asset": "asset"},
        values={"kind": {"*": "download"}},
    )
    assert some(found, "submission_id", "kind") == [(f"{TARO}|2025-04-01T00:00:05Z|資料DL|白書", "download")]
    assert [(row.line, row.column, row.reason) for row in aside] == [(3, "mail", "is empty")]
    found, _, _ = taken(
        tmp_path,
        "newsletter_subscribers",
        "mail,since\ntaro@example.co.jp,2025-04-01\n",
        {"email": "mail", "subscribed_on": "since"},
    )
    assert some(found, "subscriber_id", "person_id") == [(TARO, TARO)]


def test_amounts_in_another_currency_are_rejected(tmp_path: Path) -> None:
    found, aside, _ = taken(
        tmp_path,
        "deals",
        "id,status,cur\nD1,won,JPY\nD2,won,\nD3,won,日本円 (JPY)\nD4,won,円\nD5,won,USD\n",
        DEAL | {"currency": "cur"},
    )
    assert some(found, "deal_id") == [("D1",), ("D2",), ("D3",), ("D4",)]
    assert [(row.line, row.column, row.reason) for row in aside] == [(6, "cur", "is another currency than JPY")]


def test_deleted_rows_are_set_aside_whatever_else_is_in_them(tmp_path: Path) -> None:
    found, aside, counts = taken(
        tmp_path,
        "deals",
        "id,status,gone\nD1,won,\nD2,?,TRUE\nD3,lost,いいえ\n",
        DEAL | {"is_deleted": "gone"},
    )
    assert some(found, "deal_id") == [("D1",), ("D3",)]
    assert [(row.line, row.reason, row.is_rejected) for row in aside] == [(3, "deleted", False)]
    assert (counts.read, counts.rejected, counts.set_aside) == (3, 0, 1)


def test_only_the_rows_that_are_asked_for(tmp_path: Path) -> None:
    found, aside, counts = taken(
        tmp_path,
        "stage_changes",
        "object,id,stage,at\nContact,C1,mql,2025-04-01\nCompany,A1,?,?\nＣｏｎｔａｃｔ,C2,sql,2025-04-01\n,C3,lead,2025-04-01\n",
        {"contact_id": "id", "stage": "stage", "entered_at": "at"},
        only={"Object": ["Contact", "Lead"]},
    )
    assert some(found, "contact_id", "line") == [("C1", 2), ("C2", 4)]
    assert (aside, counts.read, counts.rejected, counts.set_aside) == ([], 4, 0, 2)


def test_a_value_of_rows_that_are_not_asked_for_is_no_concern(tmp_path: Path) -> None:
    rows, aside, intake = taken(tmp_path, "deals", "id,status,team\nd1,lsot,US\n", DEAL, only={"team": ["JP"]})
    assert (rows, aside, intake.read, intake.set_aside) == ([], [], 1, 1)


FOOTER = '"Deals this year",,,\n"Copyright (c) 2000-2025 salesforce.com, inc."\n"Generated By: 山田 2025/04/01 9:00"\n'


def test_a_footer_is_no_row(tmp_path: Path) -> None:
    content = f"id,status,amount,note\nD1,won,1,\nD2,won\nD3,won,3,\n\n{FOOTER}"
    columns = DEAL | {"amount": "amount"}
    found, aside, counts = taken(tmp_path, "deals", content, columns, footer=True)
    assert some(found, "deal_id") == [("D1",), ("D3",)]
    assert [(row.line, row.column, row.reason) for row in aside] == [
        (3, None, "has 2 cells where the header has 4")  # not at the end: a row that cannot be read
    ]
    assert (counts.read, counts.rejected, counts.set_aside) == (6, 1, 3)
    assert sorted(row.line for row in taken(tmp_path, "deals", content, columns)[1]) == [3, 6, 7, 8]


def test_a_footer_of_a_sheet(tmp_path: Path) -> None:
    rows = [[text(cell) for cell in row.split(",")] for row in ("id,status,note", "D1,won,x", ",,", "Confidential,,")]
    write_xlsx(tmp_path / "b.xlsx", {"one": rows})
    found, _, counts = taken(tmp_path, "deals", "", DEAL, file="b.xlsx", footer=True)
    assert (some(found, "deal_id"), counts.set_aside) == ([("D1",)], 1)


def test_ids_of_salesforce_get_their_18_characters(tmp_path: Path) -> None:
    found, _, _ = taken(
        tmp_path,
        "deals",
        'id,status,merged,account\n0015000000Gv7qJ,won,"0015000000Gv7qJ; x,0015000000Gv7qJAAR",A1\n',
        DEAL | {"merged_ids": "merged", "account_id": "account"},
        id_format="salesforce",
    )
    assert some(found, "deal_id", "merged_ids", "account_id") == [
        ("0015000000Gv7qJAAR", "0015000000Gv7qJAAR;x;0015000000Gv7qJAAR", "A1")
    ]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_the_delimiter_is_found_from_the_header(tmp_path: Path, mark: str) -> None:
    content = "id,status,a;b;c;d\te\n".replace(",", mark) if mark == "," else f"id{mark}status{mark}a,b\n"
    content += mark.join(["D1", "won", "x\n"])
    assert some(taken(tmp_path, "deals", content, DEAL)[0], "deal_id", "status") == [("D1", "won")]


def test_one_row_in_a_hundred_may_be_rejected(tmp_path: Path) -> None:
    good = "".join(f"D{n},won\n" for n in range(99))
    assert taken(tmp_path, "deals", f"id,status\n{good}D,?\n", DEAL)[2].rejected == 1
    (load,) = exports.load(
        {"deals": [ExportFile.model_validate({"file": "a.csv", "columns": DEAL})]}, tmp_path, "Asia/Tokyo", "JPY", KEY
    )
    assert sum(batch.num_rows for batch in load.batches) == 99
    (tmp_path / "a.csv").write_text(f"id,status\n{good}D,?\n,won\nD,won,\nD,maybe\n")
    (load,) = exports.load(
        {"deals": [ExportFile.model_validate({"file": "a.csv", "columns": DEAL})]}, tmp_path, "Asia/Tokyo", "JPY", KEY
    )
    with pytest.raises(SourceError) as refusal:
        list(load.batches)
    assert refusal.value.where == "a.csv"
    assert refusal.value.problem == (
        "4 of 103 rows of deals cannot be read, more than 1%: a.csv line 101 column status digits and marks, ? is "
        "not a status that company.yml knows; a.csv line 102 column id is empty; a.csv line 104 column status a text "
        "of 5 characters is not a status that company.yml knows; ..."
    )
    assert "raw.quarantine" in refusal.value.remedy


def test_the_columns_that_a_file_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;status\n")
    entry = ExportFile.model_validate(
        {"file": "a.csv", "columns": DEAL | {"amount": ["Amount", "金額"]}, "may_lack": ["amount"]}
    )
    assert exports.found_columns("deals", entry, tmp_path) == {"deal_id", "status"}
    (tmp_path / "a.csv").write_text("id;status;金額\n")
    assert exports.found_columns("deals", entry, tmp_path) == {"deal_id", "status", "amount"}
    absent = entry.model_copy(update={"file": ("none.csv",)})
    assert exports.found_columns("deals", absent, tmp_path) == {"deal_id", "status", "amount"}


def test_dates_and_moments_of_contacts(tmp_path: Path) -> None:
    found, _, _ = taken(
        tmp_path,
        "contacts",
        "id,day,mql,changed\nC1,2025-04-01,2025/4/2,2025-04-03 09:00\n",
        CONTACT | {"mql_on": "mql", "modified_at": "changed"},
    )
    assert some(found, "mql_on", "modified_at") == [(date(2025, 4, 2), datetime(2025, 4, 3, 0, 0))]


def test_batches_say_where_their_rows_stand(tmp_path: Path) -> None:
    found, _, _ = taken(tmp_path, "deals", 'id,status\n"D1",won\n\n"D\n2",won\nD3,won\n', DEAL)
    assert some(found, "deal_id", "file", "line") == [("D1", "a.csv", 2), ("D\n2", "a.csv", 4), ("D3", "a.csv", 6)]
