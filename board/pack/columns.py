"""Columns that several sheets of the monthly workbook share, and the formulas behind them.

A formula asks first whether both of its cells hold a number: an empty cell is unknown, and not zero.
"""

from collections.abc import Callable

from board.pack.report import Row
from board.pack.sheets import Column, Value
from board.pack.words import HEADS, outlook_colour, outlook_words
from connectors.text import Locale, Text

OF = '=IF(COUNT({actual},{target})=2,IFERROR({actual}/{target},""),"")'
OVER = '=IF(COUNT({actual},{target})=2,IFERROR({target}/{actual},""),"")'
LESS = '=IF(COUNT({a},{b})=2,{a}-{b},"")'
POINTS = '=IF(COUNT({a},{b})=2,({a}-{b})*100,"")'
RELATIVE = '=IF(COUNT({a},{b})=2,IFERROR({a}/{b}-1,""),"")'
CLOSED = '=IF(COUNT({moved},{exited})=2,IFERROR({moved}/({moved}+{exited}),""),"")'
SHARE = '=IF(COUNT({a},{b})=2,IFERROR({a}/{b},""),"")'


def _form(unit: str, value: float | None) -> str:
    """How a number of a unit is written; a count that is not whole (a required one) with one decimal."""
    if unit == "count" and value is not None and abs(value) < 100 and not float(value).is_integer():
        return "decimal"
    return unit


def in_unit(name: str, head: Text, column: str) -> Column:
    """A number in its KPI's unit."""
    return Column(name, head, lambda row: row[column], lambda row: _form(row["unit"], row[column]))


def attainment() -> Column:
    """The attainment, which turns around where less is better."""
    return Column(
        "attainment",
        HEADS["attainment"],
        lambda row: row["attainment"],
        "ratio",
        lambda row: OF if row["direction"] == "up" else OVER,
    )


def difference(name: str, head: Text, value: str, other: str, places: tuple[str, str]) -> Column:
    """By how much a number lies above another, in its unit; of rates in points."""
    a, b = places

    def of(row: Row) -> Value:
        if row[value] is None or row[other] is None:
            return None
        difference: float = row[value] - row[other]
        return difference * 100 if row["unit"] == "ratio" else difference

    def form(row: Row) -> str:
        if row["unit"] == "ratio":
            return "points"
        if row["unit"] == "currency":
            return "less_currency"
        difference = of(row)
        whole = row["unit"] == "count" and (not isinstance(difference, float) or _form("count", difference) == "count")
        return "less_count" if whole else "less_decimal"

    return Column(name, head, of, form, lambda row: filled(POINTS if row["unit"] == "ratio" else LESS, a, b))


def change(name: str, head: Text, value: str, other: str, places: tuple[str, str]) -> Column:
    """By how much a number differs from an earlier one: in per cent, of rates in points, of ranks in places."""
    a, b = places
    by_difference = difference(name, head, value, other, places)

    def of(row: Row) -> Value:
        if row["unit"] in ("ratio", "rank"):
            return by_difference.value(row)
        return row[value] / row[other] - 1 if row[value] is not None and row[other] else None

    def form(row: Row) -> str:
        if row["unit"] in ("ratio", "rank") and callable(by_difference.form):
            return by_difference.form(row)
        return "change"

    def formula(row: Row) -> str | None:
        if row["unit"] in ("ratio", "rank") and by_difference.formula:
            return by_difference.formula(row)
        return filled(RELATIVE, a, b)

    return Column(name, head, of, form, formula)


def filled(formula: str, a: str, b: str) -> str:
    """A formula over the columns of these names."""
    return formula.replace("{a}", f"{{{a}}}").replace("{b}", f"{{{b}}}")


def outlook(head: Text, of: Locale) -> Column:
    """Glyph, word and colour of the outlook."""
    return Column("outlook", head, lambda row: outlook_words(row, of), "beside", colour=outlook_colour)


def owner() -> Column:
    """Who answers for the target."""
    return Column("owner", HEADS["owner"], lambda row: row["owner"], "text")


def text(name: str, value: Callable[[Row], str | None], head: Text | None = None) -> Column:
    """A column of words."""
    return Column(name, head or HEADS[name], value, "text")


def number(name: str, column: str, form: str, head: Text | None = None) -> Column:
    """A number that has the same form in every row."""
    return Column(name, head or HEADS[name], lambda row: row[column], form)
