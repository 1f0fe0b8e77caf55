"""plan.yml: what it becomes, and every way in which it is refused."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from analysis.tree import LEADS_TO
from connectors import plan, plan_tables
from connectors.errors import SourceError
from pipelines import warehouse

DEMO = Path(__file__).parents[2] / "demo"
NIGHT = date(2026, 5, 9)
PLAN = """version: 1
kgi: {kpi: orders, grain: quarter, start: 2025-04-01, end: 2026-03-31, target: 30, owner: Sales}
focus: {key_kpi: inquiries}
targets:
  - {kpi: inquiries, grain: month, start: 2025-04-01, end: 2025-09-30, target: 60, segment: new business}
  - {kpi: inquiries, grain: month, start: 2025-10-01, end: 2026-03-31, target: +20%, over: last_year}
  - {kpi: leads, grain: week, start: 2025-04-01, end: 2026-03-31, target: from_kgi}
  - {kpi: churn_rate, grain: month, start: 2025-04-01, end: 2026-03-31, target: 0.01}
  - {kpi: page_views, target: increase, owner: Editors}
personas:
  - name: Accounting
    industries: [Manufacturing, Wholesale, Wholesale]
    problems: [Paper]
  - name: IT
    roles: [ＩＴ担当]
handoff: {mql_is: asked for a price, sla_hours: 24, owner: Inside sales}
reviews:
  - {every: week, weekday: monday, owner: Web team}
  - {every: month, business_day: 3}
on_miss: {process: look at the stage before}
resources:
  - {what: writing, hours_per_month: 12.5, budget_per_month: 300000}
  - {what: design, owner: Editors}
