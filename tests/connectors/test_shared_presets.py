"""Tables as Fivetran delivers them (its own published test data) through the presets of HubSpot and Salesforce.

Counts are those that the data's SOURCE.md states, or are counted here with the csv module.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.export_settings import ExportFile
from tests.connectors.test_presets import entry, rows

SHARED = Path(__file__).parents[2] / "../shared/data"
HUBSPOT, SALESFORCE = SHARED / "hubspot_fivetran", SHARED / "salesforce_fivetran"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def hubspot(kind: str, name: str, **company: Any) -> list[dict[str, str]]:
    return rows(kind, entry("hubspot", kind, HUBSPOT / f"{name}.csv", **company))


def salesforce(preset: str, kind: str, name: str, **company: Any) -> list[dict[str, str]]:
    return rows(kind, entry(preset, kind, SALESFORCE / f"{name}.csv", **company))


def test_hubspot_contacts_and_their_merges() -> None:
    # The addresses of this data are hashes, which is why they are left out.
    contacts = hubspot("contacts", "contact_data", columns={"email": []})
    assert len(contacts) == 22
    assert [row["merged_ids"] for row in contacts if "merged_ids" in row] == ["76340251;46897301;76226001"]
    assert {row["contact_id"] for row in contacts} == {row["id"] for row in table(HUBSPOT / "contact_data.csv")}


def test_hubspot_merges() -> None:
    found = rows(
        "merges",
        entry("hubspot", "merges", HUBSPOT / "contact_merge_audit_data.csv"),
        entry("hubspot", "merges", HUBSPOT / "merged_deal_data.csv", values={"object": {"": "deal"}}),
    )
    assert Counter(row["object"] for row in found) == {"contact": 4, "deal": 14}
    assert {(row["kept_id"], row["merged_id"]) for row in found if row["object"] == "contact"} == {
        ("5555", "11111"),
        ("4444", "7777"),
        ("3333", "8888"),
        ("2222", "9999"),
    }
    assert Counter(row["kept_id"] for row in found if row["object"] == "deal")["9089908390"] == 4


def test_hubspot_deals_without_stage_amount_or_day_of_closing() -> None:
    deals = hubspot("deals", "deal_data")
    assert len(deals) == 44
    assert Counter(deal["status"] for deal in deals) == {"open": 44}
    assert not [deal for deal in deals if "amount" in deal or "closed_on" in deal]


def test_hubspot_stages_of_deals() -> None:
    changes = hubspot("deal_stage_changes", "deal_stage_data")
    entered = {(row["deal_id"], row["value"]) for row in table(HUBSPOT / "deal_stage_data.csv")}
    assert {(row["deal_id"], row["stage"]) for row in changes} == entered
    assert len(changes) == len(entered) == 14


def test_hubspot_histories_hold_no_stage_here() -> None:
    # 100 changes of properties whose names are hashed: none of them is lifecyclestage.
    assert hubspot("stage_changes", "contact_property_history_data") == []


def test_hubspot_form_submissions() -> None:
    kinds = {
        "Newsletter Signup": "newsletter",
        "Download Guide": "download",
        "Contact Us": "inquiry",
        "Request Demo": "inquiry",
        "Signup Form": "other",
    }
    found = hubspot("form_submissions", "contact_form_submission_data", values={"kind": kinds})
    assert [(row["submission_id"], row["contact_id"], row["kind"], row["page_path"]) for row in found] == [
        ("101", "001", "newsletter", "/newsletter"),
        ("102", "002", "download", "/guide"),
        ("103", "003", "inquiry", "/contact"),
        ("104", "004", "inquiry", "/demo"),
        ("105", "005", "other", "/signup"),
    ]


def test_hubspot_members_that_left_a_list() -> None:
    members = table(HUBSPOT / "contact_list_member_data.csv")
    assert Counter(row["_fivetran_deleted"] for row in members) == {"false": 68, "true": 32}
    for list_id, still in Counter(
        row["contact_list_id"] for row in members if row["_fivetran_deleted"] == "false"
    ).items():
        only = {"contact_list_id": list_id, "_fivetran_deleted": "false"}
        assert len(hubspot("newsletter_subscribers", "contact_list_member_data", only=only)) == still


def test_salesforce_opportunities_that_are_all_deleted() -> None:
    assert salesforce("salesforce", "deals", "sf_opportunity_data") == []


def test_salesforce_opportunities_by_what_they_say_of_themselves() -> None:
    # Their types are hashed: a company that had such types would map them.
    deals = salesforce(
        "salesforce",
        "deals",
        "sf_opportunity_data",
        columns={"is_deleted": []},
        values={"kind": {"*": "new"}},
    )
    assert Counter(deal["status"] for deal in deals) == {"won": 5, "lost": 9 - 5, "open": 10 - 9}
    assert sum(float(deal.get("amount", 0)) for deal in deals) == 24_530_001


def test_salesforce_history_of_opportunities() -> None:
    changes = salesforce("salesforce", "deal_stage_changes", "sf_opportunity_history_data")
    assert [(row["deal_id"], row["stage"]) for row in changes] == [
        (row["id"], row["stage_name"]) for row in table(SALESFORCE / "sf_opportunity_history_data.csv")
    ]


def test_a_converted_salesforce_lead_is_its_contact() -> None:
    (lead,) = salesforce("salesforce_leads", "contacts", "sf_lead_data")
    assert (lead["contact_id"], lead["merged_into_id"]) == ("00Q1G00000nDnM5UAK", "0031G00001QtDPlQAN")
    assert (lead["stage"], lead["industry"]) == ("sql", "Internet Software & Services")
    assert "h@gmail.com" not in str(lead)


def test_salesforce_contacts() -> None:
    # Three of the four ids lost a character when the data was made anonymous: they stay what they are.
    contacts = salesforce("salesforce", "contacts", "sf_contact_data")
    assert [row["contact_id"] for row in contacts] == [row["id"] for row in table(SALESFORCE / "sf_contact_data.csv")]
    assert [row.get("account_id") for row in contacts][2] == "0011G00000f8NwQAU"


def test_a_real_cp932_file_through_a_mapping_of_its_own() -> None:
    holidays = ExportFile.model_validate(
        {
            "file": str(SHARED / "cp932_holidays/syukujitsu.csv"),
            "columns": {
                "contact_id": "国民の祝日・休日月日",
                "created_on": "国民の祝日・休日月日",
                "industry": "国民の祝日・休日名称",
            },
        }
    )
    found = rows("contacts", holidays)
    assert len(found) == 1067
    assert (found[0]["created_on"], found[0]["industry"]) == ("1955-01-01", "元日")
    assert found[-1]["created_on"] == "2027-11-23"
