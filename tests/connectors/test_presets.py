"""Every preset against the files beside it: ``presets/<preset>/<kind>[.<variant>].csv`` and its ``.expected.yml``.

The expected file holds ``rows``, each with its filled columns, as text: ``person_id`` is written as the address,
``client_id`` as ``of`` and the id, and the person in an id that is made of it as ``of the person``. Where a company
must say something itself, ``company`` is what stands beside ``preset:`` in its company.yml.
"""

import csv
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors import cells, export_presets, exports
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.personal import Pseudonyms
from pipelines.company import Company, Sources, inputs, load_company

PSEUDONYMS = Pseudonyms(b"a key for tests only")
FILES = sorted(path for path in export_presets.FOLDER.glob("*/*") if not path.name.endswith(".expected.yml"))
KINDS = [(preset, kind) for preset in export_presets.names() for kind in export_presets.built_in(preset).exports]


def entry(preset: str, kind: str, file: Path, **company: Any) -> ExportFile:
    settings = ExportFile(preset=preset, file=(str(file),), **company)
    return export_presets.merged(kind, settings, export_presets.built_in(preset).exports[kind])


def rows(kind: str, *entries: ExportFile) -> list[dict[str, str]]:
    """The rows of the files with their filled columns, as text."""
    (load,) = exports.load({kind: entries}, Path(), "Asia/Tokyo", "JPY", PSEUDONYMS)
    names = load.table.schema.names
    found = (row for batch in load.batches for row in batch.select(names).to_pylist())
    return [{name: str(value) for name, value in row.items() if value is not None} for row in found]


def expected_of(file: Path) -> dict[str, Any]:
    expected: dict[str, Any] = yaml.load(file.with_suffix(".expected.yml").read_text(), yaml.BaseLoader)
    return expected


def kind_of(file: Path) -> str:
    return file.name.partition(".")[0]


def filled_headers(file: Path) -> set[str]:
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = file.read_text("cp932")
    headers, *below = csv.reader(text.splitlines())
    return {header for row in below for header, cell in zip(headers, row, strict=False) if cell}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_file_of_the_tool(file: Path) -> None:
    expected = expected_of(file)
    found = rows(kind_of(file), entry(file.parent.name, kind_of(file), file, **expected.get("company", {})))
    for row in expected["rows"]:
        if "person_id" in row:
            row["person_id"] = PSEUDONYMS.person(row["person_id"])
        if "submission_id" in row:
            row["submission_id"] = row["submission_id"].replace("of the person", row.get("person_id", ""))
        if "client_id" in row:
            row["client_id"] = PSEUDONYMS.of(row["client_id"].removeprefix("of "))
    assert found == expected["rows"]


@pytest.mark.parametrize(("preset", "kind"), KINDS)
def test_every_column_of_a_preset_stands_in_a_file_beside_it(preset: str, kind: str) -> None:
    settings = export_presets.built_in(preset).exports[kind]
    files = (file for file in FILES if file.parent.name == preset and kind_of(file) == kind)
    filled = {cells.header(header) for file in files for header in filled_headers(file)}
    shown = {column for column, headers in settings.columns.items() if filled & set(map(cells.header, headers))}
    assert settings.columns.keys() - shown == set()


@pytest.mark.parametrize("preset", export_presets.names())
def test_every_preset_is_in_the_documentation_and_in_the_package(preset: str) -> None:
    root = Path(__file__).parents[2]
    assert f"`{preset}`" in (root / "docs/company-folder.md").read_text()
    pages = "".join(page.read_text() for page in (root / "docs/sources").glob("*.md"))
    assert f"preset: {preset}" in pages


DOCS = Path(__file__).parents[2] / "docs/sources"
BLOCKS = [
    (page.name, textwrap.dedent(block))
    for page in sorted(DOCS.glob("*.md"))
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[page for page, _ in BLOCKS])
def test_what_the_documentation_says_to_write_loads(page: str, block: str, tmp_path: Path) -> None:
    if block.startswith("tool:"):
        (tmp_path / "preset.yml").write_text(block)
        block = "deals: {preset: preset.yml, file: a.csv}\n"
    if not block.startswith(("sources:", "plan:")):
        block = "sources:\n  exports:\n" + textwrap.indent(block, "    ")
    (tmp_path / "company.yml").write_text(COMPANY.removesuffix("sources:\n  exports:\n") + block)
    company = load_company(tmp_path)
    assert company.plan or company.sources != Sources()


