"""`gyakusan plan`: the tree from the KGI down, where it stands, what buys most, and the SMART checks; or as JSON.

It reads the published marts alone. What would be otherwise (``--set``) is computed by :mod:`pipelines.plan.whatif`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Line

from board import words
from board.advice import advice, stages
from board.night import opened
from board.page import PAGES
from connectors.errors import SourceError
from connectors.text import Locale, Text, same

if TYPE_CHECKING:
    from pipelines.plan.whatif import WhatIf

HEADS = {
    "required": Text("必要", "required"),
    "probable": Text("{confidence:.0%}で足りる", "enough at {confidence:.0%}"),
    "actual": Text("実績", "actual"),
    "due": Text("今ごろは", "due by now"),
    "landing": Text("着地見込み", "landing"),
    "gap": Text("着地の差", "gap at landing"),
    "rate": Text("次への率（90%の幅）", "rate to the next (90%)"),
    "lag": Text("半数/9割の日数", "days, half/9 of 10"),
    "weekly": Text("あと週に", "more a week"),
    "until": Text("半数が間に合う最終日", "last day for half"),
    "surely": Text("9割が間に合う最終日", "last day for 9 of 10"),
    "said": Text("判定", "verdict"),
    "before": Text("今のまま", "as it is"),
    "after": Text("変えたら", "with the change"),
    "driver": Text("増やすもの", "what"),
    "level": Text("今", "now"),
    "gain": Text("10%増で 達成確率", "chance for a tenth more"),
    "unit_gain": Text("1単位あたり", "per unit"),
    "more": Text("10%増で KGI", "KGI for a tenth more"),
    "target": Text("目標", "target"),
}
GRAINS = {"week": Text("週", "week"), "month": Text("月", "month"), "quarter": Text("四半期", "quarter")}
PARENTS = Text("{label}  {target}（{grain} {start}〜{end}）", "{label}  {target} ({grain} {start} to {end})")
STANDS = Text(
    "達成確率 {chance}  着地見込み {p50}（80%の幅 {p10}〜{p90}）  今 {won}  標準進捗 {pace}",
    "chance {chance}  landing {p50} (80 %: {p10} to {p90})  now {won}  standard pace {pace}",
)
REMAINING = Text(
    "今から KGI に届かせるには（その段階だけで補う場合）", "To reach the KGI from here, by one stage alone"
)
CHANCE = Text("達成確率", "chance")
WHAT_IF = Text("変えたらどうなるか", "What if")
CHANGED = Text("{name} {before} → {after}", "{name} {before} → {after}")
DRIVERS = Text("何を増やすと一番効くか", "What buys most")
FOCUS = Text(
    "plan.yml の最重要 KPI: {label}。今いちばん効くのは {best}。",
    "The plan's key KPI: {label}. What buys most now: {best}.",
)
SMART = Text("目標の点検（SMART）", "The targets (SMART)")
KNOWN = Text(
    "データ {as_of} まで。必要数は {known_on} までに分かっていた率から。率は打ち切りと離脱を考えた値。",
    "Data to {as_of}. What is required rests on the rates known on {known_on}, with censoring and exits counted.",
)


@dataclass(frozen=True)
class Report:
    """The plan of one period of the KGI. The rows are dictionaries by the columns of their marts."""

    company: str
    as_of: date
    locale: Locale
    attainment: Mapping[str, Any]
    tree: Sequence[Mapping[str, Any]]
    drivers: Sequence[Mapping[str, Any]]
    smart: Sequence[Mapping[str, Any]]
    key_kpi: str | None = None
    """The most important KPI beside the KGI, as the plan says."""

    @property
    def kgi(self) -> Mapping[str, Any]:
        return self.tree[0]


QUERIES = PAGES / "tree.sql"
"""The questions of the board's page of the tree: the command line shows the same rows."""


def read(marts: Path, company: str, locale: Locale, day: date | None) -> Report:
    """The plan of the KGI's period that holds a day; by default of the running one, else the next, else the last.

    Raises SourceError when no night was published yet, or no period holds the day.
    """
    with opened(marts) as night:
        periods = [(row["goal_start"], row["goal_end"]) for row in night.rows(QUERIES, "periods")]
        start = _chosen(periods, day, night.as_of)
        focus = night.row(QUERIES, "focus")
        return Report(
            company,
            night.as_of,
            locale,
            night.row(QUERIES, "attainment", start=start) or {},
            night.rows(QUERIES, "tree", start=start),
            night.rows(QUERIES, "drivers", start=start),
            night.rows(QUERIES, "smart"),
            focus["kpi"] if focus else None,
        )


