from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import clarity, plan_tables
from connectors.errors import SourceError
from pipelines.company import Company, company_loads, inputs, is_loopback, load_company

DEMO = Path(__file__).parents[2] / "demo"
FILLED = {"clarity": clarity.TABLES, "plan": [plan_tables.TARGETS]}
MINIMAL = """name: Acme
locale: en
timezone: America/New_York
currency: USD
fiscal_year_start: 1
start: 2025-01-01
site:
  hosts: [WWW.Example.com]
  article_paths: [/blog/]
"""
GA4 = """sources:
  ga4:
    property_id: 123456
    endpoint: 127.0.0.1:8787
    credentials: none
    events: {download: file_download, one_minute: engaged_60s}
"""
SEARCH_CONSOLE = """sources:
  search_console:
    site_url: sc-domain:example.com
    credentials: env:SEARCH_CONSOLE_KEY
"""
EXPORTS = """sources:
  exports:
    deals:
      file: exports/deals.csv
      columns: {deal_id: ID, status: Stage}
      values:
        status: {Closed Won: won}
    orders:
      file: exports/orders.csv
      columns: {order_id: No, account_id: Account, ordered_on: Date, amount: Amount}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        (tmp_path / "company.yml").write_text(text)
        return tmp_path

    return written


def refused(folder: Path) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        load_company(folder)
    return refusal.value


def tables(company: Company) -> dict[str, list[dict[str, Any]]]:
    return {
        load.table.name: pa.Table.from_batches(load.batches, load.table.schema).to_pylist()
        for load in company_loads(company, date(2025, 6, 30), FILLED)
    }


def test_the_demo() -> None:
    company = load_company(DEMO)
    assert (company.name, company.locale, company.timezone, company.currency) == (
        "デモ帳票クラウド株式会社",
        "ja",
        "Asia/Tokyo",
        "JPY",
    )
    assert (company.fiscal_year_start, company.start) == (4, date(2025, 4, 1))
    assert (company.folder, company.state) == (DEMO, DEMO / ".gyakusan")
    assert (company.site.hosts, company.site.article_paths) == (("www.example.co.jp",), ("/articles/",))
    assert company.sources.ga4 is not None
    assert company.sources.ga4.property_id == "400000001"
    assert (company.sources.ga4.transport, company.sources.ga4.reserve) == ("grpc", 0.2)
    assert company.sources.ga4.events["one_minute"] == "engaged_60s"
    assert company.sources.search_console is not None
    assert company.sources.clarity is not None
    assert list(company.sources.exports) == [
        "contacts",
        "form_submissions",
        "stage_changes",
        "deals",
        "orders",
        "contracts",
        "social_followers",
    ]
    assert company.sources.exports["deals"][0].encoding == ("cp932",)
    assert company.sources.exports["orders"][0].encoding == ("utf-8", "cp932", "euc_jp")
    assert company.sources.exports["deals"][0].values["status"]["受注"] == "won"


def test_a_company_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_company(DEMO).name = "other"


def test_sources_are_optional_and_hosts_are_in_lower_case(write: Write) -> None:
    company = load_company(write(MINIMAL + "sources:\n"))
    assert (company.sources.ga4, company.sources.search_console, company.sources.exports) == (None, None, {})
    assert company.site.hosts == ("www.example.com",)


def test_the_tables_of_the_demo() -> None:
    found = tables(load_company(DEMO))
    assert found["company_settings"] == [
        {
            "name": "デモ帳票クラウド株式会社",
            "locale": "ja",
            "timezone": "Asia/Tokyo",
            "currency": "JPY",
            "fiscal_year_start": 4,
            "as_of": date(2025, 6, 30),
            "utc_offset_minutes": 540,
        }
    ]
    assert {row["meaning"]: row["event_name"] for row in found["company_events"]} == {
        "download": "file_download",
        "inquiry": "generate_lead",
        "newsletter": "sign_up",
        "one_minute": "engaged_60s",
        "second_page": "second_page_view",
    }
    assert found["company_article_paths"] == [{"path_prefix": "/articles/"}]
    assert found["company_tables"] == [
        {"table_name": "clarity_page_days", "source": "clarity", "asset": "raw/clarity_page_days", "is_dated": True},
        {"table_name": "plan_targets", "source": "plan", "asset": "raw/plan_targets", "is_dated": False},
    ]
    assert len(found["company_inputs"]) == 16
    assert all(row["is_available"] == (row["reason"] is None) for row in found["company_inputs"])
    missing = [row["input"] for row in found["company_inputs"] if not row["is_available"]]
    assert missing == ["exports.newsletter_subscribers"]  # the dates of its contacts tell


def test_inputs_that_are_not_connected_say_why_and_what_to_do(write: Write) -> None:
    inputs = {
        row["input"]: row
        for row in tables(load_company(write(MINIMAL + GA4 + EXPORTS.removeprefix("sources:\n"))))["company_inputs"]
    }
    assert {name for name, row in inputs.items() if row["is_available"]} == {
        "ga4",
        "ga4.events.one_minute",
        "exports.deals",
        "exports.orders",
    }
    assert (
        inputs["ga4.events.second_page"]["reason"]
        == "no event of meaning second_page: add sources.ga4.events.second_page"
    )
    assert (
        inputs["search_console"]["reason"]
        == "Search Console is not connected: add sources.search_console to company.yml"
    )
    assert inputs["clarity"]["reason"] == "Clarity is not connected: add sources.clarity to company.yml"
    assert (
        inputs["exports.orders.cost"]["reason"]
        == "exports.orders has no column cost: add it to sources.exports.orders.columns"
    )
    assert inputs["exports.social_followers"]["reason"] == (
        "social followers are not exported: add sources.exports.social_followers to company.yml"
    )
    assert inputs["exports.newsletter"]["reason"].startswith("newsletter sign-ups are not exported: add sources.")
    assert inputs["exports.stages"]["reason"].startswith("the stages of contacts are not exported: add sources.")


@pytest.mark.parametrize(
    "exports",
    [
        "stage_changes: {file: s.csv, columns: {contact_id: a, stage: b, entered_at: c}}",
        "contacts: {file: c.csv, columns: {contact_id: a, created_on: b, mql_on: c}}",
        "contacts: {file: c.csv, columns: {contact_id: a, created_on: b, stage: c}}",
    ],
)
def test_stages_are_known_from_a_history_a_date_or_the_stage_itself(write: Write, exports: str) -> None:
    company = load_company(write(f"{MINIMAL}sources:\n  exports:\n    {exports}\n"))
    assert inputs(company.sources)["exports.stages"] is None


def test_newsletter_signups_are_known_from_a_list_too(write: Write) -> None:
    lists = "newsletter_subscribers: {file: n.csv, columns: {subscriber_id: a, subscribed_on: b}}"
    company = load_company(write(f"{MINIMAL}sources:\n  exports:\n    {lists}\n"))
    assert inputs(company.sources)["exports.newsletter"] is None


def test_without_ga4_its_events_say_so(write: Write) -> None:
    inputs = {row["input"]: row["reason"] for row in tables(load_company(write(MINIMAL)))["company_inputs"]}
    assert inputs["ga4.events.one_minute"] == inputs["ga4"] == "GA4 is not connected: add sources.ga4 to company.yml"


def test_a_missing_file(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert error.where == "company.yml"
    assert str(tmp_path) in error.problem
    assert "--company" in error.remedy


@pytest.mark.parametrize(
    ("old", "new", "where", "problem", "remedy"),
    [
        ("name: Acme", "name: Acme: Inc", " line 1 column 11", "is not YAML", "quote text"),
        ("name: Acme", "name:", ": name (line 1)", "is missing", "the name of the company"),
        ("locale: en", "locale: fr", ": locale (line 2)", "should be 'ja' or 'en'", "docs/company-folder.md"),
        (
            "America/New_York",
            "America/NewYork",
            ": timezone (line 3)",
            "America/NewYork is not a time zone",
            "did you mean America/New_York?",
        ),
        ("America/New_York", "JST", ": timezone (line 3)", "JST is not a time zone", ""),
        ("USD", "dollars", ": currency (line 4)", "dollars is not a currency", "ISO 4217"),
        (
            "fiscal_year_start: 1",
            "fiscal_year_start: 13",
            ": fiscal_year_start (line 5)",
            "should be less than",
            "docs/",
        ),
        (
            "fiscal_year_start: 1",
            "fiscal_year_start: April",
            ": fiscal_year_start (line 5)",
            "should be a whole number",
            "docs/",
        ),
        (
            "start: 2025-01-01",
            "start: 2025/01/01",
            ": start (line 6)",
            "2025/01/01 is not a day",
            "write it as 2025-04-01",
        ),
        ("fiscal_year_start", "fiscal_start", "", "2 entries are wrong", "mend them"),
        (
            "[WWW.Example.com]",
            "[https://www.example.com]",
            ": site.hosts[0] (line 8)",
            "https://www.example.com is not a host name",
            "write the host alone",
        ),
        ("[WWW.Example.com]", "[]", ": site.hosts (line 8)", "is an empty list", "list at least one"),
        (
            "[/blog/]",
            "[blog]",
            ": site.article_paths[0] (line 9)",
            "blog is not the beginning of a path",
            "begin with /",
        ),
        (
            "locale: en",
            "locale: en\nlocale: ja",
            ": locale (line 2)",
            "is written twice, on lines 2 and 3",
            "keep one of them",
        ),
        (
            "property_id: 123456",
            "property_id: G-AB12CD34",
            ": sources.ga4.property_id (line 12)",
            "G-AB12CD34 is the measurement id, not the property id",
            "Admin > Property details",
        ),
        (
            "property_id: 123456",
            "property_id: UA-1234-5",
            ": sources.ga4.property_id (line 12)",
            "UA-1234-5 is a Universal Analytics id",
            "Admin > Property details",
        ),
        (
            "property_id: 123456",
            "property_id: main",
            ": sources.ga4.property_id (line 12)",
            "is not a property id",
            "Admin > Property details",
        ),
        (
            "    property_id: 123456\n",
            "",
            ": sources.ga4.property_id (line 11)",
            "is missing",
            "Admin > Property details",
        ),
        (
            "property_id: 123456",
            "property_id: 123456\n    property: 1",
            ": sources.ga4.property (line 13)",
            "is not a key that can stand here",
            "did you mean property_id?",
        ),
        (
            "    endpoint: 127.0.0.1:8787\n",
            "",
            ": sources.ga4.credentials (line 13)",
            "none is only for an endpoint on this machine",
            "env:NAME",
        ),
        (
            "127.0.0.1:8787",
            "ga4.example.com:443",
            ": sources.ga4.credentials (line 14)",
            "none is only for an endpoint on this machine",
            "env:NAME",
        ),
        ("127.0.0.1:8787", "http://ga4.example.com", "", "2 entries are wrong", "mend"),
        (
            "credentials: none",
            "credentials: key.json",
            ": sources.ga4.credentials (line 14)",
            "is neither none nor env:NAME",
            "write env:NAME",
        ),
        ("    credentials: none\n", "", ": sources.ga4.credentials (line 11)", "is missing", "env:NAME"),
        (
            "one_minute:",
            "one_minut:",
            ": sources.ga4.events.one_minut (line 15)",
            "is not a key that can stand here",
            "did you mean one_minute?",
        ),
        (
            "    events:",
            "    reserve: 2\n    events:",
            ": sources.ga4.reserve (line 15)",
            "should be less than or equal to 1",
            "docs/",
        ),
        (
            "    events:",
            "    client_id: client_id\n    events:",
            ": sources.ga4.client_id (line 15)",
            "client_id is not a custom dimension",
            "customEvent:client_id",
        ),
        (
            "    events:",
            "    transport: soap\n    events:",
            ": sources.ga4.transport (line 15)",
            "should be 'grpc' or 'rest'",
            "docs/",
        ),
    ],
)
def test_what_is_wrong_names_entry_line_and_remedy(
    write: Write, old: str, new: str, where: str, problem: str, remedy: str
) -> None:
    assert old in MINIMAL + GA4
    error = refused(write((MINIMAL + GA4).replace(old, new, 1)))
    assert error.where == f"company.yml{where}"
    assert error.problem.startswith(problem)
    assert remedy in error.remedy


@pytest.mark.parametrize("secret", ["-----BEGIN PRIVATE KEY-----", "ya29.secret", "env:", "env:A B", "${KEY}"])
def test_a_secret_in_the_wrong_place_is_not_repeated(write: Write, secret: str) -> None:
    error = refused(write(MINIMAL + GA4.replace("credentials: none", f'credentials: "{secret}"')))
    assert error.where == "company.yml: sources.ga4.credentials (line 14)"
    assert secret not in str(error).replace("env:NAME", "")


@pytest.mark.parametrize("property_id", ["123456", '"123456"', "properties/123456"])
def test_ways_to_write_the_property_id(write: Write, property_id: str) -> None:
    company = load_company(write(MINIMAL + GA4.replace("123456", property_id)))
    assert company.sources.ga4 is not None
    assert company.sources.ga4.property_id == "123456"


@pytest.mark.parametrize(
    "site_url", ["sc-domain:example.com", "https://www.example.com/", "https://www.example.com/blog/"]
)
def test_search_console_properties(write: Write, site_url: str) -> None:
    company = load_company(write(MINIMAL + SEARCH_CONSOLE.replace("sc-domain:example.com", site_url)))
    assert company.sources.search_console is not None
    assert company.sources.search_console.site_url == site_url


@pytest.mark.parametrize("site_url", ["sc-domain:example.org", "https://example.com/", "https://www.example.com/jp/"])
def test_a_property_that_holds_no_article_is_refused(write: Write, site_url: str) -> None:
    """The apex is not www, and another folder is not the blog."""
    error = refused(write(MINIMAL + SEARCH_CONSOLE.replace("sc-domain:example.com", site_url)))
    assert error.where == "company.yml: sources.search_console.site_url (line 12)"
    assert error.problem == f"{site_url} holds no page of www.example.com/blog/ (site.hosts and site.article_paths)"
    assert "www.example.com is not example.com" in error.remedy


def test_search_types_are_all_unless_named_and_web_is_one_of_them(write: Write) -> None:
    def of(text: str) -> tuple[str, ...]:
        settings = load_company(write(MINIMAL + SEARCH_CONSOLE + text)).sources.search_console
        assert settings is not None
        return settings.search_types

    assert of("") == ("web", "image", "video", "news", "discover", "googleNews")
    assert of("    search_types: [discover, web, web]\n") == ("discover", "web")
    error = refused(write(MINIMAL + SEARCH_CONSOLE + "    search_types: [image]\n"))
    assert (error.where, error.remedy) == ("company.yml: sources.search_console.search_types (line 14)", "add web")
    error = refused(write(MINIMAL + SEARCH_CONSOLE + "    search_types: [web, discovery]\n"))
    assert error.where == "company.yml: sources.search_console.search_types[1] (line 14)"
    assert "'discover'" in error.problem


@pytest.mark.parametrize(
    "site_url", ["example.com", "https://www.example.com", "sc-domain:https://example.com", "www.example.com/"]
)
def test_what_is_not_a_search_console_property(write: Write, site_url: str) -> None:
    error = refused(write(MINIMAL + SEARCH_CONSOLE.replace("sc-domain:example.com", site_url)))
    assert error.where == "company.yml: sources.search_console.site_url (line 12)"
    assert "sc-domain:example.com" in error.remedy


@pytest.mark.parametrize(
    ("old", "new", "where", "problem", "remedy"),
    [
        ("    deals:", "    deal:", "deal (line 12)", "is not a kind of export", "did you mean deals?"),
        ("      file: exports/deals.csv\n", "", "deals.file (line 12)", "is missing", "path of the file"),
        ("status: Stage", "staus: Stage", None, "2 entries are wrong", "mend"),
        (
            "deal_id: ID, ",
            "",
            "deals.columns.deal_id (line 14)",
            "is missing",
            "add `deal_id:` and the header in your file",
        ),
        (
            "status: Stage",
            "status: Stage, owner: Owner",
            "deals.columns.owner (line 14)",
            "is not a column of ours",
            "Known: deal_id, status",
        ),
        (
            "deal_id: ID, status: Stage",
            "deal_id: ID, stage: Stage",
            "deals.columns.status (line 14)",
            "is missing, and so is is_won",
            "add `status:` or `is_won:`",
        ),
        (
            "status: Stage",
            "is_won: Won",
            "deals.columns.is_closed (line 14)",
            "is missing, without which is_won does not say enough",
            "add `is_closed:`",
        ),
        ("status: Stage", 'status: " "', "deals.columns.status (line 14)", "names no header", "write the header"),
        (
            "Closed Won: won",
            "Closed Won: wonn",
            "deals.values.status.Closed Won (line 16)",
            "wonn is not a status of ours",
            "did you mean won?",
        ),
        (
            "        status: {",
            "        stage: {",
            "deals.values.stage (line 16)",
            "is not a column whose values are mapped",
            "Known: status, kind",
        ),
        (
            "columns: {order_id: No, ",
            "encoding: latin-x\n      columns: {order_id: No, ",
            "orders.encoding (line 19)",
            "latin-x is not a text encoding",
            "cp932",
        ),
        (
            "columns: {order_id: No, ",
            "delimiter: tab\n      columns: {order_id: No, ",
            "orders.delimiter (line 19)",
            "is not a delimiter",
            r'"\t"',
        ),
        (
            "columns: {order_id: No, ",
            "skip: 1\n      columns: {order_id: No, ",
            "orders.skip (line 19)",
            "is not a key that can stand here",
            "Known: preset, file, encoding, delimiter, sheet, columns, may_lack, values, empty, only, day_order",
        ),
        (
            "columns: {order_id: No, ",
            "day_order: ymd\n      columns: {order_id: No, ",
            "orders.day_order (line 19)",
            "should be 'mdy' or 'dmy'",
            "docs/company-folder.md",
        ),
    ],
)
def test_what_is_wrong_with_exports(
    write: Write, old: str, new: str, where: str | None, problem: str, remedy: str
) -> None:
    assert old in EXPORTS
    error = refused(write(MINIMAL + EXPORTS.replace(old, new, 1)))
    assert error.where == (f"company.yml: sources.exports.{where}" if where else "company.yml")
    assert error.problem.startswith(problem)
    assert remedy in error.remedy


def test_values_of_a_kind_that_has_none(write: Write) -> None:
    error = refused(
        write(
            MINIMAL
            + """sources:
  exports:
    contracts:
      file: c.csv
      columns: {contract_id: No, account_id: Account, started_on: Start}
      values: {account_id: {a: b}}