COMPANY = """name: Acme
locale: ja
timezone: Asia/Tokyo
currency: JPY
fiscal_year_start: 4
start: 2025-04-01
site: {hosts: [www.example.co.jp], article_paths: [/articles/]}
sources:
  exports:
"""


def company(folder: Path, exports_yml: str) -> Company:
    (folder / "company.yml").write_text(COMPANY + exports_yml)
    return load_company(folder)


def refused(folder: Path, exports_yml: str) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        company(folder, exports_yml)
    return refusal.value


def test_what_company_yml_says_wins_key_by_key(tmp_path: Path) -> None:
    found = company(
        tmp_path,
        """    deals:
      preset: hubspot
      file: deals.csv
      encoding: cp932
      columns: {amount: 見込額, currency: [], status: 段階}
      values: {status: {契約: won, 受注: open}}
""",
    )
    (deals,) = found.sources.exports["deals"]
    assert (deals.file, deals.encoding) == (("deals.csv",), ("cp932",))
    assert (deals.columns["amount"], deals.columns["status"]) == (("見込額",), ("段階",))
    assert "currency" not in deals.columns
    assert deals.columns["closed_on"][:2] == ("Close Date", "クローズ日")
    assert {value: deals.values["status"][value] for value in ("契約", "受注", "失注", "*")} == {
        "契約": "won",
        "受注": "open",
        "失注": "lost",
        "*": "open",
    }
    assert "closed_on" in deals.may_lack
    assert deals.may_lack.isdisjoint({"deal_id", "amount", "status"})


def test_options_of_a_preset_hold_until_the_company_says_otherwise(tmp_path: Path) -> None:
    found = company(
        tmp_path,
        """    deals:
      - {preset: salesforce, file: a.csv}
      - {preset: salesforce, file: b.csv, footer: false}
""",
    )
    first, second = found.sources.exports["deals"]
    assert (first.footer, first.id_format) == (True, "salesforce")
    assert (second.footer, second.id_format) == (False, "salesforce")


def test_a_preset_of_the_companys_own(tmp_path: Path) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/our-crm.yml").write_text(
        "tool: Our CRM\nexports:\n  orders:\n    file: exports/orders.csv\n    columns:\n"
        "      {order_id: No, account_id: 会社, ordered_on: 日付, amount: 金額, cost: 原価}\n"
    )
    found = company(tmp_path, "    orders: {preset: presets/our-crm.yml}\n")
    (orders,) = found.sources.exports["orders"]
    assert (list(orders.file), sorted(orders.may_lack)) == (["exports/orders.csv"], ["cost"])


