import tracemalloc
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import cells, csv_file, export_tables, exports
from connectors.errors import SourceError
from connectors.export_settings import ExportFile, needed
from connectors.personal import Pseudonyms
from connectors.table import PLACE, Intake, Load, SetAside
from tests.connectors.xlsx import number, text, write_xlsx

DEALS: dict[str, Any] = {
    "file": "deals.csv",
    "columns": {
        "deal_id": "商談ID",
        "stage": "フェーズ",
        "status": "フェーズ",
        "kind": "種別",
        "amount": "金額（円）",
        "created_on": "作成日",
        "closed_on": "クローズ日",
        "account_id": "会社ID",
    },
    "values": {
        "status": {"提案": "open", "受注": "won", "失注": "lost"},
        "kind": {"新規": "new", "更新": "renewal", "追加": "upsell"},
    },
}
BLOCKS = 20_000
"""So many short rows are read in several blocks of the size below."""
SMALL = 1 << 18
DEALS_HEADER = "商談ID,会社ID,名前,フェーズ,種別,金額（円）,作成日,クローズ日"


KEY = Pseudonyms(b"key")


def loaded(
    folder: Path, kind: str, settings: dict[str, Any], timezone: str = "Asia/Tokyo"
) -> tuple[Load, pa.Table, Intake]:
    (load,) = exports.load({kind: [ExportFile(**settings)]}, folder, timezone, "JPY", KEY)
    schema = pa.schema([*load.table.schema, *PLACE])
    table = pa.Table.from_batches(load.batches, schema)
    assert load.intake is not None
    assert load.intake.read == table.num_rows + load.intake.rejected + load.intake.set_aside
    return load, table, load.intake


def rows(folder: Path, kind: str, settings: dict[str, Any], timezone: str = "Asia/Tokyo") -> list[dict[str, Any]]:
    load, table, _ = loaded(folder, kind, settings, timezone)
    found: list[dict[str, Any]] = table.select(load.table.schema.names).to_pylist()
    return found


def refused(folder: Path, kind: str, settings: dict[str, Any]) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        loaded(folder, kind, settings)
    return refusal.value


def aside(folder: Path, kind: str, settings: dict[str, Any]) -> list[SetAside]:
    """The rows that are not loaded, whether the load fails for them or not."""
    (load,) = exports.load({kind: [ExportFile(**settings)]}, folder, "Asia/Tokyo", "JPY", KEY)
    with suppress(SourceError):
        list(load.batches)
    assert load.intake is not None
    return load.intake.rows


