"""The company's board: the pages of :mod:`board` for its published marts, in a folder or served."""

import os
from pathlib import Path

import uvicorn

from board import assets
from board.export import export
from board.login import MIN_LENGTH, Login
from board.night import Nights, opened
from board.page import About
from board.server import LOOPBACK, Board, application
from connectors.errors import SourceError
from pipelines.company import Company, is_loopback

PASSWORD = "GYAKUSAN_BOARD_PASSWORD"  # noqa: S105 (the variable's name)


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


def board(company: Company, host: str, dagster_url: str) -> Board:
    """The board to serve at an address. Raises SourceError where others could reach it and there is no password."""
    password = os.environ.get(PASSWORD)
    if password is None and not is_loopback(host):
        raise SourceError(
            "--host",
            f"{host} can be reached by others, and the board has no password",
            f"set the environment variable {PASSWORD}, or leave --host out",
        )
    if password is not None and len(password) < MIN_LENGTH:
        raise SourceError(PASSWORD, f"is shorter than {MIN_LENGTH} characters", "choose a longer one")
    return Board(
        about(company, dagster_url),
        Nights(company.state / "marts.duckdb"),
        assets.files(),
        Login(password) if password is not None else None,
    )


def serve(
    served: Board, host: str, port: int, names: tuple[str, ...], certificate: str | None, key: str | None
) -> None:
    """Answer until interrupted. Requests for other hosts than ours are refused on loopback, where nobody signs in."""
    hosts = frozenset(names) | (LOOPBACK if is_loopback(host) else frozenset())
    uvicorn.run(
        application(served, hosts),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
