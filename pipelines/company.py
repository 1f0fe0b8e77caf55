"""company.yml: who the company is and what is connected; and the raw tables that hold it."""

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import holidays
import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from connectors import exports, search_console, yaml_file
from connectors.export_presets import Exports
from connectors.table import Load, Table, columns
from connectors.yaml_file import Day, Problem, nearest, wrong

Meaning = Literal["download", "inquiry", "newsletter", "one_minute", "second_page", "end_of_article"]

TEXT = pa.string()
COMPANY_SETTINGS = Table(
    "company_settings",
    "One row: the settings of the company that the models need. as_of is the last complete day of this night.",
    columns(
        {
            "name": TEXT,
            "locale": TEXT,
            "timezone": TEXT,
            "currency": TEXT,
            "fiscal_year_start": pa.int64(),
            "as_of": pa.date32(),
        },
        # How far its time is ahead of UTC on the morning after as_of: no two engines turn zones into hours alike.
        {"utc_offset_minutes": pa.int64()},
    ),
    key=("name",),
)
COMPANY_EVENTS = Table(
    "company_events",
    "One row per meaning (download, inquiry, newsletter, one_minute, second_page, end_of_article): its GA4 event.",
    columns({"meaning": TEXT, "event_name": TEXT}),
    key=("meaning",),
)
COMPANY_ARTICLE_PATHS = Table(
    "company_article_paths",
    "One row per path prefix: a page whose path begins with it is an article.",
    columns({"path_prefix": TEXT}),
    key=("path_prefix",),
)
COMPANY_ARTICLE_CLUSTERS = Table(
    "company_article_clusters",
    "One row per path prefix that makes an article part of a cluster; of several the longest counts.",
    columns({"path_prefix": TEXT, "cluster": TEXT}),
    key=("path_prefix",),
)
COMPANY_CALENDAR = Table(
    "company_calendar",
    "One row per day: whether the standard pace (標準進捗) counts it, as a business day or because all days count.",
    columns({"date_on": pa.date32(), "is_counted": pa.bool_()}),
    key=("date_on",),
)
COMPANY_INPUTS = Table(
    "company_inputs",
    "One row per input that a KPI may need: whether it is connected, and if not, why and what to do.",
    columns({"input": TEXT, "is_available": pa.bool_()}, {"reason": TEXT}),
    key=("input",),
)
COMPANY_TABLES = Table(
    "company_tables",
    "One row per raw table that a connected source fills: the source (ga4, search_console, clarity, exports, plan, "
    "notes), the Dagster asset, and whether it is read day by day (is_dated) or replaced whole.",
    columns({"table_name": TEXT, "source": TEXT, "asset": TEXT, "is_dated": pa.bool_()}),
    key=("table_name",),
)
TABLES = (
    COMPANY_SETTINGS,
    COMPANY_EVENTS,
    COMPANY_ARTICLE_PATHS,
    COMPANY_ARTICLE_CLUSTERS,
    COMPANY_CALENDAR,
    COMPANY_INPUTS,
    COMPANY_TABLES,
)
CALENDAR_YEARS = 5
"""How far beyond the last night the calendar reaches; beyond it no period has a pace."""

_STRICT = ConfigDict(frozen=True, extra="forbid")


def _timezone(name: str) -> str:
    if name not in available_timezones():
        close = nearest(name, sorted(available_timezones())).split(" Known:")[0]
        remedy = close if close.startswith("did") else "write an IANA name, such as Asia/Tokyo or America/New_York"
        raise wrong(Problem((), f"{name} is not a time zone", remedy))
    return name