def _chosen(periods: Sequence[tuple[date, date]], day: date | None, as_of: date) -> date:
    if not periods:
        raise SourceError("plan", "no period of the KGI has begun or comes next", "set start and end in plan.yml")
    if day is None:
        coming = [start for start, end in periods if end >= as_of]
        return coming[0] if coming else periods[-1][0]
    for start, end in periods:
        if start <= day <= end:
            return start
    raise SourceError(
        "--period", f"no period of the KGI holds {day}", f"give a day from {periods[0][0]} to {periods[-1][1]}"
    )


def as_json(report: Report, what_if: "WhatIf | None" = None) -> str:
    """All of it, for a script."""
    document = {**asdict(report), "what_if": what_if and asdict(what_if)}
    return json.dumps(document, default=str, ensure_ascii=False, indent=2)


def show(report: Report, console: Console, what_if: "WhatIf | None" = None) -> None:
    """Print the plan for a person; of a change, what it does instead of the rest."""
    of = report.locale
    kgi, found = report.kgi, report.attainment
    label = Text(kgi["label_ja"], kgi["label_en"])
    grain = GRAINS[found["grain"]] if found else same("")
    head = PARENTS.format(
        label=label,
        target=amount(kgi["required"], kgi["unit"]),
        grain=grain,
        start=kgi["period_start"],
        end=kgi["period_end"],
    )
    console.print(Line(f"{report.company}  {head.of(of)}", style="bold"))
    if found:
        console.print(Line(_stands(report).of(of)))
    if what_if:
        console.print(titled(WHAT_IF.of(of), _what_if(report, what_if)))
        return
    console.print(tree_table(report))
    if stages(report.tree):
        body = Group(_remaining_table(report), Line(advice(report.tree).of(of)))
        console.print(titled(REMAINING.of(of), body))
    if report.drivers:
        console.print(titled(DRIVERS.of(of), Group(_driver_table(report), *_focus(report))))
    if report.smart:
        console.print(titled(SMART.of(of), Group(*_smart_lines(report))))
    console.print(Line(KNOWN.format(as_of=report.as_of, known_on=kgi["known_on"]).of(of), style="dim"))


def titled(title: str, body: Any) -> Group:
    return Group(Line(""), Line(title, style="bold"), body)


def _stands(report: Report) -> Text:
    found, unit = report.attainment, report.kgi["unit"]
    if found["verdict"] == "insufficient_data":
        doubt, why = words.VERDICTS["insufficient_data"], words.REASONS[found["reason"]]
        return Text(f"{doubt.ja}: {why.ja}", f"{doubt.en}: {why.en}")
    pace = report.kgi["standard_pace"]
    return STANDS.format(
        chance=f"{found['chance']:.0%}",
        pace=f"{pace:.0%}" if pace is not None else "–",
        **{name: amount(found[name], unit) for name in ("won", "p10", "p50", "p90")},
    )


def tree_table(report: Report) -> Table:
    """The tree from the KGI down."""
    of = report.locale
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("KPI", no_wrap=True)
    for name in ("required", "probable", "actual", "due", "landing", "gap"):
        head = HEADS[name].of(of).format(confidence=report.kgi["confidence"])
        table.add_column(head, justify="right", no_wrap=True)
    for name in ("rate", "lag"):
        table.add_column(HEADS[name].of(of), no_wrap=True)
    for row, prefix in branches(report.tree):
        unit = row["unit"]
        gap = None if row["projected"] is None or row["required"] is None else row["projected"] - row["required"]
        table.add_row(
            prefix + Text(row["label_ja"], row["label_en"]).of(of),
            *(amount(row[name], unit) for name in ("required", "required_probable", "actual", "due", "projected")),
            "–" if gap is None else Line(f"{gap:+,.0f}", style="red" if gap < 0 else "green"),
            _rate(row, of),
            "–" if row["lag_q50_days"] is None else f"{row['lag_q50_days']}/{row['lag_q90_days']}",
        )
    return table


