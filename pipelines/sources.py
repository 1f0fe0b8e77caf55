"""What company.yml says of a source, as its connector takes it; without Dagster, for commands that start quickly."""

from google.auth.credentials import Credentials

from connectors import clarity, ga4, plan_sheet, plan_tables, search_console
from connectors.plan import Plan
from pipelines.company import Clarity, Company, Ga4, PlanSheet, SearchConsole
from pipelines.credentials import api_token, google_credentials


def ga4_property(company: Company, settings: Ga4) -> ga4.Property:
    return ga4.Property(
        settings.property_id,
        company.site.hosts,
        company.site.article_paths,
        {str(meaning): event for meaning, event in settings.events.items()},
        company.fiscal_year_start,
        settings.reserve,
        company.timezone,
        settings.client_id,
    )


def ga4_credentials(settings: Ga4) -> Credentials:
    return google_credentials(settings.credentials, ga4.SCOPES, "company.yml: sources.ga4.credentials")


def search_console_credentials(settings: SearchConsole) -> Credentials:
    where = "company.yml: sources.search_console.credentials"
    return google_credentials(settings.credentials, search_console.SCOPES, where)


def clarity_token(settings: Clarity) -> str | None:
    found = "a project admin makes one under Settings > Data Export > Generate new API token"
    return api_token(settings.credentials, f"{clarity.WHERE}.credentials", found)


def plan_credentials(settings: PlanSheet) -> Credentials:
    return google_credentials(settings.credentials, plan_sheet.SCOPES, f"{plan_sheet.API.where}.credentials")


def read_plan(company: Company) -> tuple[Plan, str]:
    """The plan, and what it was read from: ``plan.yml``, or ``sheet ID`` where company.yml names a Google Sheet.

    Raises SourceError naming each wrong entry, or why Google did not answer.
    """
    settings = company.plan
    if settings is None:
        return plan_tables.read(company.folder), "plan.yml"
    with plan_sheet.service(settings.endpoint, plan_credentials(settings)) as service:
        return plan_sheet.read(service, settings.sheet), f"sheet {settings.sheet}"
