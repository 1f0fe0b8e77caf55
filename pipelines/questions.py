"""The questions of `gyakusan init`, asked at the terminal or answered by its options and defaults."""

import os
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import click

from connectors import export_presets
from connectors.errors import SourceError
from connectors.text import Locale, Text
from connectors.yaml_file import Day, nearest
from pipelines import init
from pipelines.company import Currency, Host, PathPrefix, PropertyId, SiteUrl, Timezone
from pipelines.init import Answers, checked

T = TypeVar("T")
NEXT = Text("\n次に実行: ", "\nnext, run: ")
LATER = Text("空ならあとで", "empty: later")


class Ask(Protocol):
    """Something that answers a question: its option, its words, what is taken without an answer, how it is read."""

    def __call__(self, option: str, question: str, default: str | None, read: Callable[[str], T]) -> T: ...


def prompt(option: str, question: str, default: str | None, read: Callable[[str], T]) -> T:
    """Ask at the terminal until the answer can be read."""
    while True:
        answer = click.prompt(question, default=default, show_default=bool(default), type=str)
        try:
            return read(answer.strip())
        except SourceError as error:
            click.echo(f"  {error.problem}\n  -> {error.remedy}", err=True)


def default(option: str, question: str, default: str | None, read: Callable[[str], T]) -> T:
    """Take the default. Raises SourceError where there is none."""
    if default is None:
        raise SourceError(option, "is missing, and there is nobody to ask", f"give {option}")
    return read(default)


def answers(folder: Path, given: Mapping[str, Any], ask: Ask) -> Answers:
    """Every answer: the option where it is given, else what ``ask`` says. Raises SourceError."""
    sources = _sources(given["sources"])
    environment = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    language = "ja" if environment.startswith("ja") else "en"
    locale = _locale(given["locale"] or ask("--locale", "言語 / language (ja, en)", language, _locale))

    def answer(option: str, question: Text, fallback: str | None, read: Callable[[str], T]) -> T:
        told = given[option.removeprefix("--").replace("-", "_")]
        return read(told) if told is not None else ask(option, question.of(locale), fallback, read)

    def source(name: str, question: Text, read: Callable[[str], T]) -> T | None:
        """Sources are asked for one by one, unless some are named by options: the others are then for later."""
        if given["sources"]:
            return read(sources[name]) if name in sources else None
        asked = f"{question.of(locale)} ({LATER.of(locale)})"
        return ask(f"--source {name}=", asked, "", lambda told: read(told) if told else None)

    zone = checked(Timezone, given["timezone"], "--timezone")
    today = datetime.now(ZoneInfo(zone)).date()
    name = answer("--name", Text("会社名", "company name"), folder.resolve().name, _filled("--name"))
    month = answer("--fiscal-year-start", Text("年度が始まる月 (1-12)", "month the fiscal year starts with (1-12)"),
                   "4", _month)  # fmt: skip
    year = init.fiscal_year(today, month)
    period = _period(given["period"]) if given["period"] else year
    goal = answer(
        "--kgi",
        Text(
            "KGI: deals（商談数）, orders（受注数）, order_value（受注額）のどれかと、四半期ごとの数字。例 orders=30",
            "KGI: deals, orders or order_value, and the number for each quarter, such as orders=30",
        ),
        None,
        lambda told: init.goal(told, period),
    )
    ga4 = source("ga4", Text("GA4 のプロパティ ID（数字）", "GA4 property id (digits)"),
                 lambda told: str(checked(PropertyId, told, "--source ga4")))  # fmt: skip
    site_url = source(
        "search_console",
        Text("Search Console のプロパティ（例 sc-domain:example.co.jp）",
             "Search Console property, such as sc-domain:example.co.jp"),
        lambda told: str(checked(SiteUrl, told, "--source search_console")),
    )  # fmt: skip
    heat_maps = Text("Clarity（ヒートマップ）もつなぐなら y", "y to connect Clarity (heat maps)")
    clarity = source("clarity", heat_maps, _yes)
    presets = export_presets.names()
    preset = ("preset" in sources and sources["preset"]) or None
    if presets and not given["sources"]:
        listed = ", ".join(presets)
        preset = source("preset", Text(f"CRM・MA のプリセット: {listed}", f"CRM or MA preset: {listed}"), _preset)
    host = answer("--host", Text("サイトのホスト名", "host of the site"), init.default_host(site_url),
                  lambda told: str(checked(Host, told, "--host")))  # fmt: skip
    path = answer("--article-path", Text("記事の URL の始まり", "how the paths of articles begin"),
                  init.default_article_path(site_url),
                  lambda told: str(checked(PathPrefix, told, "--article-path")))  # fmt: skip
    start = _day(given["start"], "--start") if given["start"] else init.default_start(today)
    currency = checked(Currency, given["currency"], "--currency")
    return Answers(name, locale, month, goal, start, host, path, ga4, site_url, bool(clarity), preset, zone, currency)


def _sources(told: tuple[str, ...]) -> dict[str, str]:
    """``ga4=1``, ``search_console=...``, ``clarity`` and a preset's name, by source. ``later`` names none."""
    found: dict[str, str] = {}
    for one in told:
        name, _, value = one.partition("=")
        if name in ("ga4", "search_console"):
            if not value:
                raise SourceError("--source", f"{name} lacks its property", f"write --source {name}=...")
            found[name] = value
        elif one == "clarity":
            found[one] = "yes"
        elif one != "later":
            found["preset"] = _preset(one)
    return found


def _preset(name: str) -> str:
    known = export_presets.names()
    if name not in known:
        remedy = nearest(name, ["ga4=...", "search_console=...", "clarity", "later", *known])
        raise SourceError("--source", f"{name} is not a source", remedy)
    return name


def _yes(text: str) -> bool:
    return text.lower() in ("y", "yes", "はい")


def _locale(text: str) -> Locale:
    if text not in ("ja", "en"):
        raise SourceError("--locale", f"{text} is not a language of ours", "write ja or en")
    return "ja" if text == "ja" else "en"


def _filled(option: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip():
            raise SourceError(option, "is empty", "write a name")
        return text.strip()

    return read


def _month(text: str) -> int:
    if text not in map(str, range(1, 13)):
        raise SourceError("--fiscal-year-start", f"{text} is not a month", "write a number from 1 to 12")
    return int(text)


def _day(text: str, option: str) -> date:
    day: date = checked(Day, text, option)
    return day


def _period(text: str) -> tuple[date, date]:
    first, dots, last = text.partition("..")
    if not dots:
        raise SourceError("--period", f"{text} is not a period", "write FROM..TO, such as 2026-04-01..2027-03-31")
    start, end = _day(first, "--period"), _day(last, "--period")
    if end < start:
        raise SourceError("--period", f"{end} is before {start}", "write the earlier day first")
    return start, end