"""
        )
    )
    assert error.where == "company.yml: sources.exports.contracts.values.account_id (line 15)"
    assert error.remedy == "leave values out for this kind of file"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("euc_jp", ("euc_jp",)), ("[cp932, utf-8]", ("cp932", "utf-8")), ("Shift_JIS", ("Shift_JIS",))],
)
def test_encodings(write: Write, encoding: str, expected: tuple[str, ...]) -> None:
    company = load_company(
        write(MINIMAL + EXPORTS.replace("file: exports/deals.csv", f"file: a.csv\n      encoding: {encoding}"))
    )
    assert company.sources.exports["deals"][0].encoding == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("127.0.0.1:8787", True),
        ("localhost:1", True),
        ("http://127.0.0.1:8788", True),
        ("[::1]:80", True),
        (None, False),
        ("127.0.0.1.example.com:80", False),
        ("https://analyticsdata.googleapis.com", False),
        ("http://localhost@example.com", False),
    ],
)
def test_loopback(endpoint: str | None, expected: bool) -> None:
    assert is_loopback(endpoint) is expected


def test_clarity_needs_its_token_in_the_environment(write: Write) -> None:
    clarity = "sources:\n  clarity:\n    credentials: none\n"
    error = refused(write(MINIMAL + clarity))
    assert error.problem == "none is only for an endpoint on this machine"
    assert error.remedy.endswith("that holds the API token itself")
    named = load_company(write(MINIMAL + clarity.replace("none", "env:CLARITY_TOKEN"))).sources
    assert named.clarity is not None
    assert inputs(named)["clarity"] is None


# The calendar and the topics ------------------------------------------------------------------------------------------


def counted(company: Company, first: date, last: date) -> list[int]:
    """The days of the month that count."""
    return [day.day for day, counts in company.calendar.counted(first, last).items() if counts]


def test_business_days_are_without_weekends_japanese_holidays_and_closed_days(write: Write) -> None:
    """Golden Week of 2026 ends with a substitute holiday; a day between two holidays, of September, is one too."""
    elsewhere = load_company(write(MINIMAL))
    assert counted(elsewhere, date(2026, 5, 1), date(2026, 5, 10)) == [1, 4, 5, 6, 7, 8]
    company = load_company(write(MINIMAL.replace("America/New_York", "Asia/Tokyo")))
    assert counted(company, date(2026, 5, 1), date(2026, 5, 10)) == [1, 7, 8]
    assert counted(company, date(2026, 9, 19), date(2026, 9, 25)) == [24, 25]
    assert len(counted(company, date(2026, 1, 1), date(2026, 1, 31))) == 22 - 2
    # May: 21 weekdays less 4, 5 and 6 (振替休日 of the 3rd); Golden week's 3 to 6 May hold no business day.
    assert len(counted(company, date(2026, 5, 1), date(2026, 5, 31))) == 18
    assert len(counted(elsewhere, date(2026, 5, 1), date(2026, 5, 31))) == 21
    assert counted(company, date(2026, 5, 3), date(2026, 5, 6)) == []
    closed = load_company(write(MINIMAL + "calendar: {holidays: JP, closed: [2026-01-02, 2026-01-03, 2026-12-31]}\n"))
    assert len(counted(closed, date(2026, 1, 1), date(2026, 1, 31))) == 22 - 3
    assert counted(closed, date(2026, 12, 28), date(2027, 1, 4)) == [28, 29, 30, 4]


@pytest.mark.parametrize(
    ("calendar", "days"),
    [
        ("pace: calendar_days", [15, 16, 17, 18]),
        ("pace: calendar_days, closed: [2027-05-17]", [15, 16, 17, 18]),
        ("pace: business_days", [17, 18]),
        ("holidays: none", [17, 18]),
        ("holidays: NO", [18]),  # Norway's Constitution Day
        ("holidays: none, closed: [2027-05-18]", [17]),
    ],
)
def test_the_pace_and_the_country_are_the_company_s(write: Write, calendar: str, days: list[int]) -> None:
    """From Saturday to Tuesday."""
    company = load_company(write(f"{MINIMAL}calendar: {{{calendar}}}\n"))
    assert counted(company, date(2027, 5, 15), date(2027, 5, 18)) == days


def test_the_calendar_and_the_topics_of_the_demo() -> None:
    found = tables(load_company(DEMO))
    days = {row["date_on"]: row["is_counted"] for row in found["company_calendar"]}
    assert len(found["company_calendar"]) == len(days) == 7 * 365 + 2
    assert (min(days), max(days)) == (date(2024, 1, 1), date(2030, 12, 31))
    assert (days[date(2025, 12, 28)], days[date(2025, 12, 29)], days[date(2026, 1, 5)]) == (False, False, True)
    topics = {row["path_prefix"]: row["cluster"] for row in found["company_article_clusters"]}
    assert topics["/articles/invoice-"] == "請求書"
    assert topics["/articles/invoice-system-"] == "インボイス制度"
    assert len(topics) == 10


TOPICS = """  article_clusters:
    Invoices: [/blog/invoice-, /blog/billing/]
    Expenses: [/blog/expenses-]