@pytest.mark.parametrize(
    ("exports_yml", "where", "problem", "remedy"),
    [
        (
            "    deals: {preset: hubspt, file: a.csv}\n",
            "company.yml: sources.exports.deals.preset (line 10)",
            "hubspt is not a preset",
            "did you mean hubspot? Known: account_engagement, generic, hubspot, kintone, mailchimp, marketo, "
            "salesforce, salesforce_leads, satori; or the path of one of your own, such as presets/our-crm.yml",
        ),
        (
            "    deals: {preset: mailchimp, file: a.csv}\n",
            "company.yml: sources.exports.deals.preset (line 10)",
            "mailchimp knows no deals",
            "it knows newsletter_subscribers; write this file's `columns:` yourself",
        ),
        (
            "    deals: {preset: hubspot}\n",
            "company.yml: sources.exports.deals.file (line 10)",
            "is missing",
            "add `file:` and the path of the file in the company folder",
        ),
        (
            "    deals:\n      - {preset: hubspot, file: a.csv}\n      - preset: hubspot\n        file: b.csv\n"
            "        columns: {amuont: x}\n",
            "company.yml: sources.exports.deals[1].columns.amuont (line 14)",
            "is not a column of ours",
            "did you mean amount? ",
        ),
        (
            "    deals: {file: a.csv}\n",
            "company.yml: sources.exports.deals.columns (line 10)",
            "is missing",
            "add `columns:` and below it, our column: the header in your file; or the `preset:` of your tool",
        ),
        (
            "    deals: {file: a.csv, columns: {deal_id: No, status: []}}\n",
            "company.yml: sources.exports.deals.columns.status (line 10)",
            "names no header",
            "write the header in your file",
        ),
    ],
)
def test_what_is_wrong_with_a_preset_in_company_yml(
    tmp_path: Path, exports_yml: str, where: str, problem: str, remedy: str
) -> None:
    error = refused(tmp_path, exports_yml)
    assert (error.where, error.problem) == (where, problem)
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("preset", "where", "problem"),
    [
        (None, "crm.yml", "there is no such file"),
        ("exports: {}\n", "crm.yml: tool", "is missing"),
        ("tool: T\nexports:\n  deels: {}\n", "crm.yml: exports.deels (line 3)", "is not a kind of export"),
        (
            "tool: T\nexports:\n  deals:\n    columns: {deal: No}\n",
            "crm.yml: exports.deals.columns.deal (line 4)",
            "is not a column of ours",
        ),
        (
            "tool: T\nexports:\n  deals:\n    values: {status: {x: gained}}\n",
            "crm.yml: exports.deals.values.status.x (line 4)",
            "gained is not a status of ours",
        ),
        (
            "tool: T\nexports:\n  deals: {preset: hubspot}\n",
            "crm.yml: exports.deals.preset (line 3)",
            "stands in a preset",
        ),
        ("tool: T\nexports:\n  deals: {colums: {}}\n", "crm.yml: exports.deals.colums (line 3)", "is not a key"),
    ],
)
def test_what_is_wrong_in_a_preset_of_the_companys_own(
    tmp_path: Path, preset: str | None, where: str, problem: str
) -> None:
    if preset is not None:
        (tmp_path / "crm.yml").write_text(preset)
    error = refused(tmp_path, "    deals: {preset: crm.yml, file: a.csv}\n")
    assert error.where == where
    assert error.problem.startswith(problem)


def test_a_needed_column_that_no_candidate_names_lists_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("Nummer,Deal Stage\n1,won\n")
    with pytest.raises(SourceError) as refusal:
        rows("deals", entry("hubspot", "deals", tmp_path / "deals.csv"))
    assert "has no column Record ID or Deal ID or hs_object_id or deal_id or id or レコードID (for deal_id)" in (
        refusal.value.problem
    )


def test_the_first_header_that_a_file_has_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,Record ID,Deal Stage\n1,2,Closed Won\n")
    (found,) = rows("deals", entry("hubspot", "deals", tmp_path / "a.csv"))
    assert (found["deal_id"], found["status"]) == ("2", "won")


def test_an_input_is_there_only_where_a_file_has_its_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("受注番号,会社ID,受注日,受注額\n", "utf-8")
    (tmp_path / "b.csv").write_text("受注番号,会社ID,受注日,受注額,原価\n", "utf-8")
    without = company(tmp_path, "    orders: {preset: generic, file: a.csv}\n").sources
    assert inputs(without, tmp_path)["exports.orders"] is None
    assert inputs(without, tmp_path)["exports.orders.cost"] == (
        "exports.orders has no column cost: add it to sources.exports.orders.columns"
    )
    both = company(
        tmp_path, "    orders:\n      - {preset: generic, file: a.csv}\n      - {preset: generic, file: b.csv}\n"
    ).sources
    assert inputs(both, tmp_path)["exports.orders.cost"] is None


def test_the_rows_of_several_tools_add_up(tmp_path: Path) -> None:
    (tmp_path / "hubspot.csv").write_text("Record ID,Create Date\n1,2025-04-01\n")
    (tmp_path / "leads.csv").write_text("リード ID,作成日\n00Qxx0000000001,2025/04/02\n")
    found = rows(
        "contacts",
        entry("hubspot", "contacts", tmp_path / "hubspot.csv"),
        entry("salesforce_leads", "contacts", tmp_path / "leads.csv"),
    )
    assert [(row["contact_id"], row["created_on"]) for row in found] == [
        ("1", "2025-04-01"),
        ("00Qxx0000000001EAA", "2025-04-02"),
    ]