def _currency(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise wrong(Problem((), f"{code} is not a currency", "write the three letters of ISO 4217, such as JPY or USD"))
    return code


def _host(host: str) -> str:
    if not re.fullmatch(r"[^\s/:?#@]+", host):
        raise wrong(Problem((), f"{host} is not a host name", "write the host alone, such as www.example.co.jp"))
    return host.lower()


def _path_prefix(path: str) -> str:
    if not re.fullmatch(r"/[^\s?#]*", path):
        raise wrong(Problem((), f"{path} is not the beginning of a path", "begin with /, such as /articles/"))
    return path


def _clusters(clusters: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    first: dict[str, str] = {}
    problems = []
    for name, paths in clusters.items():
        for position, path in enumerate(paths):
            if path in first:
                problem = f"{path} is of {first[path]} already"
                problems.append(Problem((name, position), problem, "keep it in one of the two"))
            first.setdefault(path, name)
    if problems:
        raise wrong(*problems)
    return clusters


def _property_id(text: Any) -> str:
    property_id = str(text).strip().removeprefix("properties/")
    if re.fullmatch(r"G-[A-Z0-9]+", property_id, re.IGNORECASE):
        raise wrong(Problem((), f"{property_id} is the measurement id, not the property id", _PROPERTY_REMEDY))
    if re.fullmatch(r"UA-[0-9-]+", property_id, re.IGNORECASE):
        raise wrong(
            Problem((), f"{property_id} is a Universal Analytics id, which GA4 does not know", _PROPERTY_REMEDY)
        )
    if not re.fullmatch(r"[0-9]+", property_id):
        raise wrong(Problem((), "is not a property id", _PROPERTY_REMEDY))
    return property_id


_PROPERTY_REMEDY = "write the numeric property id: in GA4 it stands under Admin > Property details"


def _sheet_id(text: Any) -> str:
    """The text is never quoted: of a sheet that is shared by its link, the id is all that it takes to read it."""
    written = str(text).strip()
    found = re.match(_SHEET_ADDRESS, written)
    sheet_id = found[1] if found else written
    if not re.fullmatch(r"[A-Za-z0-9_-]{20,}", sheet_id):
        remedy = "write its address as the browser shows it, https://docs.google.com/spreadsheets/d/ID/edit"
        raise wrong(Problem((), "is neither the id nor the address of a Google Sheet", remedy))
    return sheet_id


_SHEET_ADDRESS = r"https://docs\.google\.com/(?:a/[^/]+/)?spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{20,})(?:[/?#]|$)"


def _custom_dimension(name: str) -> str:
    if not re.fullmatch(r"custom(Event|User):[A-Za-z]\w*", name):
        remedy = "write customEvent: or customUser: and the parameter's name, such as customEvent:client_id"
        raise wrong(Problem((), f"{name} is not a custom dimension", remedy))
    return name


def _site_url(site_url: str) -> str:
    if not re.fullmatch(r"sc-domain:[^\s/:]+|https?://[^\s/]+/(\S*/)?", site_url):
        raise wrong(
            Problem(
                (),
                f"{site_url} is not a Search Console property",
                "write sc-domain:example.com for a domain property, or the URL with its last /, "
                "such as https://www.example.com/",
            )
        )
    return site_url


def _search_types(kinds: tuple[search_console.SearchType, ...]) -> tuple[search_console.SearchType, ...]:
    if "web" not in kinds:
        raise wrong(Problem((), "web is missing, and every search KPI is of web search", "add web"))
    return tuple(dict.fromkeys(kinds))


def _endpoint(endpoint: str) -> str:
    address = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    if not address.hostname or address.scheme not in ("", "http", "https"):
        raise wrong(Problem((), f"{endpoint} is not an address", "write host:port or https://host:port"))
    if address.scheme == "http" and not is_loopback(endpoint):
        raise wrong(Problem((), "would send the credentials unencrypted", "write https:// or leave it out"))
    return endpoint


def is_loopback(endpoint: str | None) -> bool:
    """Whether an endpoint (host:port or a URL) is on this machine, where the demo's world answers."""
    host = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").hostname if endpoint else None
    try:
        return host == "localhost" or (host is not None and ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def _credentials(spec: str, info: ValidationInfo, holds: str = "the path of the service account's key file") -> str:
    """The text is never quoted: someone may have written the secret itself here."""
    remedy = f"write env:NAME, the environment variable that holds {holds}"
    if spec == "none":
        if not is_loopback(info.data.get("endpoint")):
            raise wrong(Problem((), "none is only for an endpoint on this machine", remedy))
    elif not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", spec):
        raise wrong(Problem((), "is neither none nor env:NAME", remedy))
    return spec


def _token(spec: str, info: ValidationInfo) -> str:
    return _credentials(spec, info, "the API token itself")


def _some(listed: tuple[str, ...]) -> tuple[str, ...]:
    if not listed:
        raise wrong(Problem((), "is an empty list", "list at least one"))
    return listed


PropertyId = Annotated[str, BeforeValidator(_property_id)]
SiteUrl = Annotated[str, AfterValidator(_site_url)]
SheetId = Annotated[str, BeforeValidator(_sheet_id)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Currency = Annotated[str, AfterValidator(_currency)]
Host = Annotated[str, AfterValidator(_host)]
PathPrefix = Annotated[str, AfterValidator(_path_prefix)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
Credentials = Annotated[str, AfterValidator(_credentials)]
Token = Annotated[str, AfterValidator(_token)]


def _country(code: str) -> str:
    if code != "none" and code not in holidays.list_supported_countries():
        remedy = "write the two letters of ISO 3166, such as JP or US, or none"
        raise wrong(Problem((), f"{code} is not a country whose holidays are known", remedy))
    return code


class Calendar(BaseModel):
    """Which days the standard pace (標準進捗) counts: ``closed`` days are the company's own holidays."""

    model_config = _STRICT
    pace: Literal["business_days", "calendar_days"] = "business_days"
    holidays: Annotated[str, AfterValidator(_country)] = "JP"
    closed: tuple[Day, ...] = ()

    def off(self, first: date, last: date) -> set[date]:
        """The public holidays of the years from the first to the last day, and the company's own."""
        if self.holidays == "none":
            return set(self.closed)
        years = range(first.year, last.year + 1)
        return set(self.closed) | set(holidays.country_holidays(self.holidays, years=years))

    def counted(self, first: date, last: date) -> dict[date, bool]:
        """Each day from the first to the last, and whether it counts."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        if self.pace == "calendar_days":
            return dict.fromkeys(days, True)
        off = self.off(first, last)
        return {day: day.weekday() < 5 and day not in off for day in days}


class Site(BaseModel):
    """The pages of the company: which hosts are its own, which paths are articles, and of which cluster.

    Without ``article_clusters``, the folder below the article's path is its cluster.
    """

    model_config = _STRICT
    hosts: Annotated[tuple[Host, ...], AfterValidator(_some)] = Field(description="[www.example.co.jp]")
    article_paths: Annotated[tuple[PathPrefix, ...], AfterValidator(_some)] = Field(description="[/articles/]")
    article_clusters: Annotated[Mapping[str, tuple[PathPrefix, ...]], AfterValidator(_clusters)] = {}


class Ga4(BaseModel):
    """The GA4 property to read. ``reserve`` is the share of each quota that is left for the company's other tools.

    ``client_id`` is the custom dimension that holds GA4's client id, for the join to the contacts.
    """

    model_config = _STRICT
    property_id: PropertyId = Field(description="and the digits that stand in GA4 under Admin > Property details")
    transport: Literal["grpc", "rest"] = "grpc"
    endpoint: Endpoint | None = None
    credentials: Credentials = Field(description="env:NAME, the variable that holds the path of the key file")
    events: Mapping[Meaning, Annotated[str, Field(min_length=1)]] = {}
    client_id: Annotated[str, AfterValidator(_custom_dimension)] | None = None
    reserve: float = Field(default=0.2, ge=0, le=1)


class SearchConsole(BaseModel):
    """The Search Console property to read. A type of search that has no rows costs one request a month read."""

    model_config = _STRICT
    site_url: SiteUrl = Field(description="sc-domain:example.com")
    search_types: Annotated[tuple[search_console.SearchType, ...], AfterValidator(_search_types)] = (
        search_console.SEARCH_TYPES
    )
    endpoint: Endpoint | None = None
    credentials: Credentials = Field(description="env:NAME, the variable that holds the path of the key file")


class Clarity(BaseModel):
    """The Microsoft Clarity project to read; the token says which it is."""

    model_config = _STRICT
    endpoint: Endpoint | None = None
    credentials: Token = Field(description="env:NAME, the variable that holds the API token")


class PlanSheet(BaseModel):
    """The Google Sheet that stands in for plan.yml."""

    model_config = _STRICT
    sheet: SheetId = Field(description="and the address of the Google Sheet")
    endpoint: Endpoint | None = None
    credentials: Credentials = Field(description="env:NAME, the variable that holds the path of the key file")


class Sources(BaseModel):
    """What is connected; ``exports`` is empty when no file is."""

    model_config = _STRICT
    ga4: Ga4 | None = None
    search_console: SearchConsole | None = None
    clarity: Clarity | None = None
    exports: Exports = {}


class Company(BaseModel):
    """A company folder's company.yml; ``folder`` is the folder, ``state`` where the program keeps its own files."""

    model_config = _STRICT
    name: str = Field(min_length=1, description="and the name of the company")
    locale: Literal["ja", "en"] = Field(description="ja or en")
    timezone: Timezone = Field(description="an IANA name, such as Asia/Tokyo")
    currency: Currency = Field(description="three letters, such as JPY")
    fiscal_year_start: int = Field(ge=1, le=12, description="the month, 1 to 12")
    start: Day = Field(description="the first day to load, such as 2025-04-01")
    site: Site = Field(description="with hosts and article_paths below it")
    calendar: Calendar = Calendar()
    plan: PlanSheet | None = None
    sources: Sources = Sources()
    _folder: Path = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _holidays_of_its_country(cls, data: Any) -> Any:
        """Without a word, a company in Japan keeps Japan's holidays, and any other one none: which are not known."""
        if not isinstance(data, dict) or data.get("timezone") == "Asia/Tokyo":
            return data
        calendar = data.get("calendar", {})
        return {**data, "calendar": {"holidays": "none", **calendar}} if isinstance(calendar, dict) else data

    @model_validator(mode="after")
    def _search_console_holds_articles(self) -> "Company":
        settings = self.sources.search_console
        if settings:
            _, none = search_console.uncovered(settings.site_url, self.site.hosts, self.site.article_paths)
            if len(none) == len(self.site.hosts) * len(self.site.article_paths):
                problem = f"{settings.site_url} holds no page of {', '.join(none)} (site.hosts and site.article_paths)"
                remedy = "take the property of that host (www.example.com is not example.com), or mend site"
                raise wrong(Problem(("sources", "search_console", "site_url"), problem, remedy))
        return self

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def state(self) -> Path:
        return self._folder / ".gyakusan"


def company_folder() -> Path:
    """``GYAKUSAN_COMPANY``, else the current folder if it is a company's, else the demo."""
    named = os.environ.get("GYAKUSAN_COMPANY")
    if named:
        return Path(named).resolve()
    here = Path.cwd()
    return here if (here / "company.yml").exists() else Path(__file__).parent.parent / "demo"


def yesterday(company: Company) -> date:
    """The last complete day in the company's time zone."""
    return datetime.now(ZoneInfo(company.timezone)).date() - timedelta(days=1)


def load_company(folder: Path) -> Company:
    """The company of a folder.

    Raises SourceError naming each wrong entry of company.yml, its line and what to do.
    """
    company = yaml_file.read(
        folder / "company.yml",
        Company,
        "name the company folder with --company, or write the file: docs/company-folder.md",
        context=folder,
    )
    company._folder = folder
    return company


def company_loads(company: Company, as_of: date, filled: Mapping[str, Sequence[Table]]) -> Iterator[Load]:
    """The snapshot tables of ``TABLES``; ``as_of`` is the last complete day that this night covers, ``filled`` the
    raw tables of each connected source."""
    settings = company.model_dump(include={"name", "locale", "timezone", "currency", "fiscal_year_start"})
    events = company.sources.ga4.events if company.sources.ga4 else {}
    morning = datetime.combine(as_of + timedelta(days=1), time(5), ZoneInfo(company.timezone))
    ahead = (morning.utcoffset() or timedelta()) // timedelta(minutes=1)
    yield _snapshot(COMPANY_SETTINGS, [{**settings, "as_of": as_of, "utc_offset_minutes": ahead}])
    yield _snapshot(COMPANY_EVENTS, [{"meaning": meaning, "event_name": event} for meaning, event in events.items()])
    yield _snapshot(COMPANY_ARTICLE_PATHS, [{"path_prefix": path} for path in company.site.article_paths])
    clusters = {path: name for name, paths in company.site.article_clusters.items() for path in paths}
    yield _snapshot(
        COMPANY_ARTICLE_CLUSTERS, [{"path_prefix": path, "cluster": name} for path, name in clusters.items()]
    )
    days = company.calendar.counted(date(company.start.year - 1, 1, 1), date(as_of.year + CALENDAR_YEARS, 12, 31))
    yield _snapshot(COMPANY_CALENDAR, [{"date_on": day, "is_counted": counts} for day, counts in days.items()])
    yield _snapshot(
        COMPANY_INPUTS,
        [
            {"input": name, "is_available": reason is None, "reason": reason}
            for name, reason in inputs(company.sources, company.folder).items()
        ],
    )
    yield _snapshot(
        COMPANY_TABLES,
        [
            # The rows of a plan are dated by its versions, not by days that are read one after the other.
            {"table_name": table.name, "source": source, "asset": f"{table.layer}/{table.name}",
             "is_dated": table.date_column is not None and source != "plan"}
            for source, tables in filled.items() for table in tables
        ],
    )  # fmt: skip


def inputs(sources: Sources, folder: Path | None = None) -> dict[str, str | None]:
    """Each input that a KPI may need, and why it is not available (``None``: it is).

    A column that only a preset names is there when a file in the company ``folder`` has it.
    """

    def event(meaning: Meaning) -> str | None:
        if sources.ga4 is None:
            return "GA4 is not connected: add sources.ga4 to company.yml"
        if meaning not in sources.ga4.events:
            return f"no event of meaning {meaning}: add sources.ga4.events.{meaning}"
        return None

    def export(kind: str, column: str | None = None) -> str | None:
        if kind not in sources.exports:
            return f"{kind.replace('_', ' ')} are not exported: add sources.exports.{kind} to company.yml"
        if column is not None and not any(
            column in exports.found_columns(kind, file, folder) for file in sources.exports[kind]
        ):
            return f"exports.{kind} has no column {column}: add it to sources.exports.{kind}.columns"
        return None

    def first_of(*reasons: str | None, otherwise: str) -> str | None:
        return None if None in reasons else otherwise

    return {
        "ga4": None if sources.ga4 else "GA4 is not connected: add sources.ga4 to company.yml",
        "ga4.events.one_minute": event("one_minute"),
        "ga4.events.second_page": event("second_page"),
        "search_console": None
        if sources.search_console
        else "Search Console is not connected: add sources.search_console to company.yml",
        "clarity": None if sources.clarity else "Clarity is not connected: add sources.clarity to company.yml",
        "exports.contacts": export("contacts"),
        "exports.newsletter": first_of(
            export("newsletter_subscribers"),
            export("contacts", "newsletter_on"),
            otherwise="newsletter sign-ups are not exported: add sources.exports.newsletter_subscribers to "
            "company.yml, or newsletter_on to sources.exports.contacts.columns",
        ),
        "exports.newsletter_subscribers": export("newsletter_subscribers"),
        "exports.form_submissions": export("form_submissions"),
        "exports.stages": first_of(
            export("stage_changes"),
            export("contacts", "mql_on"),
            export("contacts", "stage"),
            otherwise="the stages of contacts are not exported: add sources.exports.stage_changes to company.yml, "
            "or mql_on or stage to sources.exports.contacts.columns",
        ),
        "exports.deals": export("deals"),
        "exports.deals.contact_id": export("deals", "contact_id"),
        "exports.orders": export("orders"),
        "exports.orders.cost": export("orders", "cost"),
        "exports.contracts": export("contracts"),
        "exports.social_followers": export("social_followers"),
    }


def _snapshot(table: Table, rows: list[dict[str, Any]]) -> Load:
    return Load(table, None, None, iter([pa.RecordBatch.from_pylist(rows, schema=table.schema)]), [])
