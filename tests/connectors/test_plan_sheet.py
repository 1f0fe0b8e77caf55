"""The plan in a Google Sheet: Google's own client against the demo's sheet, and every way in which a sheet is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from google.auth.credentials import AnonymousCredentials

import demo
from connectors import plan_sheet, plan_tables
from connectors.errors import SourceError
from connectors.plan import Plan, Target
from demo.faults import Fault
from demo.sheets import OFFICE_ID, SHEET_ID, Sheets

DEMO = Path(__file__).parents[2] / "demo"
ANONYMOUS = AnonymousCredentials()  # type: ignore[no-untyped-call]
KGI = ["kpi", "grain", "start", "end", "target"], ["orders", "quarter", "2025/04/01", "2026/03/31", "30"]
TARGETS = ["kpi", "grain", "start", "end", "target", "over", "segment", "owner"]
INQUIRIES = ["inquiries", "month", "2025/04/01", "2026/03/31", "60", "", "", "Web team"]


@dataclass
class Sheet:
    """The demo's sheet, with tabs of a test's own."""

    servers: demo.Demo

    def show(self, **tabs: list[list[str]]) -> None:
        self.servers.sheets.tabs = {"kgi": [*KGI], **tabs}

    def targets(self, *rows: list[str]) -> tuple[Target, ...]:
        self.show(targets=[TARGETS, *rows])
        return self.read().targets

    def read(self, sheet_id: str = SHEET_ID) -> Plan:
        with plan_sheet.service(self.servers.http, ANONYMOUS) as service:
            return plan_sheet.read(service, sheet_id, pause_seconds=0.01)

    def refused(self, sheet_id: str = SHEET_ID) -> str:
        with pytest.raises(SourceError) as refusal:
            self.read(sheet_id)
        return str(refusal.value)

    @property
    def statuses(self) -> list[str]:
        return [request.status for request in self.servers.requests]


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(date(2026, 10, 18)) as servers:
        yield servers


@pytest.fixture
def sheet(running: demo.Demo) -> Iterator[Sheet]:
    running.forget_requests()
    yield Sheet(running)
    running.faults.clear()
    running.sheets = Sheets()


def inquiries(**changed: str) -> list[str]:
    return [changed.get(name, cell) for name, cell in zip(TARGETS, INQUIRIES, strict=True)]


# What a sheet becomes ------------------------------------------------------------------------------------------------


def test_the_demo_s_sheet_is_its_plan_yml(sheet: Sheet) -> None:
    plan = sheet.read()
    assert plan == plan_tables.read(DEMO)
    assert (plan.kgi.kpi, plan.kgi.start, plan.kgi.target) == ("orders", date(2025, 4, 1), 30.0)
    assert {target.kpi: target.level for target in plan.targets}["read_through_rate"] == 0.35
    assert plan.personas[0].industries == ("製造業", "卸売業")


def test_two_requests_read_it_and_other_tabs_are_not_asked_for(sheet: Sheet) -> None:
    sheet.show(targets=[TARGETS, INQUIRIES], 売上=[["秘"]])
    sheet.read()
    listed, cells = sheet.servers.requests
    assert (listed.api, listed.method, listed.rows) == ("sheets", "get", 0)
    assert cells.what.split()[0] == "'kgi','targets'"
    assert cells.rows == 4


def test_every_section_is_a_tab(sheet: Sheet) -> None:
    sheet.show(
        focus=[["key_kpi"], ["inquiries"]],
        personas=[["name", "industries", "roles", "problems"], ["Accounting", "a、b,c", "d；e\nf，", ""]],
        handoff=[["mql_is", "sla_hours", "owner"], ["asked for a price", "24", "Sales"]],
        reviews=[["every", "weekday", "business_day", "owner"], ["week", "monday"], ["month", "", "3", "Web team"]],
        on_miss=[["process", "owner"], ["look at the stage before", "Web team"]],
        resources=[["what", "hours_per_month", "budget_per_month"], ["writing", "12.5", "300,000"]],
    )
    plan = sheet.read()
    assert plan.model_dump(exclude={"kgi"}, exclude_none=True) == {
        "version": 1,
        "focus": {"key_kpi": "inquiries"},
        "targets": (),
        "personas": ({"name": "Accounting", "industries": ("a", "b", "c"), "roles": ("d", "e", "f"), "problems": ()},),
        "handoff": {"mql_is": "asked for a price", "sla_hours": 24.0, "owner": "Sales"},
        "reviews": ({"every": "week", "weekday": "monday"}, {"every": "month", "business_day": 3, "owner": "Web team"}),
        "on_miss": {"process": "look at the stage before", "owner": "Web team"},
        "resources": ({"what": "writing", "hours_per_month": 12.5, "budget_per_month": 300_000.0},),
    }


@pytest.mark.parametrize(
    "written", ["2025/04/01", "2025/4/1", "2025-04-01", "2025年4月1日", "4/1/2025", "'2025-04-01", "'2025/4/1", "45748"]
)
def test_a_day_is_that_day_however_it_is_shown(sheet: Sheet, written: str) -> None:
    assert sheet.targets(inquiries(start=written))[0].start == date(2025, 4, 1)


@pytest.mark.parametrize("written", ["2025", "20250401", "'4/1/2025", "'2025/2/30", "'2025年4月1日", "spring"])
def test_what_is_no_day_is_refused(sheet: Sheet, written: str) -> None:
    sheet.show(targets=[TARGETS, inquiries(start=written)])
    shown = "2025-02-30" if "30" in written else written.removeprefix("'")
    assert sheet.refused() == (f"plan sheet: targets row 2 start: {shown} is not a day\n  -> write it as 2025-04-01")


@pytest.mark.parametrize(
    ("kpi", "written", "target", "change"),
    [
        ("inquiries", "60", 60.0, None),
        ("page_views", "40,000", 40_000.0, None),
        ("page_views", "'４０，０００", 40_000.0, None),
        ("churn_rate", "0.01", 0.01, None),
        ("churn_rate", "1%", 0.01, None),
        ("read_through_rate", "37.5%", 0.375, None),
        ("hidden_click_share", "20%", 0.2, None),
        ("hidden_click_share", "+20%", 0.2, None),  # a change, meant so; nothing in the cell tells
        ("inquiries", "'+20%", "+20%", 0.2),
        ("inquiries", "'＋20％", "+20%", 0.2),
        ("read_through_rate", "'+20%", "+20%", 0.2),
        ("inquiries", "-20%", "-20%", -0.2),  # a number, which shows its sign
        ("churn_rate", "-12.5%", "-12.50%", -0.125),
        ("inquiries", "from_kgi", "from_kgi", None),
        ("inquiries", "increase", "increase", None),
    ],
)
def test_a_target_is_a_number_a_share_a_change_or_a_word(
    sheet: Sheet, kpi: str, written: str, target: object, change: float | None
) -> None:
    [found] = sheet.targets(inquiries(kpi=kpi, target=written))
    assert found.target == target
    assert found.change == (None if change is None else pytest.approx(change))


@pytest.mark.parametrize("written", ["+20%", "20%", "150%"])
def test_a_percentage_of_a_count_is_not_taken_for_a_number(sheet: Sheet, written: str) -> None:
    """Google makes 0.2 of a +20% that is typed: two tenths of an inquiry a month."""
    sheet.show(targets=[TARGETS, inquiries(target=written)])
    assert sheet.refused() == (
        f"plan sheet: targets row 2 target: {written.removeprefix('+')} is a share to Google, and inquiries is no "
        "rate\n  -> for a change write '+20% (the apostrophe keeps it as it is written), else a number without %"
    )


def test_empty_rows_and_remarks_do_not_count_and_rows_keep_their_numbers(sheet: Sheet) -> None:
    sheet.servers.sheets.tabs = {
        "ＫＧＩ": [["KPI", "Grain", "", "start", "＃ why", "end", "target"], [],
                   ["orders", "quarter", "x", "2025/04/01", "board of May", "2026/03/31", "30"], ["", "", "y"]],
        "Targets": [[*TARGETS, "# old"], [], [*[""] * 8, "50"], INQUIRIES, [],
                    inquiries(grain="week", owner=""), inquiries(kpi="mqls", target="abc"), []],
        "Personas": [["name"]],
    }  # fmt: skip
    assert sheet.refused().startswith("plan sheet: targets row 7 target: abc is not a target\n  -> write a number, a")
    sheet.servers.sheets.tabs["Targets"][6][4] = "80"
    plan = sheet.read()
    assert plan.kgi.target == 30.0
    assert [(target.kpi, target.grain, target.owner) for target in plan.targets] == [
        ("inquiries", "month", "Web team"),
        ("inquiries", "week", None),
        ("mqls", "month", "Web team"),
    ]
    assert plan.personas == ()


def test_the_special_columns_are_those_of_the_model() -> None:
    """A column of days, numbers or lists that plan.yml gains must be one here too."""
    assert set(plan_sheet.SECTIONS) == set(Plan.model_fields) - {"version"}
    kinds: dict[type, set[str]] = {date: set(), float: set(), int: set(), tuple: set()}
    for model in plan_sheet.SECTIONS.values():
        for name, field in model.model_fields.items():
            written = str(field.annotation)
            for kind, names in kinds.items():
                if kind.__name__ in written and "Literal" not in written:
                    names.add(name)
    assert kinds[date] == set(plan_sheet.DAYS)
    assert kinds[float] | kinds[int] == set(plan_sheet.NUMBERS)
    assert kinds[tuple] == set(plan_sheet.LISTS)
    assert str in get_args(Target.model_fields["owner"].annotation)


# What is wrong with it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tabs", "said"),
    [
        ({"targets": [[*TARGETS[:-1], "onwer"], INQUIRIES]},
         "targets row 1 onwer: is not a column that can stand here\n  -> did you mean owner? Known: kpi, grain, start"),
        ({"targets": [[*TARGETS, "Owner"], INQUIRIES]},
         "targets row 1 owner: is written twice\n  -> keep one of the two columns"),
        ({"targets": [TARGETS, INQUIRIES, inquiries(kpi="inquiry", grain="week")]},
         "targets row 3 kpi: inquiry is not a KPI\n  -> did you mean inquiries? Known: page_views"),
        ({"targets": [TARGETS, inquiries(grain="")]},
         "targets row 2 grain: is missing\n  -> add `grain:` week, month or quarter"),
        ({"targets": [TARGETS, inquiries(kpi="churn_rate", target="35")]},
         "targets row 2 target: 35 is above 1, and churn_rate is a rate\n  -> write 35 % as 0.35"),
        ({"targets": [TARGETS, inquiries(target="-5")]},
         "targets row 2 target: -5 is not a number from 0 on\n  -> "),
        ({"targets": [TARGETS, inquiries(target="2025/03/05")]},
         "targets row 2 target: 2025/03/05 is not a target\n  -> "),
        ({"targets": [TARGETS, inquiries(owner="#REF!")]},
         "targets row 2 owner: holds the error #REF!\n  -> mend its formula"),
        ({"targets": [TARGETS, inquiries(kpi="#N/A")]},
         "targets row 2 kpi: holds the error #N/A\n  -> mend its formula"),
        ({"targets": [TARGETS, INQUIRIES, [], inquiries(target="80")]},
         "targets row 4: inquiries by month has two targets from 2025-04-01 on\n  -> let their days not overlap"),
        ({"kgi": [*KGI, [], KGI[1]]}, "kgi row 4: is one row too many\n  -> keep one row below the first"),
        ({"kgi": [KGI[0], ["leads", *KGI[1][1:]]]},
         "kgi row 2 kpi: leads leads to the goal and is not the goal\n  -> write one of deals, orders, order_value"),
        ({"kgi": [KGI[0]]},
         "kgi: there is no such tab, or nothing below its first row\n  -> add a tab kgi with kpi, grain, start, end"),
        ({"ｋｇｉ": [*KGI]}, "tab ｋｇｉ: is that section once more\n  -> rename one of the two tabs"),
        ({"personas": [["name", "roles"], ["", "manager"]]},
         "personas row 2 name: is missing\n  -> add `name:` what the team calls this persona"),
        ({"handoff": [["mql_is", "sla_hours"], ["x", "1%"]]}, "handoff row 2 sla_hours: should be a number\n  -> "),
        ({"reviews": [["every"], ["week"]]},
         "reviews row 2 weekday: is missing\n  -> add `weekday:` monday to friday"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_tab_row_and_column(
    sheet: Sheet, tabs: dict[str, list[list[str]]], said: str
) -> None:
    sheet.show(**tabs)
    assert sheet.refused().startswith(f"plan sheet: {said}")


def test_what_is_wrong_is_said_together(sheet: Sheet) -> None:
    sheet.show(targets=[TARGETS, inquiries(target="20%", start="soon"), inquiries(kpi="#REF!")])
    assert sheet.refused() == (
        "plan sheet: 3 entries are wrong\n"
        "  targets row 2 target: 20% is a share to Google, and inquiries is no rate\n"
        "    -> for a change write '+20% (the apostrophe keeps it as it is written), else a number without %\n"
        "  targets row 3 kpi: holds the error #REF!\n"
        "    -> mend its formula\n"
        "  targets row 2 start: soon is not a day\n"
        "    -> write it as 2025-04-01\n"
        "  -> mend them and run again"
    )


def test_a_sheet_without_any_tab_of_the_plan_is_told_so(sheet: Sheet) -> None:
    sheet.servers.sheets.tabs = {"シート1": [["a"]]}
    assert sheet.refused().startswith("plan sheet: kgi: there is no such tab")
    assert len(sheet.servers.requests) == 1


# What Google answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["429_concurrent", "500", "503", "truncated_json", "truncated", "reset"])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_passing_fault_costs_one_more_request(sheet: Sheet, fault: str, skip: int) -> None:
    sheet.servers.faults.switch_on(Fault(fault, "sheets", skip=skip))
    assert sheet.read().kgi.target == 30.0
    assert sheet.statuses == ["OK"] * skip + [fault] + ["OK"] * (2 - skip)


def test_a_fault_that_stays_is_asked_five_times(sheet: Sheet) -> None:
    sheet.servers.faults.switch_on(Fault("500", "sheets", times=9))
    assert sheet.refused() == (
        "company.yml: plan: the Google Sheets API did not answer: Internal error encountered.\n"
        "  -> the plan of the last night is kept; run again later, and it goes on from there"
    )
    assert sheet.statuses == ["500"] * 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("403_permission", "plan.sheet: the service account may not read it: The caller does not have permission\n"
         "  -> share the sheet with the service account (client_email) as Viewer, under Share in the sheet; if it is"),
        ("403_disabled", "plan.credentials: the Google Sheets API is not enabled in the key's Google Cloud project "
         "123456789012\n  -> enable it at https://console.cloud.google.com/apis/library/sheets.googleapis.com?project="),
        ("403_scope", "plan.credentials: the credentials lack the scope of the Google Sheets API"),
        ("401", "plan.credentials: Google does not accept the credentials"),
    ],
)  # fmt: skip
def test_a_refusal_is_asked_once_and_says_what_to_do(sheet: Sheet, fault: str, said: str) -> None:
    sheet.servers.faults.switch_on(Fault(fault, "sheets", times=9))
    assert sheet.refused().startswith(f"company.yml: {said}")
    assert sheet.statuses == [fault]


def test_a_sheet_that_is_not_shared_not_there_or_no_sheet_is_told_apart(sheet: Sheet) -> None:
    sheet.servers.sheets.is_shared = False
    assert "the service account may not read it" in sheet.refused()
    assert sheet.refused("1" + "x" * 43) == (
        "company.yml: plan.sheet: there is no such thing: Requested entity was not found.\n"
        "  -> compare sheet with what stands between /d/ and /edit in the address of the sheet"
    )
    assert sheet.refused(OFFICE_ID) == (
        "company.yml: plan.sheet: it is no Google Sheet: This operation is not supported for this document. The "
        "document must not be an Office file.\n"
        "  -> an Excel file in Google Drive cannot be read: open it, choose File > Save as Google Sheets, and write "
        "the address of the new sheet as sheet"
    )
    assert sheet.statuses == ["PERMISSION_DENIED", "NOT_FOUND", "FAILED_PRECONDITION"]


def test_a_used_up_quota_is_told(sheet: Sheet) -> None:
    sheet.servers.faults.switch_on(Fault("429_concurrent", "sheets", times=9))
    assert sheet.refused().startswith("company.yml: plan: the quota is used up: Quota exceeded for quota metric 'Read")


def test_nobody_is_asked_without_credentials() -> None:
    with pytest.raises(SourceError, match="the Google Sheets API answers nobody without credentials"):
        plan_sheet.service(None, ANONYMOUS)