"""
MINIMAL = "\n".join(PLAN.splitlines()[:2])


def read(folder: Path, text: str = PLAN) -> plan.Plan:
    (folder / "plan.yml").write_text(text)
    return plan_tables.read(folder)


def target(folder: Path, **keys: str) -> plan.Target:
    """The only target of a plan, which says of it what is given."""
    written = ", ".join(f"{name}: {value}" for name, value in keys.items())
    (found,) = read(folder, f"{MINIMAL}\ntargets:\n  - {{{written}}}\n").targets
    return found


def aim(folder: Path, written: str, **more: str) -> plan.Target:
    days = {"kpi": "inquiries", "grain": "month", "start": "2025-04-01", "end": "2026-03-31"}
    return target(folder, **{**days, "target": written, **more})


def refused(folder: Path, text: str) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        read(folder, text)
    return refusal.value


# What a plan becomes --------------------------------------------------------------------------------------------------


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    loads = plan_tables.load(read(tmp_path), "plan.yml", NIGHT, None)
    found = {load.table.name: pa.Table.from_batches(load.batches, load.table.schema).to_pylist() for load in loads}
    assert {row.pop("valid_from") for rows in found.values() for row in rows} == {NIGHT}
    return found


def test_the_targets(tables: dict[str, list[dict[str, Any]]]) -> None:
    start, end = date(2025, 4, 1), date(2026, 3, 31)
    kgi = {"entry": 0, "kpi": "orders", "is_kgi": True, "kind": "number", "grain": "quarter", "start_on": start,
           "end_on": end, "target": 30.0, "change": None, "over": None, "direction": None, "segment": None,
           "owner": "Sales"}  # fmt: skip
    other = {**kgi, "is_kgi": False, "grain": "month", "target": None, "owner": None}
    assert tables["plan_targets"] == [
        kgi,
        {**other, "entry": 1, "kpi": "inquiries", "end_on": date(2025, 9, 30), "target": 60.0,
         "segment": "new business"},
        {**other, "entry": 2, "kpi": "inquiries", "kind": "change", "start_on": date(2025, 10, 1), "change": 0.2,
         "over": "last_year"},
        {**other, "entry": 3, "kpi": "leads", "kind": "from_kgi", "grain": "week"},
        {**other, "entry": 4, "kpi": "churn_rate", "target": 0.01},
        {**other, "entry": 5, "kpi": "page_views", "kind": "wish", "grain": None, "start_on": None, "end_on": None,
         "direction": "increase", "owner": "Editors"},
    ]  # fmt: skip


def test_the_personas_in_the_width_of_the_contacts(tables: dict[str, list[dict[str, Any]]]) -> None:
    assert [tuple(row.values()) for row in tables["plan_personas"]] == [
        (0, "Accounting", "industry", "Manufacturing"),
        (0, "Accounting", "industry", "Wholesale"),
        (0, "Accounting", "problem", "Paper"),
        (1, "IT", "role", "IT担当"),
    ]


def test_the_reviews(tables: dict[str, list[dict[str, Any]]]) -> None:
    assert tables["plan_reviews"] == [
        {"every": "week", "weekday": "monday", "business_day": None, "owner": "Web team"},
        {"every": "month", "weekday": None, "business_day": 3, "owner": None},
    ]


def test_the_agreements(tables: dict[str, list[dict[str, Any]]]) -> None:
    assert [tuple(row.values()) for row in tables["plan_agreements"]] == [
        ("focus", 0, "key_kpi", "inquiries"),
        ("handoff", 0, "mql_is", "asked for a price"),
        ("handoff", 0, "sla_hours", "24"),
        ("handoff", 0, "owner", "Inside sales"),
        ("on_miss", 0, "process", "look at the stage before"),
        ("resources", 0, "what", "writing"),
        ("resources", 0, "hours_per_month", "12.5"),
        ("resources", 0, "budget_per_month", "300000"),
        ("resources", 1, "what", "design"),
        ("resources", 1, "owner", "Editors"),
    ]


def test_the_version_is_the_plan_itself(tables: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    (version,) = tables["plan_versions"]
    assert version["source"] == "plan.yml"
    assert version["digest"] == plan_tables.digest(read(tmp_path))
    assert plan.Plan.model_validate_json(version["document"]) == read(tmp_path)


def test_a_plan_leaves_a_fetch_for_each_table(tmp_path: Path) -> None:
    loads = plan_tables.load(read(tmp_path), "sheet 1", NIGHT, None)
    assert [(fetch.table_name, fetch.request, fetch.row_count) for load in loads for fetch in load.fetches] == [
        ("plan_versions", "sheet 1", 1),
        ("plan_targets", "sheet 1", 6),
        ("plan_personas", "sheet 1", 4),
        ("plan_reviews", "sheet 1", 2),
        ("plan_agreements", "sheet 1", 10),
    ]


def test_the_plan_of_the_demo_has_every_section() -> None:
    demo = plan_tables.read(DEMO)
    assert demo.model_dump(exclude_defaults=True).keys() == plan.Plan.model_fields.keys()
    assert (demo.kgi.kpi, demo.kgi.level) == ("orders", 30.0)
    assert [target.target for target in demo.targets[:3]] == ["from_kgi", 90.0, "+20%"]


def test_a_kgi_alone_is_a_plan(tmp_path: Path) -> None:
    loads = plan_tables.load(read(tmp_path, MINIMAL), "plan.yml", NIGHT, None)
    assert {load.table.name: sum(batch.num_rows for batch in load.batches) for load in loads} == {
        "plan_versions": 1,
        "plan_targets": 1,
        "plan_personas": 0,
        "plan_reviews": 0,
        "plan_agreements": 0,
    }


def test_a_missing_plan_says_one_to_write(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refusal:
        plan_tables.read(tmp_path)
    assert refusal.value.where == "plan.yml"
    minimal = read(tmp_path, refusal.value.remedy.partition("such as\n")[2])
    assert [target.kpi for target in (minimal.kgi, *minimal.targets)] == ["orders", "inquiries"]


# What a target may be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "change"),
    [
        ("+20%", 0.2),
        ("+20 %", 0.2),
        ('" + 20%"', 0.2),
        ("＋２０％", 0.2),
        ("+12.5%", 0.125),
        ("-10%", -0.1),
        ("－１０％", -0.1),
        ("−10%", -0.1),
        ("+0%", 0.0),
    ],
)
def test_ways_to_write_a_change(tmp_path: Path, written: str, change: float) -> None:
    found = aim(tmp_path, written)
    assert found.change == pytest.approx(change)
    assert (found.level, found.is_wish) == (None, False)


@pytest.mark.parametrize(
    ("written", "level"),
    [("60", 60.0), ("0", 0.0), ("12.5", 12.5), ('"1,200,000"', 1_200_000.0), ("６０", 60.0)],
)
def test_ways_to_write_a_number(tmp_path: Path, written: str, level: float) -> None:
    found = aim(tmp_path, written)
    assert (found.level, found.change, found.is_wish) == (level, None, False)


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_a_wish_needs_nothing_else(tmp_path: Path, direction: str) -> None:
    found = target(tmp_path, kpi="churn_rate", target=direction)
    assert (found.is_wish, found.level, found.change, found.grain, found.start, found.end) == (
        True, None, None, None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("kpi", plan.KPIS)
def test_from_kgi_is_for_what_the_goal_can_be_walked_back_to(tmp_path: Path, kpi: str) -> None:
    keys = {"kpi": kpi, "grain": "month", "start": "2025-04-01", "end": "2026-03-31", "target": "from_kgi"}
    if kpi in LEADS_TO:
        assert target(tmp_path, **keys).target == "from_kgi"
        return
    with pytest.raises(SourceError) as refusal:
        target(tmp_path, **keys)
    assert refusal.value.where == "plan.yml: targets[0].target (line 4)"
    assert refusal.value.problem == f"the goal requires no level of {kpi}"
    assert refusal.value.remedy.startswith("write a number; the goal is walked back to page_views, users, ")


def test_a_goal_requires_nothing_of_what_comes_after_it(tmp_path: Path) -> None:
    goal = "version: 1\nkgi: {kpi: deals, grain: quarter, start: 2025-04-01, end: 2026-03-31, target: 30}\ntargets:\n"
    error = refused(
        tmp_path, goal + "  - {kpi: orders, grain: month, start: 2025-04-01, end: 2026-03-31, target: from_kgi}\n"
    )
    assert error.where == "plan.yml: targets[0].target (line 4)"
    assert error.problem == "orders come after the goal, deals, which requires no level of them"


def test_the_kpis() -> None:
    assert len(plan.KPIS) == len(set(plan.KPIS)) == 26
    assert set(plan.KGIS) <= set(plan.KPIS)
    assert set(plan.DERIVED) == set(LEADS_TO)
    assert [kpi for kpi in plan.KPIS if kpi in plan.DERIVED] == list(plan.DERIVED)


# What is refused ------------------------------------------------------------------------------------------------------

AIMS = "write a number, a change such as +20% (over the period before, or with `over: last_year`), from_kgi for"


@pytest.mark.parametrize(
    ("old", "new", "where", "problem", "remedy"),
    [
        ("version: 1", "version: 2", "version (line 1)", "should be less than or equal to 1", "docs/company-folder.md"),
        ("version: 1\n", "", "version", "is missing", "add `version:` 1"),
        ("focus:", "focsu:", "focsu (line 3)", "is not a key that can stand here", "did you mean focus?"),
        ("target: 30, ", "", "kgi.target (line 2)", "is missing", "add `target:` the number to reach in each period"),
        ("target: 30", "target: +20%", "kgi.target (line 2)", "+20% is no number", "write the number of the goal"),
        ("target: 30", "target: from_kgi", "kgi.target (line 2)", "from_kgi is no number", "write the number of"),
        ("target: 30", "target: increase", "kgi.target (line 2)", "increase is no number", "write the number of"),
        (
            "kpi: orders",
            "kpi: page_views",
            "kgi.kpi (line 2)",
            "page_views leads to the goal and is not the goal",
            "write one of deals, orders, order_value here, and page_views under targets",
        ),
        ("key_kpi: inquiries", "key_kpi: inquiry", "focus.key_kpi (line 3)", "inquiry is not a KPI", "inquiries?"),
        ("{key_kpi: inquiries}", "{}", "focus.key_kpi (line 3)", "is missing", "add `key_kpi:` the one KPI that"),
        ("kpi: churn_rate", "kpi: churn", "targets[3].kpi (line 8)", "churn is not a KPI", "did you mean churn_rate?"),
        ("grain: week", "grain: day", "targets[2].grain (line 7)", "should be 'week', 'month' or 'quarter'", "docs/"),
        ("grain: week, ", "", "targets[2].grain (line 7)", "is missing", "add `grain:` week, month or quarter"),
        (", end: 2025-09-30", "", "targets[0].end (line 5)", "is missing", "the last day that the target holds for"),
        ("start: 2025-10-01, ", "", "targets[1].start (line 6)", "is missing", "such as 2025-04-01"),
        ("2025-09-30", "2025-09-31", "targets[0].end (line 5)", "2025-09-31 is not a day", "write it as 2025-04-01"),
        (
            "end: 2025-09-30",
            "end: 2025-03-31",
            "targets[0].end (line 5)",
            "2025-03-31 is before the start, 2025-04-01",
            "write the last day of the target",
        ),
        (
            "target: 0.01",
            "target: 1.5",
            "targets[3].target (line 8)",
            "1.5 is above 1, and churn_rate is a rate",
            "35 % as 0.35",
        ),
        ("target: 0.01", "target: 1%", "targets[3].target (line 8)", "1% is not a target", AIMS),
        ("target: 0.01", "target: .nan", "targets[3].target (line 8)", ".nan is not a target", AIMS),
        ("target: 0.01", "target: nan", "targets[3].target (line 8)", "nan is not a number from 0 on", AIMS),
        ("target: 60", "target: inf", "targets[0].target (line 5)", "inf is not a number from 0 on", AIMS),
        ("target: 60", "target: -60", "targets[0].target (line 5)", "-60 is not a number from 0 on", AIMS),
        ("target: 60", "target: more", "targets[0].target (line 5)", "more is not a target", AIMS),
        ("target: +20%", "target: +20", "targets[1].target (line 6)", "+20 is neither a number nor a change", AIMS),
        (
            "target: from_kgi",
            "target: 15, over: previous",
            "targets[2].over (line 7)",
            "stands beside no change",
            "write the target as +20%, or remove over",
        ),
        ("over: last_year", "over: year", "targets[1].over (line 6)", "should be 'previous' or 'last_year'", "docs/"),
        ("segment: new business", 'segment: ""', "targets[0].segment (line 5)", "is empty", "docs/"),
        (
            "start: 2025-10-01",
            "start: 2025-09-30",
            "targets[1] (line 6)",
            "inquiries by month has two targets from 2025-09-30 on",
            "let their days not overlap",
        ),
        (
            "kpi: churn_rate, grain: month",
            "kpi: orders, grain: quarter",
            "targets[3] (line 8)",
            "orders by quarter has two targets from 2025-04-01 on",
            "let their days not overlap",
        ),
        ("- name: IT\n    roles", "- roles", "personas[1].name (line 14)", "is missing", "what the team calls this"),
        ("name: IT", "name: Accounting", "personas[1].name (line 14)", "Accounting is written twice", "join the two"),
        ("[Paper]", "Paper", "personas[0].problems (line 13)", "should be a list, such as [a, b]", "docs/"),
        ("[ＩＴ担当]", '[""]', "personas[1].roles[0] (line 15)", "is empty", "docs/"),
        ("sla_hours: 24", "sla_hours: 0", "handoff.sla_hours (line 16)", "should be greater than 0", "docs/"),
        ("sla_hours: 24", "sla_hours: inf", "handoff.sla_hours (line 16)", "should be a finite number", "docs/"),
        ("sla_hours: 24, ", "", "handoff.sla_hours (line 16)", "is missing", "within how many hours sales gets in"),
        ("mql_is: asked for a price, ", "", "handoff.mql_is (line 16)", "is missing", "when a contact is an MQL"),
        ("every: week, ", "", "reviews[0].every (line 18)", "is missing", "add `every:` week, month or quarter"),
        ("monday", "sunday", "reviews[0].weekday (line 18)", "should be 'monday', 'tuesday'", "docs/"),
        ("weekday: monday, ", "", "reviews[0].weekday (line 18)", "is missing", "add `weekday:` monday to friday"),
        (
            "weekday: monday",
            "weekday: monday, business_day: 1",
            "reviews[0].business_day (line 18)",
            "does not go with every: week",
            "write weekday instead",
        ),
        (
            ", business_day: 3",
            "",
            "reviews[1].business_day (line 19)",
            "is missing",
            "add `business_day:` a number, such as 3 for the third business day",
        ),
        (
            "business_day: 3",
            "business_day: 3, weekday: friday",
            "reviews[1].weekday (line 19)",
            "does not go with every: month",
            "write business_day instead",
        ),
        ("business_day: 3", "business_day: 16", "reviews[1].business_day (line 19)", "should be less than", "docs/"),
        (
            "every: month",
            "every: month, business_day: 5}\n  - {every: month",
            "reviews[2].every (line 20)",
            "month is written twice",
            "keep one of the two meetings",
        ),
        ("{process: look at the stage before}", "{}", "on_miss.process (line 20)", "is missing", "how the cause is"),
        ("what: design, ", "", "resources[1].what (line 23)", "is missing", "add `what:` what there is, such as"),
        ("12.5", "-1", "resources[0].hours_per_month (line 22)", "should be greater than or equal to 0", "docs/"),
        ("300000", "300 kJPY", "resources[0].budget_per_month (line 22)", "should be a number", "docs/"),
    ],
)
def test_what_is_wrong_names_entry_line_and_remedy(
    tmp_path: Path, old: str, new: str, where: str, problem: str, remedy: str
) -> None:
    assert old in PLAN
    error = refused(tmp_path, PLAN.replace(old, new, 1))
    assert error.where == f"plan.yml: {where}"
    assert error.problem.startswith(problem)
    assert remedy in error.remedy


def test_everything_that_is_wrong_is_said_together(tmp_path: Path) -> None:
    error = refused(tmp_path, PLAN.replace("kgi:", "kpi:").replace("sla_hours: 24", "sla_hours: 0"))
    assert (error.where, error.remedy) == ("plan.yml", "mend them and run again")
    assert error.problem.startswith("3 entries are wrong")
    assert "\n  kgi: is missing\n    -> add `kgi:` the goal, with kpi, grain, start, end and target" in error.problem
    assert "\n  kpi (line 2): is not a key that can stand here\n    -> did you mean kgi?" in error.problem
    assert "\n  handoff.sla_hours (line 16): should be greater than 0" in error.problem


# Versions -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(tmp_path / "warehouse.duckdb") as connection:
        warehouse.prepare(connection, [*plan_tables.TABLES, *warehouse.TABLES])
        yield connection


def keep(con: duckdb.DuckDBPyConnection, agreed: plan.Plan, night: date) -> None:
    for load in plan_tables.load(agreed, "plan.yml", night, warehouse.last_plan(con)):
        warehouse.replace(con, load)


def kept(con: duckdb.DuckDBPyConnection, table: str = "plan_versions") -> dict[date, int]:
    return dict(con.execute(f"select valid_from, count(*) from raw.{table} group by 1 order by 1").fetchall())


def test_a_plan_that_is_written_otherwise_is_the_same_version(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    keep(con, read(tmp_path), date(2026, 5, 9))
    respelt = PLAN.replace("target: 30", "target: 30.0").replace("+20%", "＋20 ％").replace("ＩＴ", "IT")
    keep(con, read(tmp_path, "# with a remark\n" + respelt + "\n"), date(2026, 5, 10))
    assert kept(con) == {date(2026, 5, 9): 1}
    assert kept(con, "plan_targets") == {date(2026, 5, 9): 6}


def test_another_plan_is_a_new_version_from_its_night_on(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    keep(con, read(tmp_path), date(2026, 5, 9))
    keep(con, read(tmp_path, MINIMAL), date(2026, 5, 12))
    keep(con, read(tmp_path, MINIMAL), date(2026, 5, 13))
    assert kept(con) == {date(2026, 5, 9): 1, date(2026, 5, 12): 1}
    assert kept(con, "plan_targets") == {date(2026, 5, 9): 6, date(2026, 5, 12): 1}
    assert kept(con, "plan_agreements") == {date(2026, 5, 9): 10}


def test_a_plan_that_is_changed_twice_in_a_day_is_one_new_version(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    keep(con, read(tmp_path), date(2026, 5, 9))
    keep(con, read(tmp_path, PLAN.replace("target: 60", "target: 70")), date(2026, 5, 12))
    keep(con, read(tmp_path, MINIMAL), date(2026, 5, 12))
    assert kept(con) == {date(2026, 5, 9): 1, date(2026, 5, 12): 1}
    assert kept(con, "plan_targets") == {date(2026, 5, 9): 6, date(2026, 5, 12): 1}


def test_a_plan_is_told_by_what_it_says_alone(tmp_path: Path) -> None:
    """A key that is left out, or stays empty, is none: so a later version of this program, which knows more keys,
    takes no plan for another one."""
    assert plan_tables.digest(read(tmp_path, MINIMAL)) == plan_tables.digest(read(tmp_path, MINIMAL + "\ntargets:\n"))
    texts = [PLAN, PLAN.replace("monday", "friday"), PLAN.replace("Paper", "Time"), PLAN.replace("[ＩＴ担当]", "[]")]
    assert len({plan_tables.digest(read(tmp_path, text)) for text in texts}) == 4
