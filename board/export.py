"""The board as a folder: the same pages, opened from disk, with no request to any network."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from board import assets
from board.night import Night
from board.page import About, Page, View
from board.pages import PAGES
from board.render import file_name, html
from connectors.text import Locale

LOCALES: tuple[Locale, ...] = get_args(Locale)
STATIC = "static"
START = """<!doctype html><meta charset="utf-8"><title>gyakusan</title>
<meta http-equiv="refresh" content="0; url={locale}/today.html"><a href="{locale}/today.html">gyakusan</a>
"""


def export(night: Night, about: About, folder: Path) -> int:
    """Write the board's pages into a folder, in place of those that are there. Returns how many pages.

    The folder is made beside the old one and renamed, so no reader meets the pages of two nights.
    """
    new, old = (folder.with_name(f"{folder.name}.{name}") for name in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    (new / STATIC).mkdir(parents=True)
    for name, content in assets.files().items():
        (new / STATIC / name).write_bytes(content)
    wanted = list(_wanted(night))
    files = {(page.name, _key(params)) for page, params in wanted}
    for locale in LOCALES:
        (new / locale).mkdir()
        for page, params in wanted:
            view = View(night, about, locale, page.name, {**page.defaults, **params})
            text = html(page, view, _links(files, locale), f"../{STATIC}", frozenset())
            (new / locale / file_name(page.name, **params)).write_text(text, encoding="utf-8")
    (new / "index.html").write_text(START.format(locale=about.locale), encoding="utf-8")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return len(wanted) * len(LOCALES)


def _wanted(night: Night) -> Iterator[tuple[Page, Mapping[str, Any]]]:
    for page in PAGES.values():
        for params in page.exported(night):
            yield page, page.brief(params)


def _key(params: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in params.items()))


def _links(files: set[tuple[str, tuple[tuple[str, str], ...]]], here: Locale) -> Any:
    """A link to a page that is in the folder; None to one that is not."""

    def link(name: str, locale: Locale, **params: object) -> str | None:
        if (name, _key(params)) not in files:
            return None
        file = file_name(name, **params)
        return file if locale == here else f"../{locale}/{file}"

    return link
