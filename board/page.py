"""What a page of the board is: a query file, a template and a function that hands the one to the other.

Pages do not know whether they are served or written to a folder: they name other pages, and whoever renders them says
how a link looks (:mod:`board.render`).
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from board.formats import Formats
from board.night import Night, Row
from connectors.text import Locale, Text

PAGES = Path(__file__).parent / "pages"
SHARED = PAGES / "shared.sql"
"""What several pages ask."""


class NotFound(Exception):
    """The board has no such page, or not with these parameters."""


@dataclass(frozen=True)
class About:
    """What the board must know of the company beside its marts."""

    name: str
    locale: Locale
    currency: str
    timezone: str
    fiscal_year_start: int
    dagster_url: str = "http://127.0.0.1:3000"

    def formats(self, locale: Locale) -> Formats:
        """How numbers and periods are written for a reader."""
        return Formats(locale, self.currency, self.timezone, self.fiscal_year_start)


@dataclass(frozen=True)
class View:
    """What one page is made of: the night, the reader's language and what was asked for, by type and never as SQL."""

    night: Night
    about: About
    locale: Locale
    page: str
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def formats(self) -> Formats:
        return self.about.formats(self.locale)

    def rows(self, name: str, **values: object) -> list[Row]:
        """The rows of a query of the page's own file."""
        return self.night.rows(PAGES / f"{self.page}.sql", name, **values)

    def row(self, name: str, **values: object) -> Row | None:
        """The one row of a query of the page's own file."""
        return self.night.row(PAGES / f"{self.page}.sql", name, **values)

    def shared(self, name: str, **values: object) -> list[Row]:
        """The rows of a query that several pages ask."""
        return self.night.rows(SHARED, name, **values)

    def say(self, text: Text) -> str:
        return text.of(self.locale)


Parse = Callable[[str], object]
"""From the text of a parameter to its value; ValueError for what it cannot be."""


def choice(*values: str) -> Parse:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError
        return text

    return parse


def name(text: str) -> str:
    """A KPI or another name of ours."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", text):
        raise ValueError
    return text


GRAIN = choice("week", "month", "quarter")
DAY = date.fromisoformat


@dataclass(frozen=True)
class Page:
    """One page: its parameters (all that a request may say), what its template is given, and which of its variants are
    written to the exported folder. ``is_listed`` pages stand in the navigation."""

    name: str
    title: Text
    show: Callable[[View], Mapping[str, Any]]
    params: Mapping[str, Parse] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    """What a parameter that is left out means, so that one page has one address."""
    exported: Callable[[Night], Sequence[Mapping[str, Any]]] = lambda night: [{}]
    is_listed: bool = True
    remembered: Set[str] = frozenset()
    """What the page's own script keeps in the address, and the server does not look at."""
    table: Callable[[View], Sequence[Row]] | None = None
    """The rows that the page offers as CSV."""

    def parse(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The values of a request's parameters. Raises NotFound for one that the page does not have."""
        values: dict[str, Any] = {}
        for key, text in given.items():
            if key in self.remembered:
                continue
            if key not in self.params:
                raise NotFound
            try:
                values[key] = self.params[key](text)
            except ValueError:
                raise NotFound from None
        return {**self.defaults, **values}

    def brief(self, params: Mapping[str, object]) -> dict[str, object]:
        """The parameters without those that say nothing: None and the defaults."""
        return {key: value for key, value in params.items() if value is not None and self.defaults.get(key) != value}