def deals(folder: Path, *lines: str, encoding: str = "utf-8", header: str = DEALS_HEADER) -> Path:
    path = folder / "deals.csv"
    path.write_bytes("\r\n".join([header, *lines, ""]).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp"])
def test_deals(tmp_path: Path, encoding: str) -> None:
    deals(
        tmp_path,
        'D1,A1,山,受注,更新,"￥1,234,567",2025/4/1,2025/06/30',
        "Ｄ２,,川,提案,,,2025-04-02,",
        "D3,A1,森,失注,新規,0円,2025/04/03 09:15,2025-05-01",
        encoding=encoding,
    )
    load, _, _ = loaded(tmp_path, "deals", DEALS)
    assert (load.table, load.start, load.end) == (export_tables.DEALS, None, None)
    assert rows(tmp_path, "deals", DEALS) == [
        {
            "deal_id": "D1",
            "status": "won",
            "kind": "renewal",
            "created_on": date(2025, 4, 1),
            "closed_on": date(2025, 6, 30),
            "amount": Decimal("1234567.00"),
            "stage": "受注",
            "contact_id": None,
            "account_id": "A1",
            "merged_ids": None,
            "modified_at": None,
        },
        {
            "deal_id": "D2",
            "status": "open",
            "kind": "new",
            "created_on": date(2025, 4, 2),
            "closed_on": None,
            "amount": None,
            "stage": "提案",
            "contact_id": None,
            "account_id": None,
            "merged_ids": None,
            "modified_at": None,
        },
        {
            "deal_id": "D3",
            "status": "lost",
            "kind": "new",
            "created_on": date(2025, 4, 3),
            "closed_on": date(2025, 5, 1),
            "amount": Decimal("0.00"),
            "stage": "失注",
            "contact_id": None,
            "account_id": "A1",
            "merged_ids": None,
            "modified_at": None,
        },
    ]


def test_each_file_leaves_one_fetch(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    deals(tmp_path, "D1,,,受注,,,,", "D2,,,受注,,,,").rename(tmp_path / "exports/deals.csv")
    load, _, _ = loaded(tmp_path, "deals", DEALS | {"file": "exports/deals.csv"})
    (fetch,) = load.fetches
    assert (fetch.table_name, fetch.request, fetch.row_count, fetch.flags, fetch.error) == (
        "exports_deals",
        "exports/deals.csv",
        2,
        (),
        None,
    )
    assert fetch.duration_seconds > 0


def test_a_file_with_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    deals(tmp_path)
    load, table, _ = loaded(tmp_path, "deals", DEALS)
    assert (table.num_rows, load.fetches[0].row_count) == (0, 0)


def test_an_absolute_path(tmp_path: Path) -> None:
    path = deals(tmp_path, "D1,,,受注,,,,")
    assert len(rows(Path("/nowhere"), "deals", DEALS | {"file": str(path)})) == 1


def test_headers_match_whatever_their_width_and_the_spaces_around_them(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,5,,", header="商談ｉｄ, 会社Id ,名前,ﾌｪｰｽﾞ,種別,金額［円］,作成日,\u3000クローズ日")
    assert rows(tmp_path, "deals", DEALS)[0]["amount"] == 5


def test_a_column_that_is_not_mapped_never_lands(tmp_path: Path) -> None:
    deals(tmp_path, "D1,A1,見積 三郎,受注,,,,")
    assert "見積 三郎" not in str(rows(tmp_path, "deals", DEALS))


def test_values_of_ours_need_no_mapping(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,won,renewal,,,", "D2,,,ｗｏｎ,,,,")
    assert [(row["status"], row["kind"]) for row in rows(tmp_path, "deals", DEALS)] == [
        ("won", "renewal"),
        ("won", "new"),
    ]


def test_an_empty_cell_can_be_mapped(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,,,,,")
    values = {"status": {"": "open"}, "kind": {"": "upsell"}}
    (row,) = rows(tmp_path, "deals", DEALS | {"values": values})
    assert (row["status"], row["kind"]) == ("open", "upsell")


def test_form_submissions(tmp_path: Path) -> None:
    (tmp_path / "forms.csv").write_text(
        "送信ID,コンタクトID,送信日時,フォーム名,ページURL,無効理由\n"
        "S1,C1,2025/04/01 08:59,お問い合わせ,https://WWW.example.co.jp/contact?email=a%40b.jp#form,\n"
        "S2,C1,2025-04-01T23:30:00Z,資料DL,/articles/3?x=1,スパム\n"
        "S3,C2,2025-04-01 00:00:00,資料DL,,研究目的\n"
    )
    settings = {
        "file": "forms.csv",
        "columns": {
            "submission_id": "送信ID",
            "contact_id": "コンタクトID",
            "submitted_at": "送信日時",
            "form": "フォーム名",
            "kind": "フォーム名",
            "page": "ページURL",
            "invalid_reason": "無効理由",
        },
        "values": {"kind": {"お問い合わせ": "inquiry", "資料DL": "download"}, "invalid_reason": {"スパム": "spam"}},
    }
    found = [
        (
            row["form"],
            row["kind"],
            row["submitted_at"],
            row["submitted_on"],
            row["page_host"],
            row["page_path"],
            row["invalid_reason"],
        )
        for row in rows(tmp_path, "form_submissions", settings)
    ]
    assert found == [
        (
            "お問い合わせ",
            "inquiry",
            datetime(2025, 3, 31, 23, 59),
            date(2025, 4, 1),
            "www.example.co.jp",
            "/contact",
            None,
        ),
        ("資料DL", "download", datetime(2025, 4, 1, 23, 30), date(2025, 4, 2), None, "/articles/3", "spam"),
        ("資料DL", "download", datetime(2025, 3, 31, 15, 0), date(2025, 4, 1), None, None, "other"),
    ]


def test_contacts(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(
        "id,created,first page\nC1,2025-04-01T20:00:00Z,example.com/a?b\nC2,2025-04-01,\n"
    )
    settings = {
        "file": "contacts.csv",
        "columns": {"contact_id": "id", "created_on": "created", "landing_page": "first page"},
    }
    found = [
        tuple(row[name] for name in ("contact_id", "created_on", "landing_host", "landing_path", "industry"))
        for row in rows(tmp_path, "contacts", settings)
    ]
    assert found == [("C1", date(2025, 4, 2), "example.com", "/a", None), ("C2", date(2025, 4, 1), None, None, None)]


def test_stage_changes_in_the_time_zone_of_the_company(tmp_path: Path) -> None:
    (tmp_path / "stages.csv").write_text("id,stage,at\nC1,MQL,2025-07-01 23:00\nC2,lead,2025-01-01\n")
    settings = {
        "file": "stages.csv",
        "columns": {"contact_id": "id", "stage": "stage", "entered_at": "at"},
        "values": {"stage": {"MQL": "mql"}},
    }
    assert rows(tmp_path, "stage_changes", settings, "America/New_York") == [
        {"contact_id": "C1", "stage": "mql", "entered_at": datetime(2025, 7, 2, 3, 0), "entered_on": date(2025, 7, 1)},
        {"contact_id": "C2", "stage": "lead", "entered_at": datetime(2025, 1, 1, 5, 0), "entered_on": date(2025, 1, 1)},
    ]


def test_orders_contracts_and_followers(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text('no,account,day,amount\nO1,A1,2025/4/1,"1,000.50"\n')
    order = {"order_id": "no", "account_id": "account", "ordered_on": "day", "amount": "amount"}
    assert rows(tmp_path, "orders", {"file": "orders.csv", "columns": order}) == [
        {
            "order_id": "O1",
            "account_id": "A1",
            "ordered_on": date(2025, 4, 1),
            "amount": Decimal("1000.50"),
            "kind": "new",
            "cost": None,
            "deal_id": None,
        }
    ]
    (tmp_path / "contracts.tsv").write_text("no\taccount\tstart\tend\nK1\tA1\t2025/4/1\t9999/12/31\n")
    contract = {"contract_id": "no", "account_id": "account", "started_on": "start", "ended_on": "end"}
    assert rows(tmp_path, "contracts", {"file": "contracts.tsv", "columns": contract})[0]["ended_on"] == date(
        9999, 12, 31
    )
    (tmp_path / "social.csv").write_text("day;where;who;n\n2025/4/1;X;@example;12,345\n")
    followers = {"as_of_on": "day", "platform": "where", "account": "who", "followers": "n"}
    assert rows(tmp_path, "social_followers", {"file": "social.csv", "delimiter": ";", "columns": followers}) == [
        {"as_of_on": date(2025, 4, 1), "platform": "X", "account": "@example", "followers": 12345}
    ]


def test_a_missing_file_names_it_and_what_to_do(tmp_path: Path) -> None:
    error = refused(tmp_path, "deals", DEALS)
    assert error.where == "deals.csv"
    assert "no such file" in error.problem
    assert "company.yml" in error.remedy


def test_a_missing_column_names_what_was_wanted_and_found(tmp_path: Path) -> None:
    deals(tmp_path, "D1,A1,受注", header="商談ID,会社ID,ステージ")
    columns = {"deal_id": "商談ID", "account_id": "会社ID", "status": "フェーズ"}
    error = refused(tmp_path, "deals", {"file": "deals.csv", "columns": columns})
    assert error.where == "deals.csv"
    assert error.problem == "has no column フェーズ (for status); its first row is: 商談ID, 会社ID, ステージ"
    assert error.remedy.startswith("correct the header under sources.exports.deals.columns in company.yml")


def test_a_file_without_its_header_shows_nobody_s_data(tmp_path: Path) -> None:
    deals(tmp_path, header="D-1,C-1,担当者0001,提案,新規,1000,tantou.1@example.jp,2026-01-02")
    error = refused(tmp_path, "deals", DEALS)
    assert error.problem.endswith("its first row holds data, not headers")
    assert "担当者" not in str(error) and "@" not in str(error)


def test_a_header_that_stands_twice(tmp_path: Path) -> None:
    deals(tmp_path, "D1,受注,受注", header="商談ID,フェーズ,フェーズ")
    error = refused(tmp_path, "deals", {"file": "deals.csv", "columns": {"deal_id": "商談ID", "status": "フェーズ"}})
    assert (error.where, error.problem) == (
        "deals.csv column フェーズ",
        "may be any of these headers: フェーズ, フェーズ",
    )


def test_two_headers_that_are_the_same_but_for_their_writing(tmp_path: Path) -> None:
    deals(tmp_path, "D1,受注,5,6", header="商談ID,フェーズ,Amount [JPY],amount  （JPY）")
    columns = {"deal_id": "商談ID", "status": "フェーズ"}
    assert rows(tmp_path, "deals", DEALS | {"columns": columns})[0]["status"] == "won"  # neither is mapped
    error = refused(tmp_path, "deals", DEALS | {"columns": columns | {"amount": "Amount (JPY)"}})
    assert error.where == "deals.csv column Amount (JPY)"
    assert error.problem == "may be any of these headers: Amount [JPY], amount  (JPY)"
    assert "our amount" in error.remedy


@settings(deadline=None)
@given(st.text("商談ＩID金額（()）［]【】 \u3000\ufeffa"))
def test_a_header_is_compared_by_what_normalisation_leaves(text: str) -> None:
    once = cells.header(text)
    assert cells.header(once) == once == cells.header(f"\ufeff {text.upper()}\u3000")
    assert "  " not in once and not set(once) & set("（）［【\u3000\ufeffA")


def test_the_wrong_encoding_names_byte_and_line(tmp_path: Path) -> None:
    deals(tmp_path, "D1,A1,山,受注,更新,5,2025/4/1,", encoding="cp932")
    error = refused(tmp_path, "deals", DEALS | {"encoding": "utf-8"})
    assert error.where == "deals.csv"
    assert error.problem == "cannot be read as text: utf-8 ends at byte 0, line 1"


@pytest.mark.parametrize(
    ("line", "column", "problem", "remedy"),
    [
        ("D9,A1,,受注,,12-34,,", "金額（円）", "12-34 is not an amount", "write digits alone"),
        ("D9,A1,,受注,,about 5,,", "金額（円）", "a text of 7 characters is not an amount", "write digits alone"),
        ("D9,A1,,受注,,,2025/13/1,", "作成日", "2025/13/1 is not a day of the calendar", "2025/4/1"),
        ("D9,A1,,受注,,,,4/1/2025", "クローズ日", "4/1/2025 may begin with its month", "day_order: mdy"),
        (
            "D9,A1,,受注確度A,,,,",
            "フェーズ",
            "a text of 5 characters is not a status that company.yml knows",
            "map what stands there in company.yml: sources.exports.deals.values.status: {value: one of open, ",
        ),
        ("D9,A1,,,,,,", "フェーズ", "is empty", "fill it in"),
        (",A1,,受注,,,,", "商談ID", "is empty", "fill it in"),
        ("D9,taro@example.com,,受注,,,,", "会社ID", "holds an e-mail address", "map a column"),
        ("D9,,,受注,,03-1234-5678,,", "金額（円）", "a phone number is not an amount", "write digits alone"),
    ],
)
def test_a_cell_that_cannot_be_read_names_file_line_and_column(
    tmp_path: Path, line: str, column: str, problem: str, remedy: str
) -> None:
    deals(tmp_path, "D1,A1,山,受注,更新,5,2025/4/1,", 'D2,"A\r\n2",,受注,,,,', "", "D3,,,受注,,,,", line)
    (row,) = aside(tmp_path, "deals", DEALS)
    assert (row.file, row.line, row.column, row.is_rejected) == ("deals.csv", 7, column, True)
    assert row.reason.startswith(problem)
    assert row.remedy is not None and remedy in row.remedy
    error = refused(tmp_path, "deals", DEALS)
    assert error.where == "deals.csv"
    assert error.problem.startswith(
        f"1 of 4 rows of deals cannot be read, more than 1%: deals.csv line 7 column {column} {problem}"
    )
    assert "taro" not in f"{error}{row}"


def test_a_value_that_is_not_mapped_is_shown_where_it_is_a_category(tmp_path: Path) -> None:
    """On three rows it is one; on fewer it may be somebody's name in the wrong column."""
    deals(tmp_path, *(f"D{n},A1,,受注確度A,,,," for n in range(3)), "D8,A1,,山田,,,,", "D9,A1,,山田,,,,")
    found = {row.reason for row in aside(tmp_path, "deals", DEALS)}
    assert found == {
        "受注確度A is not a status that company.yml knows",
        "a text of 2 characters is not a status that company.yml knows",
    }
    remedy = "map it in company.yml: sources.exports.deals.values.status: {受注確度A: one of open, won, lost}"
    assert aside(tmp_path, "deals", DEALS)[0].remedy == remedy


def created(folder: Path, **settings: Any) -> list[date | None]:
    return [row["created_on"] for row in rows(folder, "deals", DEALS | settings)]


def test_one_date_tells_the_order_of_day_and_month_in_the_whole_file(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,,04/05/2025,", "D2,,,受注,,,,", "D3,,,受注,,,2025/4/6,13/05/2025")
    assert created(tmp_path) == [date(2025, 5, 4), None, date(2025, 4, 6)]
    assert created(tmp_path, day_order="mdy")[0] == date(2025, 5, 4)  # what the file shows counts
    deals(tmp_path, "D1,,,受注,,,04/05/2025,", "D2,,,受注,,,,05/13/2025 10:00")
    assert created(tmp_path) == [date(2025, 4, 5), None]


def test_the_order_is_right_in_a_later_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", SMALL)
    monkeypatch.setattr(csv_file, "_CHUNK", SMALL // 2)
    plain = [f"D{n},,,受注,,,2025-04-01," for n in range(BLOCKS)]
    deals(tmp_path, "A,,,受注,,,,", *plain, "D,,,受注,,,04/05/2025,", *plain, "E,,,受注,,,04/13/2025,")
    found = created(tmp_path)
    assert (found[0], found[1], found[len(plain) + 1], found[-1]) == (
        None,
        date(2025, 4, 1),
        date(2025, 4, 5),
        date(2025, 4, 13),
    )


def test_company_yml_tells_the_order_where_the_file_does_not(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,,04/05/2025,")
    error = refused(tmp_path, "deals", DEALS)
    assert "deals.csv line 2 column 作成日 04/05/2025 may begin with" in error.problem
    assert "day_order: mdy" in error.remedy and "company.yml" in error.remedy
    assert created(tmp_path, day_order="mdy") == [date(2025, 4, 5)]
    assert created(tmp_path, day_order="dmy") == [date(2025, 5, 4)]


def test_a_file_in_both_orders_is_refused(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,,13/05/2025,", "D2,,,受注,,,,05/13/2025")
    error = refused(tmp_path, "deals", DEALS | {"day_order": "mdy"})
    assert error.where == "deals.csv"
    assert "line 3 column クローズ日" in error.problem and "line 2 column 作成日" in error.problem


def test_a_column_of_day_numbers_of_excel(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,,45000,2025-04-01", "D2,,,受注,,,,", "D3,,,受注,,,45000.75,2025-04-02")
    assert created(tmp_path) == [date(2023, 3, 15), None, date(2023, 3, 15)]


def test_a_number_among_written_dates_is_refused(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,,45000,", "D2,,,受注,,,2025-04-02,")
    (row,) = aside(tmp_path, "deals", DEALS)
    assert (row.line, row.column, row.reason) == (2, "作成日", "45000 is not a date or a date with a time")


@pytest.mark.parametrize(
    "numbers", [("2025", "2026"), ("202504", "202505"), ("250401", "250402"), ("45000", "250402"), ("20250401", "")]
)
def test_numbers_that_are_years_months_or_days_are_not_day_numbers(tmp_path: Path, numbers: tuple[str, str]) -> None:
    deals(tmp_path, *(f"D{number},,,受注,,,{number}," for number in numbers))
    assert aside(tmp_path, "deals", DEALS)[0].reason == f"{numbers[0]} is not a date or a date with a time"


def test_early_and_open_ends_stand_among_day_numbers(tmp_path: Path) -> None:
    deals(tmp_path, *(f"D{number},,,受注,,,{number}," for number in (61, 2025, 45000, 2958465)))
    assert created(tmp_path) == [date(1900, 3, 1), date(1905, 7, 17), date(2023, 3, 15), date(9999, 12, 31)]


def test_the_rows_of_several_files_add_up(tmp_path: Path) -> None:
    deals(tmp_path, "D1,A1,,受注,,1,04/05/2025,", "D2,,,受注,,2,13/05/2025,").rename(tmp_path / "old.csv")
    deals(tmp_path, "D3,A1,,受注,,3,04/05/2025,", "D4,,,受注,,,04/13/2025,").rename(tmp_path / "2025-05.csv")
    (tmp_path / "more.tsv").write_text(
        "金額(円)\t商談ID\tフェーズ\t種別\t作成日\tクローズ日\t会社ID\n5\tD5\t受注\t\t\t\t\n"
    )
    load, table, _ = loaded(tmp_path, "deals", DEALS | {"file": ["old.csv", "2025-*.csv", "more.tsv"]})
    assert [(row["deal_id"], row["amount"], row["created_on"]) for row in table.to_pylist()] == [
        ("D1", 1, date(2025, 5, 4)),  # each file tells its own order
        ("D2", 2, date(2025, 5, 13)),
        ("D3", 3, date(2025, 4, 5)),
        ("D4", None, date(2025, 4, 13)),
        ("D5", 5, None),
    ]
    assert [(fetch.request, fetch.row_count) for fetch in load.fetches] == [
        ("old.csv", 2),
        ("2025-05.csv", 2),
        ("more.tsv", 1),
    ]


def test_one_missing_file_of_several_stops_the_load(tmp_path: Path) -> None:
    deals(tmp_path, "D1,,,受注,,,,")
    assert refused(tmp_path, "deals", DEALS | {"file": ["deals.csv", "none-*.csv"]}).where == "none-*.csv"


def parquet(path: Path, day: list[Any]) -> dict[str, Any]:
    pq.write_table(
        pa.table({"id": ["O1", "O2"], "account": ["A1", "A1"], "day": day, "sum": [Decimal("1.50")] * 2}), path
    )
    columns = {"order_id": "id", "account_id": "account", "ordered_on": "day", "amount": "sum"}
    return {"file": path.name, "columns": columns}


def test_parquet(tmp_path: Path) -> None:
    entry = parquet(tmp_path / "orders.parquet", [date(2025, 4, 1), date(2025, 4, 2)])
    found = [(row["order_id"], row["ordered_on"], row["amount"]) for row in rows(tmp_path, "orders", entry)]
    assert found == [("O1", date(2025, 4, 1), Decimal("1.50")), ("O2", date(2025, 4, 2), Decimal("1.50"))]


def test_a_cell_of_parquet_that_cannot_be_read_names_its_row(tmp_path: Path) -> None:
    entry = parquet(tmp_path / "orders.parquet", ["2025/4/1", "soon"])
    assert "orders.parquet row 2 column day a text of 4" in refused(tmp_path, "orders", entry).problem


def test_excel(tmp_path: Path) -> None:
    header = [text(name) for name in ("no", "account", "day", "sum")]
    row = [text("O1"), number(7), number(45000), number("1234.5")]  # a day number without a format
    write_xlsx(tmp_path / "orders.xlsx", {"cover": [[text("orders")]], "data": [header, row]})
    columns = {"order_id": "no", "account_id": "account", "ordered_on": "day", "amount": "sum"}
    entry = {"file": "orders.xlsx", "sheet": "data", "columns": columns}
    (found,) = rows(tmp_path, "orders", entry)
    assert (found["account_id"], found["ordered_on"], found["amount"]) == ("7", date(2023, 3, 15), Decimal("1234.50"))
    error = refused(tmp_path, "orders", entry | {"sheet": None})
    assert error.where == "orders.xlsx" and "has no column no" in error.problem
    write_xlsx(tmp_path / "orders.xlsx", {"data": [header, [], [*row[:3], text("much")]]})
    assert "orders.xlsx row 3 column sum a text of 4" in refused(tmp_path, "orders", entry).problem


def test_the_line_is_right_in_a_later_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", SMALL)
    monkeypatch.setattr(csv_file, "_CHUNK", SMALL // 2)
    deals(tmp_path, *(f"D{n},,,受注,,,," for n in range(BLOCKS)), "D,,,受注,,x,,")
    (row,) = aside(tmp_path, "deals", DEALS)
    assert (row.line, row.column) == (BLOCKS + 2, "金額（円）")
    assert loaded(tmp_path, "deals", DEALS)[2].rejected == 1  # of so many rows


@pytest.mark.parametrize("day", ["2025-04-01", "4/13/2025", "45748"])  # the last two need the whole file first
def test_memory_does_not_grow_with_the_file(tmp_path: Path, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", SMALL)
    monkeypatch.setattr(csv_file, "_CHUNK", SMALL // 2)

    def peak(batches: int) -> float:
        deals(tmp_path, *(f"D{n},A{n},,受注,,{n},{day}," for n in range(batches * BLOCKS)))
        (load,) = exports.load({"deals": [ExportFile(**DEALS)]}, tmp_path, "Asia/Tokyo", "JPY", KEY)
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        try:
            arrow = max(pa.total_allocated_bytes() for _ in load.batches)
            return float(tracemalloc.get_traced_memory()[1] + arrow - before)
        finally:
            tracemalloc.stop()

    assert peak(8) < 1.3 * peak(4)


def test_our_columns_are_those_of_the_tables_and_those_that_decide_on_a_row() -> None:
    assert export_tables.readable("deals") == [
        "deal_id",
        "status",
        "kind",
        "created_on",
        "closed_on",
        "amount",
        "stage",
        "contact_id",
        "account_id",
        "merged_ids",
        "modified_at",
        "is_deleted",
        "is_won",
        "is_closed",
        "currency",
    ]
    assert export_tables.readable("page_scrolls") == ["date_on", "page", "scroll_depth", "sessions"]
    assert needed("form_submissions") == {"kind", "submitted_at"}
    assert needed("newsletter_subscribers") == {"subscribed_on"}
    for kind, column in [*export_tables.CHOICES, *export_tables.DEFAULTS]:
        assert column in export_tables.readable(kind)


@pytest.mark.parametrize("name", ["cp932_holidays"])
def test_a_real_file_in_cp932(name: str) -> None:
    """National holidays of the Cabinet Office of Japan: 1,067 rows, dates without zeros, 1955 to 2027."""
    folder = Path(__file__).parents[2] / "../shared/data" / name
    if not folder.exists():
        pytest.skip("the shared data is not here")
    columns = {
        "contract_id": "国民の祝日・休日月日",
        "account_id": "国民の祝日・休日名称",
        "started_on": "国民の祝日・休日月日",
    }
    found = rows(folder, "contracts", {"file": "syukujitsu.csv", "columns": columns})
    assert len(found) == 1067
    assert (found[0]["started_on"], found[0]["account_id"]) == (date(1955, 1, 1), "元日")
    assert (found[-1]["started_on"], found[-1]["account_id"]) == (date(2027, 11, 23), "勤労感謝の日")
