"""What company.yml says of a source, as its connector takes it; without Dagster, for commands that start quickly."""

from google.auth.credentials import Credentials

from connectors import clarity, ga4, search_console
from pipelines.company import Clarity, Company, Ga4, SearchConsole
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
