"""From a page and its view to HTML. The templates are beside the pages; nothing in them is marked as safe."""

from collections.abc import Callable, Mapping, Set
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2

from board import marks, words
from board.formats import of_text
from board.page import PAGES as FOLDER
from board.page import Page, View
from board.pages import LISTED, PAGES
from connectors.text import Locale, Text

HERE = Path(__file__).parent
Link = Callable[..., str | None]
"""``link(page, locale, **params)``: where a page is, or None where this board does not have it."""


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER, HERE / "templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # Rows of charts in UTF-8 and without spaces: in Japanese a third shorter than with escapes.
    made.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False, "separators": (",", ":")}
    return made


def html(page: Page, view: View, link: Link, static: str, offers: Set[str]) -> str:
    """The page as a document.

    ``static`` is where its style and script are; ``offers`` is what a server has beside pages (csv, login).
    """
    values = {**_common(view, view.locale, link, static, offers), "page": page, **page.show(view)}
    made = _template(f"{page.name}.html").render(values)
    return "\n".join(line for line in map(str.strip, made.split("\n")) if line)


def notice(name: str, locale: Locale, static: str, **values: object) -> str:
    """A page without a night: the login, an error."""

    def t(ja: str, en: str) -> str:
        return ja if locale == "ja" else en

    return _template(f"{name}.html").render(t=t, locale=locale, static=static, **values)


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


def _common(view: View, locale: Locale, link: Link, static: str, offers: Set[str]) -> Mapping[str, Any]:
    def t(ja: str, en: str) -> str:
        return ja if locale == "ja" else en

    def say(text: Text) -> str:
        return text.of(locale)

    def label(row: Mapping[str, object]) -> str:
        return of_text(row, "label", locale)

    def go(name: str, locale: Locale = locale, **params: object) -> str | None:
        return link(name, locale, **PAGES[name].brief(params))

    return {
        "view": view,
        "night": view.night,
        "about": view.about,
        "locale": locale,
        "f": view.formats,
        "t": t,
        "say": say,
        "label": label,
        "go": go,
        "words": words,
        "marks": marks,
        "listed": LISTED,
        "static": static,
        "offers": offers,
    }


def served_link(name: str, locale: Locale, **params: object) -> str:
    """Where the server has a page."""
    query = urlencode({key: str(value) for key, value in sorted(params.items())})
    return f"/{locale}/{name}" + (f"?{query}" if query else "")


def file_name(name: str, **params: object) -> str:
    """What the exported file of a page is called."""
    return ".".join([name, *(f"{key}-{value}" for key, value in sorted(params.items())), "html"])
