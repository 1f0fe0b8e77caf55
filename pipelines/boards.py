"""The company's board: the pages of :mod:`board` for its published marts, in a folder or served."""

import os
import ssl
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from board import assets
from board.export import export
from board.login import MIN_LENGTH, Login
from board.night import Nights, opened
from board.page import About
from board.server import Board, application, host_name, is_address
from connectors.errors import SourceError
from pipelines.company import Company

PASSWORD = "GYAKUSAN_BOARD_PASSWORD"  # noqa: S105 (the variable's name)
MAX_HEAD, MAX_CONNECTIONS, FAREWELL_SECONDS = 16_384, 200, 5
"""The bytes of a request before its body; who is answered at a time; how long an answer may take once we end."""


def about(company: Company, dagster_url: str = About.dagster_url) -> About:
    """What the board shows of company.yml."""
    return About(
        name=company.name,
        locale=company.locale,
        currency=company.currency,
        timezone=company.timezone,
        fiscal_year_start=company.fiscal_year_start,
        dagster_url=dagster_url.rstrip("/"),
    )


def folder(company: Company) -> Path:
    """Where the night writes the pages."""
    return company.state / "board"


def write(company: Company) -> int:
    """Write the pages of the published night. Returns how many."""
    with opened(company.state / "marts.duckdb") as night:
        return export(night, about(company), folder(company))


def board(company: Company, host: str, names: tuple[str, ...], dagster_url: str) -> Board:
    """The board to serve at an address. Raises SourceError where others could reach it and there is no password.

    The password is taken out of the environment, which other processes of ours inherit.
    """
    password = os.environ.pop(PASSWORD, None)
    if password is None:
        for option, value in (("--host", host), *(("--name", name) for name in names)):
            if not _is_loopback(value):
                raise SourceError(
                    option,
                    f"{value} can be reached by others, and the board has no password",
                    f"set the environment variable {PASSWORD}, or leave {option} out",
                )
    if password is not None and len(password) < MIN_LENGTH:
        raise SourceError(PASSWORD, f"is shorter than {MIN_LENGTH} characters", "choose a longer one")
    return Board(
        about(company, dagster_url),
        Nights(company.state / "marts.duckdb"),
        assets.files(),
        Login(password) if password is not None else None,
    )


def server(
    served: Board, host: str, port: int, names: tuple[str, ...], certificate: str | None, key: str | None
) -> uvicorn.Server:
    """What answers, once it runs. Raises SourceError for a certificate that cannot be used."""
    if key and not certificate:
        raise SourceError("--key", "is of no use alone", "give the certificate too: --certificate")
    if certificate:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
        except OSError as error:
            raise SourceError("--certificate", f"cannot be used ({error})", "give a PEM file and its --key") from None
    hosts = frozenset({host_name(name) for name in names} | {host_name(bracketed(host))})
    return uvicorn.Server(
        uvicorn.Config(
            application(served, hosts),
            host=host.strip("[]"),
            port=port,
            log_level="warning",
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            http="h11",  # the other parser takes request heads of any length
            h11_max_incomplete_event_size=MAX_HEAD,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=FAREWELL_SECONDS,
            ws="none",
            lifespan="off",
        )
    )


def bracketed(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host and is_address(host) and not host.startswith("[") else host


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine and nothing else; ``localhost`` is the one name that says so."""
    name = host_name(bracketed(host)).strip("[]")
    return name == "localhost" or (is_address(name) and ip_address(name).is_loopback)