def branches(tree: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The rows in the order of the tree, each with what is drawn before its name."""

    def below(parent: str | None, prefix: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        children = [row for row in tree if row["leads_to"] == parent]
        for number, row in enumerate(children):
            is_last = number == len(children) - 1
            yield row, "" if parent is None else prefix + ("└ " if is_last else "├ ")
            yield from below(row["kpi"], "" if parent is None else prefix + ("  " if is_last else "│ "))

    return below(None, "")


def _rate(row: Mapping[str, Any], of: Locale) -> str:
    if row["leads_to"] is None:
        return ""
    if row["rate"] is None:
        return words.VERDICTS["insufficient_data"].of(of)
    shown, low, high = (_rate_text(row[key], row["method"]) for key in ("rate", "rate_low", "rate_high"))
    doubt = words.VERDICTS[row["verdict"]].of(of)
    return f"{shown} ({low}–{high})" + (f" {doubt}" if doubt else "")


def _rate_text(rate: float | None, method: str) -> str:
    if rate is None:
        return "–"
    if method == "mean_amount":
        return f"{rate:,.0f}"
    if rate >= 1:
        return f"{rate:.2f}"
    return f"{rate:.1%}" if rate >= 0.1 else f"{rate:.2%}"


def _remaining_table(report: Report) -> Table:
    of = report.locale
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("KPI", no_wrap=True)
    table.add_column(HEADS["weekly"].of(of), justify="right")
    for name in ("until", "surely", "said"):
        table.add_column(HEADS[name].of(of))
    for row in stages(report.tree):
        is_possible = row["remaining_verdict"] in ("ok", "covered")
        table.add_row(
            Text(row["label_ja"], row["label_en"]).of(of),
            f"{row['extra_per_week']:,.1f}" if is_possible and row["extra_per_week"] is not None else "–",
            str(row["coin_flip_on"] or "–"),
            str(row["last_useful_on"] or "–"),
            words.VERDICTS[row["remaining_verdict"]].of(of),
        )
    return table


def _what_if(report: Report, found: "WhatIf") -> Group:
    """What is changed; below it the goal's chance, its landing and what it requires, as it is and with the change."""
    of, unit = report.locale, report.kgi["unit"]
    lines = []
    for name, (before, after) in found.changes.items():
        label = words.DRIVERS.get(name, HEADS.get(name, words.RATES["leads"]))
        shown = [_set_value(name, value, unit).of(of) for value in (before, after)]
        lines.append(Line(CHANGED.format(name=label, before=shown[0], after=shown[1]).of(of)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("before", "after"):
        table.add_column(HEADS[name].of(of), justify="right", no_wrap=True)
    sides = (found.before, found.after)
    table.add_row(
        CHANCE.of(of), *("–" if side.chance is None else f"{side.chance:.0%}" for side in sides), style="bold"
    )
    table.add_row(
        HEADS["landing"].of(of),
        *(f"{amount(side.p50, unit)} ({amount(side.p10, unit)}–{amount(side.p90, unit)})" for side in sides),
    )
    for row, prefix in branches(report.tree):
        name = prefix + Text(row["label_ja"], row["label_en"]).of(of)
        table.add_row(name, *(amount(side.required.get(row["kpi"]), row["unit"]) for side in sides))
    return Group(*lines, table)


def _set_value(name: str, value: float, unit: str) -> Text:
    if name.endswith("_rate"):
        return same(f"{value:.1%}" if value >= 0.1 else f"{value:.2%}")
    if name == "target":
        return same(amount(value, unit))
    return Text(f"週{value:,.1f}件", f"{value:,.1f} a week")


def _driver_table(report: Report) -> Table:
    of, unit = report.locale, report.kgi["unit"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(HEADS["driver"].of(of), no_wrap=True)
    for name in ("level", "gain", "unit_gain", "more"):
        table.add_column(HEADS[name].of(of), justify="right")
    points = Text("{:+.1f}ポイント", "{:+.1f} points").of(of)
    for row in report.drivers:
        is_rate = row["kind"] == "rate"
        per = Text("／1ポイント", " per point") if is_rate else Text("／週1件", " per one a week")
        table.add_row(
            words.DRIVERS[row["driver"]].of(of),
            f"{row['level']:.1%}"
            if is_rate
            else Text(f"週{row['level']:,.1f}件", f"{row['level']:,.1f} a week").of(of),
            points.format(row["gain"] * 100),
            points.format(row["gain_per_unit"] * 100) + per.of(of),
            f"+{amount(row['more_of_the_goal'], unit, digits=1)}",
        )
    return table


def _focus(report: Report) -> Iterator[Line]:
    """The plan's most important KPI beside what buys most; the plan may name another one for good reasons."""
    label = next((Text(row["label_ja"], row["label_en"]) for row in report.tree if row["kpi"] == report.key_kpi), None)
    best = words.DRIVERS[report.drivers[0]["driver"]]
    if label:
        yield Line(FOCUS.format(label=label, best=best).of(report.locale))


def _smart_lines(report: Report) -> Iterator[Any]:
    of = report.locale
    for row in report.smart:
        answers = [row[f"is_{name}"] for name in ("specific", "measurable", "achievable", "relevant", "time_bound")]
        marks = " ".join(
            letter + ("✓" if answer else "–" if answer is None else "✗")
            for letter, answer in zip("SMART", answers, strict=True)
        )
        style = "green" if row["verdict"] == "smart" else "yellow"
        yield Line(f"{marks}  ", style=style) + Line(words.SMART_VERDICTS[row["verdict"]].of(of), style=style)
        yield Padding(Line(Text(row["sentence_ja"], row["sentence_en"]).of(of), style="default"), (0, 0, 0, 2))


def amount(value: float | None, unit: str, digits: int = 0) -> str:
    """A number as a person reads it, with a dash where nothing is known."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{value:.1%}"
    return f"{value:,.{digits}f}"
