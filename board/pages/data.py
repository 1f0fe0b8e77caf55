"""The data: where the numbers come from, how fresh they are, and what was left out."""

from collections.abc import Mapping
from typing import Any

from board import words
from board.night import Row
from board.page import Page, View
from connectors.text import Text, same

FRESHNESS = {
    "fresh": ("on_track", Text("新しい", "Fresh")),
    "late": ("at_risk", Text("遅れ", "Late")),
    "stale": ("off_track", Text("止まっている", "Stale")),
    "never": ("cannot_tell", Text("まだない", "Never loaded")),
}
"""The freshness of a table, with the outlook whose glyph and colour it has."""


QUOTAS = {
    "tokens_per_day": Text("1日のトークン", "Tokens a day"),
    "tokens_per_hour": Text("1時間のトークン", "Tokens an hour"),
    "tokens_per_project_per_hour": Text("プロジェクト1時間のトークン", "Tokens of the project an hour"),
    "concurrent_requests": Text("同時の要求", "Requests at a time"),
    "server_errors_per_project_per_hour": Text("1時間に許されるサーバーエラー", "Server errors an hour"),
    "potentially_thresholded_requests_per_hour": Text(
        "1時間に許される、しきい値のかかりうる要求", "Requests an hour that may be thresholded"
    ),
}
ALL_FRESH = Text("すべてのデータ元が新しい。", "Every source is fresh.")
NONE_CONNECTED = Text(
    "つながっているデータ元がまだない。company.yml に加え、gyakusan doctor で確かめる。",
    "No source is connected yet. Add one to company.yml, and ask gyakusan doctor.",
)
OWN = ("plan", "notes")
"""What the team writes itself."""
BEHIND = Text("{count}個の表が止まっているか遅れている。", "{count} tables are late or have stopped.")


def show(view: View) -> Mapping[str, Any]:
    sources = view.rows("sources")
    return {
        "headline": headline(view, sources),
        "sources": sources,
        "quotas": view.rows("quotas"),
        "quarantine": view.rows("quarantine"),
        "quarantined": view.rows("quarantined"),
        "flagged": view.rows("flagged"),
        "freshness": FRESHNESS,
        "source_name": lambda name: view.say(words.source(name)),
        "quota_name": lambda name: view.say(QUOTAS.get(name, same(name))),
    }


def headline(view: View, sources: list[Row]) -> str:
    """What the page says: whether the sources are there, and fresh."""
    if all(row["source"] in OWN for row in sources):
        return view.say(NONE_CONNECTED)
    behind = sum(row["freshness"] != "fresh" for row in sources)
    return view.say(BEHIND).format(count=behind) if behind else view.say(ALL_FRESH)


def table(view: View) -> list[Row]:
    """The sources, for CSV."""
    return view.rows("sources")


PAGE = Page("data", Text("データ", "Data"), show, table=table)
