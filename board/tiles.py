"""The tile: a KPI of one period with everything that tells whether it will do."""

from dataclasses import dataclass
from datetime import date
from itertools import dropwhile

from board import marks
from board.formats import of_text
from board.night import Row
from board.page import NotFound, View
from connectors.text import Locale, Text

PERIODS = 13
"""A year and the same month of the year before."""


@dataclass(frozen=True)
class Tile:
    """A KPI's line of the scorecard, its history, what its value is made of and what the catalogue says of it."""

    line: Row
    history: list[Row]
    measure: Row | None
    kpi: Row
    formula: str
    sql: str

    @property
    def spark(self) -> marks.Spark:
        return marks.spark([row["actual"] for row in self.history], [row["target"] for row in self.history])

    @property
    def due(self) -> float | None:
        """What there should be by now, of a total that grows with the days."""
        line = self.line
        if self.kpi["formula"] != "total" or self.kpi["additivity"] == "semi_additive" or line["is_complete"]:
            return None
        if line["target"] is None or line["standard_pace"] is None:
            return None
        return float(line["target"] * line["standard_pace"])

    @property
    def is_running(self) -> bool:
        return not self.line["is_complete"] and self.line["actual"] is not None


def tile(view: View, kpi: str, grain: str, start: date, count: int = PERIODS) -> Tile:
    """The tile of a KPI in one period. Raises NotFound where the scorecard has no such line."""
    line = _of(view.shared("lines", grain=grain, start=start), kpi)
    described = _of(view.shared("catalogue"), kpi)
    if line is None or described is None:
        raise NotFound
    measure = _of(view.shared("measures", grain=grain, start=start), kpi)
    periods = [row for row in view.shared("history", grain=grain, start=start, count=count) if row["kpi"] == kpi]
    history = list(dropwhile(_is_blank, periods)) or periods[-1:]
    return Tile(line, history, measure, described, formula(view, described, measure), sql(line))


def _is_blank(period: Row) -> bool:
    """Whether nothing was measured yet: a course begins where the data do."""
    return period["actual"] is None


def _of(rows: list[Row], kpi: str) -> Row | None:
    return next((row for row in rows if row["kpi"] == kpi), None)


def formula(view: View, kpi: Row, measure: Row | None) -> str:
    """The KPI's formula with its numbers put in; empty where nothing was measured."""
    if measure is None or measure["value"] is None:
        return ""
    form, unit = view.formats, kpi["unit"]
    label, value = of_text(kpi, "label", view.locale), form.exact(measure["value"], unit)
    if measure["denominator"] is None:
        return f"{label} = {value}"
    top = form.exact(measure["numerator"], unit if unit == "currency" else "count")
    bottom = form.exact(measure["denominator"], "count")
    above, below = of_text(kpi, "numerator", view.locale), of_text(kpi, "denominator", view.locale)
    return f"{label} = {above} {top} ÷ {below} {bottom} = {value}"


CHANCE = Text("、達成確率{chance}", ", chance {chance}")
VERDICTS = {
    "reached": Text(
        "{kpi}は目標{target}に届いた（{actual}）。", "{kpi}: the target of {target} is reached ({actual})."
    ),
    "on_track": Text(
        "{kpi}は目標{target}に届く見込み。着地見込みは{landing}（80%の幅 {interval}）{chance}。",
        "{kpi}: on track for {target}; projected landing {landing} (80% range {interval}){chance}.",
    ),
    "at_risk": Text(
        "{kpi}は目標{target}に届かないおそれがある。着地見込みは{landing}（80%の幅 {interval}）{chance}。",
        "{kpi}: may miss {target}; projected landing {landing} (80% range {interval}){chance}.",
    ),
    "off_track": Text(
        "{kpi}はこのままでは目標{target}に届かない。着地見込みは{landing}（80%の幅 {interval}）{chance}。",
        "{kpi}: will miss {target} as things stand; projected landing {landing} (80% range {interval}){chance}.",
    ),
    "missed": Text(
        "{kpi}は目標{target}に届かなかった（{actual}）。", "{kpi}: the target of {target} was missed ({actual})."
    ),
    "cannot_tell": Text(
        "{kpi}が目標{target}に届くかはまだ判断できない（今 {actual}）。",
        "{kpi}: whether {target} will be reached cannot be told yet ({actual} so far).",
    ),
    "upcoming": Text(
        "{kpi}の目標{target}の期間はこれから始まる。", "{kpi}: the period of the target of {target} is to come."
    ),
    "no_target": Text("{kpi}は{actual}。目標はまだない。", "{kpi}: {actual}; there is no target yet."),
}


def verdict(view: View, tile: Tile, chance: float | None = None) -> str:
    """The sentence above a KPI: will its target be reached?"""
    form, line, unit = view.formats, tile.line, tile.kpi["unit"]
    told = "" if chance is None else view.say(CHANCE).format(chance=form.chance(chance))
    return view.say(VERDICTS[line["outlook"]]).format(
        kpi=of_text(tile.kpi, "label", view.locale),
        target=form.short(line["target"], unit),
        actual=form.short(line["actual"], unit),
        landing=form.short(line["projected"], unit),
        interval=form.interval(line["projected_low"], line["projected_high"], unit),
        chance=told,
    )


def name_within(row: Row, locale: Locale) -> str:
    """A KPI's name within a sentence: English labels begin with a capital, unless they are an abbreviation."""
    label = of_text(row, "label", locale)
    return label if locale == "ja" or label[1:2].isupper() else label[0].lower() + label[1:]


def sql(line: Row) -> str:
    """The query that gives the number, for whoever wants to see for themselves."""
    return (
        f"select * from marts.{line['stage']} where kpi = '{line['kpi']}' and grain = '{line['grain']}' "
        f"and period_start = date '{line['period_start']}'"
    )
