"""The articles: which of them bring leads, deals and orders for the views they get, and what to do with each."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from board import chart_rows
from board.night import Row
from board.page import Page, View
from connectors.text import Text

ACTIONS = {
    "grow": Text("伸ばす", "Grow"),
    "improve_cta": Text("CTA 改善", "Improve CTA"),
    "attract": Text("集客", "Attract"),
    "merge_or_stop": Text("統合・停止", "Merge or stop"),
    "cannot_tell": Text("判断できない", "Cannot tell"),
}
"""What the corner of the quadrant that an article lies in asks for."""


COLUMNS = {
    "page_views": Text("PV", "Views"),
    "landing_sessions": Text("セッション", "Sessions"),
    "leads": Text("リード", "Leads"),
    "shrunk_rate": Text("リード化率", "Lead rate"),
    "mqls": Text("MQL", "MQLs"),
    "deals": Text("商談", "Deals"),
    "orders": Text("受注", "Orders"),
    "order_value": Text("受注額", "Order value"),
}
UNITS = {"shrunk_rate": "ratio", "order_value": "currency"}
HEADLINE = Text(
    "{all}本のうち、伸ばす{grow}本、集客する{attract}本、CTA を直す{improve_cta}本、"
    "統合・停止を考える{merge_or_stop}本。",
    "Of {all} articles: grow {grow}, attract readers to {attract}, improve the CTA of {improve_cta}, "
    "merge or stop {merge_or_stop}.",
)


UNKNOWN = Text("記事がどれだけ成果につながるかは、まだ判断できない。", "What articles bring cannot be told yet.")


def show(view: View) -> Mapping[str, Any]:
    rows = view.rows("articles")
    counts = Counter(row["action"] for row in rows)
    return {
        "articles": [(row, [_cell(view, name, row[name]) for name in COLUMNS]) for row in rows],
        "first": rows[0] if rows else None,
        "actions": ACTIONS,
        "columns": list(COLUMNS.items()),
        "counts": counts,
        "headline": view.say(HEADLINE if counts.total() > counts["cannot_tell"] else UNKNOWN).format(
            all=len(rows), **{name: counts[name] for name in ACTIONS}
        ),
        "chart_data": chart_rows.quadrant(rows, {name: view.say(text) for name, text in ACTIONS.items()}, view.formats),
    }


def _cell(view: View, column: str, value: float | None) -> tuple[str, str]:
    """A number as the table is sorted by it, and as it is shown; made here because of thousands of rows."""
    return "" if value is None else f"{value:.6g}", view.formats.exact(value, UNITS.get(column, "count"))


def table(view: View) -> list[Row]:
    """The rows of the page, for CSV."""
    return view.rows("articles")


PAGE = Page("articles", Text("記事", "Articles"), show, remembered={"q", "sort", "action"}, table=table)