"""


def test_a_topic_is_several_beginnings(write: Write) -> None:
    assert tables(load_company(write(MINIMAL + TOPICS)))["company_article_clusters"] == [
        {"path_prefix": "/blog/invoice-", "cluster": "Invoices"},
        {"path_prefix": "/blog/billing/", "cluster": "Invoices"},
        {"path_prefix": "/blog/expenses-", "cluster": "Expenses"},
    ]
    assert tables(load_company(write(MINIMAL)))["company_article_clusters"] == []


@pytest.mark.parametrize(
    ("text", "where", "problem", "remedy"),
    [
        (
            "calendar: {holidays: Japan}",
            "calendar.holidays (line 13)",
            "Japan is not a country whose holidays are known",
            "write the two letters of ISO 3166, such as JP or US, or none",
        ),
        ("calendar: {holidays: jp}", "calendar.holidays (line 13)", "jp is not a country", "such as JP"),
        ("calendar: {pace: weekdays}", "calendar.pace (line 13)", "should be 'business_days' or", "docs/"),
        ("calendar: {closed: [12-29]}", "calendar.closed[0] (line 13)", "12-29 is not a day", "write it as 2025-04-01"),
        (
            "calendar: {close: []}",
            "calendar.close (line 13)",
            "is not a key that can stand here",
            "did you mean closed?",
        ),
        (
            "    Other: [blog/other-]",
            "site.article_clusters.Other[0] (line 13)",
            "blog/other- is not the beginning of a path",
            "begin with /",
        ),
        ("    Other: /blog/other-", "site.article_clusters.Other (line 13)", "should be a list", "docs/"),
        (
            "    Other: [/blog/other-, /blog/billing/]",
            "site.article_clusters.Other[1] (line 13)",
            "/blog/billing/ is of Invoices already",
            "keep it in one of the two",
        ),
    ],
)
def test_what_is_wrong_with_the_calendar_and_the_topics(
    write: Write, text: str, where: str, problem: str, remedy: str
) -> None:
    error = refused(write(f"{MINIMAL}{TOPICS}{text}\n"))
    assert error.where == f"company.yml: {where}"
    assert error.problem.startswith(problem)
    assert remedy in error.remedy
