from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import plan
from connectors.errors import SourceError

DEMO = Path(__file__).parents[2] / "demo"
PLAN = """version: 1
kgi: {kpi: orders, grain: quarter, start: 2025-04-01, end: 2026-03-31, target: 30, owner: Sales}
targets:
  - {kpi: inquiries, grain: month, start: 2025-04-01, end: 2025-09-30, target: 60}
  - {kpi: inquiries, grain: month, start: 2025-10-01, end: 2026-03-31, target: 80}
  - {kpi: inquiries, grain: week, start: 2025-04-01, end: 2026-03-31, target: 15}
  - {kpi: churn_rate, grain: month, start: 2025-04-01, end: 2026-03-31, target: 0.01}
personas:
  - name: Accounting
    industries: [Manufacturing, Wholesale, Wholesale]
    problems: [Paper]
"""


def loaded(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        load.table.name: pa.Table.from_batches(load.batches, load.table.schema).to_pylist()
        for load in plan.load(folder)
    }


def refused(folder: Path, text: str) -> SourceError:
    (folder / "plan.yml").write_text(text)
    with pytest.raises(SourceError) as refusal:
        loaded(folder)
    return refusal.value


def test_targets_and_personas(tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text(PLAN)
    tables = loaded(tmp_path)
    assert tables["plan_targets"][:2] == [
        {
            "kpi": "orders",
            "grain": "quarter",
            "start_on": date(2025, 4, 1),
            "end_on": date(2026, 3, 31),
            "target": 30.0,
            "is_kgi": True,
            "owner": "Sales",
        },
        {
            "kpi": "inquiries",
            "grain": "month",
            "start_on": date(2025, 4, 1),
            "end_on": date(2025, 9, 30),
            "target": 60.0,
            "is_kgi": False,
            "owner": None,
        },
    ]
    assert [(row["kpi"], row["target"]) for row in tables["plan_targets"][2:]] == [
        ("inquiries", 80.0),
        ("inquiries", 15.0),
        ("churn_rate", 0.01),
    ]
    assert [tuple(row.values()) for row in tables["plan_personas"]] == [
        ("Accounting", "industry", "Manufacturing"),
        ("Accounting", "industry", "Wholesale"),
        ("Accounting", "problem", "Paper"),
    ]


def test_the_file_leaves_a_fetch_for_each_table(tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text(PLAN)
    assert [
        (fetch.table_name, fetch.request, fetch.row_count) for load in plan.load(tmp_path) for fetch in load.fetches
    ] == [("plan_targets", "plan.yml", 5), ("plan_personas", "plan.yml", 3)]


def test_the_plan_of_the_demo() -> None:
    tables = loaded(DEMO)
    assert len(tables["plan_targets"]) == 8
    assert [row["kpi"] for row in tables["plan_targets"] if row["is_kgi"]] == ["orders"]
    assert len(tables["plan_personas"]) == 10


def test_a_kgi_alone_is_a_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text("\n".join(PLAN.splitlines()[:2]))
    assert {name: len(rows) for name, rows in loaded(tmp_path).items()} == {"plan_targets": 1, "plan_personas": 0}


def test_a_missing_plan_says_one_to_write(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refusal:
        loaded(tmp_path)
    assert refusal.value.where == "plan.yml"
    minimal = refusal.value.remedy.partition("such as\n")[2]
    (tmp_path / "plan.yml").write_text(minimal)
    assert [row["kpi"] for row in loaded(tmp_path)["plan_targets"]] == ["orders", "inquiries"]


@pytest.mark.parametrize(
    ("old", "new", "where", "problem", "remedy"),
    [
        ("version: 1", "version: 2", "version (line 1)", "should be less than or equal to 1", "docs/company-folder.md"),
        ("kgi:", "kpi:", None, "2 entries are wrong", "mend them"),
        ("kpi: churn_rate", "kpi: churn", "targets[3].kpi (line 7)", "churn is not a KPI", "did you mean churn_rate?"),
        ("grain: week", "grain: day", "targets[2].grain (line 6)", "should be 'week', 'month' or 'quarter'", "docs/"),
        (
            ", end: 2025-09-30",
            "",
            "targets[0].end (line 4)",
            "is missing",
            "add `end:` the last day that the target holds for",
        ),
        ("start: 2025-10-01, ", "", "targets[1].start (line 5)", "is missing", "such as 2025-04-01"),
        ("2025-09-30", "2025-09-31", "targets[0].end (line 4)", "2025-09-31 is not a day", "write it as 2025-04-01"),
        (
            "end: 2025-09-30",
            "end: 2025-03-31",
            "targets[0].end (line 4)",
            "2025-03-31 is before the start, 2025-04-01",
            "last day",
        ),
        (
            "target: 0.01",
            "target: 1.5",
            "targets[3].target (line 7)",
            "1.5 is above 1, and churn_rate is a rate",
            "35 % as 0.35",
        ),
        ("target: 0.01", "target: 1%", "targets[3].target (line 7)", "should be a number", "docs/"),
        ("target: 0.01", "target: .nan", "targets[3].target (line 7)", "should be", "docs/"),
        ("target: 60", "target: -60", "targets[0].target (line 4)", "should be greater than or equal to 0", "docs/"),
        ("target: 60", "targt: 60", None, "2 entries are wrong", "mend them"),
        (
            "start: 2025-10-01",
            "start: 2025-09-30",
            "targets[1] (line 5)",
            "inquiries by month has two targets from 2025-09-30 on",
            "let their days not overlap",
        ),
        (
            "kpi: churn_rate, grain: month",
            "kpi: orders, grain: quarter",
            "targets[3] (line 7)",
            "orders by quarter has two targets from 2025-04-01 on",
            "let their days not overlap",
        ),
        (
            "kpi: orders",
            "kpi: page_views",
            "kgi.kpi (line 2)",
            "page_views leads to the goal and is not the goal",
            "write one of deals, orders, order_value here, and page_views under targets",
        ),
        ("name: Accounting", "nam: Accounting", None, "2 entries are wrong", "mend them"),
        (
            "    problems: [Paper]",
            "    problems: [Paper]\n  - name: Accounting",
            "personas[1].name (line 12)",
            "Accounting is written twice",
            "join the two personas",
        ),
    ],
)
def test_what_is_wrong_names_entry_line_and_remedy(
    tmp_path: Path, old: str, new: str, where: str | None, problem: str, remedy: str
) -> None:
    assert old in PLAN
    error = refused(tmp_path, PLAN.replace(old, new, 1))
    assert error.where == (f"plan.yml: {where}" if where else "plan.yml")
    assert error.problem.startswith(problem)
    assert remedy in error.remedy


def test_every_kpi_of_the_design_can_have_a_target() -> None:
    assert len(plan.KPIS) == len(set(plan.KPIS)) == 26
    assert set(plan.KGIS) <= set(plan.KPIS)
