"""A company folder from a few answers: it loads at once, is never written over another, and can be completed later."""

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors import export_presets, plan, plan_schema, plan_tables
from connectors.errors import SourceError
from connectors.text import Locale
from pipelines import init, night
from pipelines.cli import cli
from pipelines.company import load_company

FLAGS = ["--name", "株式会社アクメ", "--kgi", "orders=30", "--locale", "ja", "--yes"]
GOOGLE = ["--source", "ga4=properties/123456789", "--source", "search_console=sc-domain:acme.co.jp"]


def run(folder: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipelines.cli", "init", str(folder), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)


def uncommented(file: Path) -> None:
    """Remove the two characters before each line that is for later; those of a sentence stay."""
    file.write_text(re.sub(r"(?m)^# (?=\w+:\s|  )", "", file.read_text()))


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_the_folder_loads_as_it_is(tmp_path: Path, locale: str) -> None:
    folder = tmp_path / "acme"
    done = run(folder, *FLAGS, *GOOGLE, "--source", "clarity", "--locale", locale)
    assert (done.returncode, done.stderr) == (0, "")
    written = ["company.yml", "plan.yml", "exports/README.md", ".gitignore"]
    lines = done.stdout.splitlines()
    assert lines[:4] == [f"  {folder / name}" for name in written]
    assert lines[-1].endswith(f"gyakusan doctor --company {folder}")
    company = load_company(folder)
    assert (company.name, company.locale, company.fiscal_year_start) == ("株式会社アクメ", locale, 4)
    assert (company.site.hosts, company.site.article_paths) == (("www.acme.co.jp",), ("/articles/",))
    assert company.sources.ga4 is not None
    assert company.sources.ga4.property_id == "123456789"
    assert company.sources.search_console is not None
    assert company.sources.search_console.site_url == "sc-domain:acme.co.jp"
    assert company.sources.clarity is not None
    agreed = plan_tables.read(folder)
    assert (agreed.kgi.kpi, agreed.kgi.grain, agreed.kgi.level, agreed.targets) == ("orders", "quarter", 30, ())
    assert [(review.every, review.weekday, review.business_day) for review in agreed.reviews] == [
        ("week", "monday", None),
        ("month", None, 3),
        ("quarter", None, 5),
    ]
    assert agreed.model_dump(exclude_defaults=True).keys() == {"version", "kgi", "reviews"}


def test_what_is_for_later_is_uncommented_line_by_line(tmp_path: Path) -> None:
    """Removing the two characters before each line of a block connects it."""
    for locale in ("ja", "en"):
        folder = tmp_path / locale
        assert run(folder, *FLAGS, "--host", "www.acme.com", "--source", "later", "--locale", locale).returncode == 0
        assert load_company(folder).sources.ga4 is None
        text = (folder / "company.yml").read_text()
        head, later = text.split("# sources:")
        (folder / "company.yml").write_text(head + re.sub(r"(?m)^# ", "", "# sources:" + later))
        sources = load_company(folder).sources
        assert sources.ga4 is not None
        assert set(sources.ga4.events) == {"download", "inquiry"}
        assert sources.search_console is not None
        assert sources.search_console.site_url == "sc-domain:acme.com"
        assert sources.clarity is not None
        assert set(sources.exports) == {"deals"}


def test_the_calendar_and_the_topics_are_for_later_too(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    assert (
        run(folder, *FLAGS, *GOOGLE, "--article-path", "/コラム/", "--period", "2026-04-01..2027-03-31").returncode == 0
    )
    assert load_company(folder).calendar.closed == ()
    uncommented(folder / "company.yml")
    company = load_company(folder)
    assert (company.calendar.pace, company.calendar.holidays) == ("business_days", "JP")
    assert company.calendar.closed == (date(2026, 12, 29), date(2026, 12, 30), date(2026, 12, 31))
    assert company.site.article_clusters == {"請求書": ("/コラム/invoice-",)}


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("kpi", plan.KGIS)
@pytest.mark.parametrize("grain", init.GRAINS)
def test_every_section_of_the_plan_is_there_and_loads_whatever_the_goal(
    tmp_path: Path, locale: Locale, kpi: str, grain: str
) -> None:
    goal = init.Goal(kpi, 30, grain, date(2026, 4, 1), date(2027, 3, 31))
    init.write(tmp_path / "a", init.Answers("A", locale, 4, goal, date(2026, 4, 1), "www.a.jp", "/blog/"))
    uncommented(tmp_path / "a" / "plan.yml")
    agreed = plan_tables.read(tmp_path / "a")
    assert agreed.model_dump(exclude_defaults=True).keys() == plan.Plan.model_fields.keys()
    assert [(target.kpi, target.target) for target in agreed.targets] == [
        ("mqls", "from_kgi"),
        ("inquiries", 60.0),
        ("downloads", "+20%"),
        ("read_through_rate", 0.35),
    ]
    assert [len(found) for found in (agreed.personas, agreed.reviews, agreed.resources)] == [1, 3, 1]
    sections = (agreed.kgi, agreed.personas[0], agreed.handoff, agreed.on_miss, agreed.resources[0])
    unsaid = [name for section in sections if section for name, value in section if not value]
    assert unsaid == ["over", "segment"]


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_each_line_that_is_for_later_says_what_it_is_for(tmp_path: Path, locale: str) -> None:
    assert run(tmp_path / "a", *FLAGS, *GOOGLE, "--locale", locale).returncode == 0
    lines = (tmp_path / "a" / "plan.yml").read_text().splitlines()
    for_later = [number for number, line in enumerate(lines) if re.match(r"#   +[-\w]", line)]
    assert len(for_later) == 1 + 1 + 4 + 4 + 2 + 4 + 3
    assert [lines[n] for n in for_later if "  # " not in lines[n][3:] and not lines[n].startswith("#   - name:")] == []
    sections = [number for number, line in enumerate(lines) if re.fullmatch(r"(# )?[a-z_]+:", line)]
    assert len(sections) == len(plan.Plan.model_fields) - 1
    assert [lines[number - 1] for number in sections if not re.match(r"# \S", lines[number - 1])] == []


def test_editors_complete_the_plan_by_the_schema_of_the_installed_version(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    assert run(folder, *FLAGS, *GOOGLE).returncode == 0
    first, *_ = (folder / "plan.yml").read_text().splitlines()
    assert first == "# yaml-language-server: $schema=.gyakusan/plan.schema.json"
    assert (Path(__file__).parents[2] / "demo/plan.yml").read_text().startswith(first + "\n")
    schema = folder / ".gyakusan" / "plan.schema.json"
    assert schema.read_text() == plan_schema.text()
    schema.write_text(json.dumps({"of": "an older version"}))
    (folder / "plan.yml").write_text("kgi:")
    company = load_company(folder)
    assert night.run(company, company.start, company.start).run_id is None  # plan.yml must be mended first
    assert schema.read_text() == plan_schema.text()


@pytest.mark.parametrize("preset", export_presets.names())
def test_every_preset_is_a_source(tmp_path: Path, preset: str) -> None:
    goal = init.Goal("orders", 30, "quarter", date(2026, 4, 1), date(2027, 3, 31))
    answers = init.Answers("A", "ja", 4, goal, date(2026, 4, 1), "www.a.jp", "/blog/", preset=preset)
    init.write(tmp_path / "a", answers)
    known, connected = export_presets.built_in(preset).exports, load_company(tmp_path / "a").sources.exports
    assert set(connected) == ({"contacts", "deals"} & set(known) or set(known))
    for kind in connected:
        assert f"`{preset}-{kind}*`" in (tmp_path / "a" / "exports" / "README.md").read_text()
    text = (tmp_path / "a" / "company.yml").read_text()
    (tmp_path / "a" / "company.yml").write_text(re.sub(r"(?m)^    # ", "    ", text))
    assert set(load_company(tmp_path / "a").sources.exports) == set(known)


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text("mine")
    done = run(tmp_path, *FLAGS, *GOOGLE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "plan.yml is there already; nothing was written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yml"]
    assert (tmp_path / "plan.yml").read_text() == "mine"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--kgi", "orders=30", "--source", "ga4=G-AB12"], "measurement id"),
        (["--kgi", "orders=30", "--source", "search_console=acme.co.jp"], "is not a Search Console property"),
        (["--kgi", "orders=30", "--source", "hubspott"], "hubspott is not a source"),
        (["--kgi", "orders=30", "--source", "ga4"], "ga4 lacks its property"),
        (["--kgi", "orders=30"], "--host: is missing, and there is nobody to ask"),
        ([*GOOGLE], "--kgi: is missing, and there is nobody to ask"),
        ([*GOOGLE, "--kgi", "inquiries=5"], "inquiries=5 is not a goal"),
        ([*GOOGLE, "--kgi", "orders=5/year"], "orders=5/year is not a goal"),
        ([*GOOGLE, "--kgi", "orders=5", "--fiscal-year-start", "13"], "13 is not a month"),
        ([*GOOGLE, "--kgi", "orders=5", "--article-path", "blog"], "blog is not the beginning of a path"),
        ([*GOOGLE, "--kgi", "orders=5", "--period", "2027-03-31..2026-04-01"], "is before"),
        ([*GOOGLE, "--kgi", "orders=5", "--timezone", "Tokyo"], "Tokyo is not a time zone"),
    ],
)
def test_a_wrong_answer_writes_nothing(tmp_path: Path, flags: list[str], said: str) -> None:
    folder = tmp_path / "acme"
    done = run(folder, "--yes", *flags)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not folder.exists()


def test_at_the_terminal_a_wrong_answer_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.cli._is_asked", lambda: True)
    told = ["en", "Acme", "4", "many", "deals=12", "UA-1-1", "123", "https://www.acme.com/media/", "", "", "", ""]
    done = CliRunner().invoke(cli, ["init", str(tmp_path / "acme")], input="\n".join(told) + "\n")
    assert done.exit_code == 0, done.output
    assert "many is not a goal" in done.output
    assert "Universal Analytics" in done.output
    company = load_company(tmp_path / "acme")
    assert company.sources.ga4 is not None
    assert company.sources.ga4.property_id == "123"
    assert (company.site.hosts, company.site.article_paths) == (("www.acme.com",), ("/media/",))
    assert company.sources.clarity is None


def test_the_fiscal_year_and_the_first_day() -> None:
    assert init.fiscal_year(date(2026, 11, 22), 4) == (date(2026, 4, 1), date(2027, 3, 31))
    assert init.fiscal_year(date(2026, 3, 31), 4) == (date(2025, 4, 1), date(2026, 3, 31))
    assert init.fiscal_year(date(2028, 2, 29), 3) == (date(2027, 3, 1), date(2028, 2, 29))
    assert init.fiscal_year(date(2026, 1, 1), 1) == (date(2026, 1, 1), date(2026, 12, 31))
    assert init.default_start(date(2026, 11, 22)) == date(2025, 11, 1)


def test_a_goal_is_a_kpi_a_number_and_a_grain() -> None:
    year = (date(2026, 4, 1), date(2027, 3, 31))
    assert init.goal("order_value=1,200,000/month", year) == init.Goal("order_value", 1_200_000, "month", *year)
    assert init.goal("deals = 1.5", year) == init.Goal("deals", 1.5, "quarter", *year)
    with pytest.raises(SourceError, match="is not a number"):
        init.goal("deals=1.5.2", year)


@pytest.mark.parametrize(
    ("site_url", "host", "path"),
    [
        ("sc-domain:example.co.jp", "www.example.co.jp", "/articles/"),
        ("sc-domain:example.com", "www.example.com", "/articles/"),
        ("sc-domain:blog.example.com", "blog.example.com", "/articles/"),
        ("https://media.example.jp/", "media.example.jp", "/articles/"),
        ("https://www.example.jp/column/", "www.example.jp", "/column/"),
        (None, None, "/articles/"),
    ],
)
def test_the_site_is_guessed_from_search_console(site_url: str | None, host: str | None, path: str) -> None:
    assert (init.default_host(site_url), init.default_article_path(site_url)) == (host, path)
