"""docs/company-folder.md is the reference of company.yml and plan.yml: its examples load, and no key is missing."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from connectors import export_tables, plan
from connectors.export_settings import ExportFile, needed
from pipelines.company import Calendar, Clarity, Company, Ga4, Meaning, PlanSheet, SearchConsole, Site, load_company
from pipelines.sources import read_plan

DOC = (Path(__file__).parents[2] / "docs/company-folder.md").read_text()
COMPANY_YML, PLAN_YML = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
CODE = set(re.findall(r"`([^`\n]+)`", DOC.replace("```", "")))


def test_the_examples_load(tmp_path: Path) -> None:
    (tmp_path / "company.yml").write_text(COMPANY_YML)
    (tmp_path / "plan.yml").write_text(PLAN_YML)
    company = load_company(tmp_path)
    assert company.sources.exports["deals"][0].values["status"]["Closed Won"] == "won"
    assert set(company.site.article_clusters) == {"Invoicing", "Expenses"}
    agreed, source = read_plan(company)
    assert source == "plan.yml"
    assert agreed.model_dump(exclude_defaults=True).keys() == plan.Plan.model_fields.keys()


PLAN = [plan.Plan, plan.Target, plan.Focus, plan.Persona, plan.Handoff, plan.Review, plan.OnMiss, plan.Resource]


@pytest.mark.parametrize("model", [Company, Calendar, PlanSheet, Ga4, SearchConsole, Clarity, ExportFile, *PLAN])
def test_every_key_is_described(model: type[BaseModel]) -> None:
    parts = {part.rpartition(".")[2] for part in CODE}
    assert set(model.model_fields) - parts - {"site"} == set()


def test_every_meaning_and_site_key_is_described() -> None:
    assert set(get_args(Meaning)) <= CODE
    assert {f"site.{key}" for key in Site.model_fields} <= CODE


@pytest.mark.parametrize("kind", export_tables.KINDS)
def test_the_columns_of_a_kind_are_described(kind: str) -> None:
    (row,) = re.findall(rf"^\| `{kind}` \| (.*_.*) \|$", DOC, re.MULTILINE)
    described = [f"**{column}**" if column in needed(kind) else column for column in export_tables.readable(kind)]
    assert sorted(row.split(", ")) == sorted(described)


def test_the_values_of_ours_are_described() -> None:
    rows = re.findall(r"^\| (.*) \| (invalid_reason|kind|stage|status|object) \| (.*?)(?:;.*)? \|$", DOC, re.MULTILINE)
    described = {
        (kind, column): tuple(values.split(", "))
        for kinds, column, values in rows
        for kind in re.findall(r"\w+", kinds)
    }
    assert described == export_tables.CHOICES


def test_the_kpis_are_described() -> None:
    rows = re.findall(r"^\| (?:awareness|engagement|conversion|retention) \| (.*) \|$", DOC, re.MULTILINE)
    assert tuple(", ".join(rows).split(", ")) == plan.KPIS
