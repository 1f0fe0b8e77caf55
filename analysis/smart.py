"""Is a target SMART (specific, measurable, achievable, relevant, time-bound), and what to mend first if not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from analysis.attainment import LEAST, MOST
from analysis.pace import Landing
from analysis.rates import Floats
from connectors.text import Text, same

REACH, FAR = 0.10, 0.02
"""Chances from which a target is achievable (the edge of the 80 % interval), and below which it is unrealistic."""
USUAL = 0.95
"""The share of past periods that a target may lie above and still count as seen before."""
MIN_PERIODS = 3
STEP = 0.1
"""How much better than now the example is that is shown to who wrote no number."""

AND, LIST, ALSO = Text("・", ", "), Text("、", ", "), Text("ほかに直すもの: {rest}。", "Also to mend: {rest}.")
VALUES = {
    "count": Text("{value:,.0f}", "{value:,.0f}"),
    "ratio": Text("{value:.1%}", "{value:.1%}"),
    "seconds": Text("{value:,.0f}秒", "{value:,.0f} seconds"),
    "rank": Text("{value:.1f}位", "{value:.1f}"),
    "currency": Text("{value:,.0f}", "{value:,.0f}"),
}
BOUNDS = {
    "up": Text("{value}以上", "at least {value}"),
    "down": Text("{value}以下", "at most {value}"),
    "rank": Text("{value}以内", "{value} or better"),
}
GRAINS = {"week": Text("週", "week"), "month": Text("月", "month"), "quarter": Text("四半期", "quarter")}
BASES = {"previous": Text("前期", "the previous period"), "last_year": Text("前年同期", "the same period last year")}
MISSING = {
    "number": Text("数値", "a number"),
    "deadline": Text("期限", "start and end dates"),
    "owner": Text("担当者", "an owner"),
    "grain": Text("期間の単位", "the grain"),
}
EXAMPLE = Text(
    "{grain}ごとに{number}({start}〜{end}、担当 {owner})", "{number} per {grain} ({start} to {end}, owner {owner})"
)
SOMEONE = Text("(氏名)", "(name)")
CHANGE = Text("{base}比 {change:+.0%}", "{change:+.0%} over {base}")
OUTLOOK = Text(
    "見込みは{projected}(80%の幅 {low}〜{high})、目標{level}に届く確率は{chance}",
    "the projection is {projected} (80% range {low} to {high}), the chance of reaching {level} is {chance}",
)

FAULTS = {
    "missing": Text("{label}に{missing}を書く: 例) {example}。", "{label}: write {missing}, e.g. {example}."),
    "backwards": Text(
        "{label}の目標{level}は今({present})より悪い: {bound}にする。",
        "{label}: the target, {level}, is worse than now ({present}): make it {bound}.",
    ),
    "shrinking": Text(
        "{label}の目標({change})は改善の向きと逆: {opposite}のように書く。",
        "{label}: the target ({change}) points the wrong way: write it as {opposite}.",
    ),
    "unmeasured": Text("{label}はまだ測れない: {reason}。", "{label}: not measured yet: {reason}."),
    "silent": Text(
        "{label}の値が直近の2期間にない: データの取り込みを確かめる。",
        "{label}: the last two periods have no value: check that its source is loaded.",
    ),
    "unrelated": Text(
        "{label}は KGI につながる指標ではない: KGI までの経路にある KPI を選ぶ。",
        "{label}: not on the way to the KGI: choose a KPI that is.",
    ),
    "reversed": Text(
        "{label}の終了日({end})を開始日({start})より後にする。",
        "{label}: let the end ({end}) come after the start ({start}).",
    ),
    "unreviewed": Text(
        "{label}のレビューの予定が{start}〜{end}にない: 1回以上入れる。",
        "{label}: no review meeting lies between {start} and {end}: plan one at least.",
    ),
    "hurried": Text(
        "{label}が KGI に届くまで中央値で{lag}日かかる: 終了日({end})を{earliest}以降にする。",
        "{label}: the KGI follows after {lag} days (median): move the end ({end}) to {earliest} or later.",
    ),
    "stretch": Text(
        "{label}の{outlook}: 施策を足して挑むか、現実的な目標({reach}まで)にする。",
        "{label}: {outlook}: add actions to stretch that far, or aim for {reach}, which is within reach.",
    ),
    "unrealistic": Text(
        "{label}の{outlook}: 現実的な目標は{reach}まで。",
        "{label}: {outlook}: aim for {reach}, which is within reach.",
    ),
    "unseen": Text(
        "{label}の目標{level}は過去{periods}期間に例がほとんどない: 施策を足して挑むか、{reach}までの目標にする。",
        "{label}: {periods} past periods hardly ever showed {level}: add actions to stretch that far, or aim for "
        "{reach}.",
    ),
    "missed": Text(
        "{label}は{actual}で、目標{level}にはもう届かない: 次の期間の目標を立てる。",
        "{label}: at {actual}, {level} cannot be reached any more: set a target for the next period.",
    ),
    "unjudged": Text(
        "{label}の目標{level}に届くかはまだ判断できない: 過去の実績が{periods}期間しかない({needed}期間から判断)。",
        "{label}: whether {level} can be reached cannot be judged yet: {periods} past periods are known, "
        "{needed} are needed.",
    ),
    "no_base": Text(
        "{label}の目標({change})はまだ判断できない: {base}の実績を取り込むか、数値で書く。",
        "{label}: the target ({change}) cannot be judged yet: load the value of {base}, or write a number.",
    ),
}
"""What is said of the first fault, in the order of the letters."""
NAMES = {
    "missing": Text("{missing}", "{missing}"),
    "backwards": Text("今より悪い数値", "a number worse than now"),
    "shrinking": Text("増減の向き", "the direction of the change"),
    "unmeasured": Text("計測", "measurement"),
    "silent": Text("直近の値がないこと", "no recent value"),
    "unrelated": Text("KGI とのつながり", "the way to the KGI"),
    "reversed": Text("終了日と開始日の順", "the order of the dates"),
    "unreviewed": Text("レビューの予定", "a review meeting"),
    "hurried": Text("KGI に届くまでの日数({lag}日)", "the {lag} days until the KGI"),
    "stretch": Text("届く確率({chance})", "the chance of {chance}"),
    "unrealistic": Text("届く確率({chance})", "the chance of {chance}"),
    "unseen": Text("過去に例のない水準", "a level not seen before"),
    "missed": Text("もう届かない目標", "a target that is out of reach"),
    "unjudged": Text("実績の不足", "too short a history"),
    "no_base": Text("比べる期の実績", "the value to compare with"),
}
"""What the other faults are called."""
PRAISE = {
    "reached": Text("目標{level}にもう届いた({actual})。", "{level} is reached, at {actual}."),
    "missed": Text("目標{level}にはもう届かない({actual})。", "{level} is out of reach, at {actual}."),
    "forecast": Text("{outlook}。", "{outlook}."),
    "history": Text(
        "目標{level}は過去{periods}期間に例のある水準({reach}まで)。",
        "{level} is a level that {periods} past periods have shown (up to {reach}).",
    ),
}
"""What is said of a target without a fault, after MET."""
MET = Text("{label}は SMART の5要素を満たす。", "{label}: all five of SMART are met; ")


@dataclass(frozen=True)
class Target:
    """What the plan says of a KPI, and what is known about it.

    ``unit`` is count, ratio, seconds, rank or currency; ``direction`` up, or down where less is better; ``grain``
    week, month or quarter. ``level`` is the number to reach in the judged period. Where the plan says it as a
    ``change`` (0.2 for +20 %) ``over`` the previous period or last_year, whoever knows those periods fills in the
    level, or leaves None while there is nothing to compare with. ``recent_values`` are those of the last two periods,
    ``history`` those of complete periods of the grain, oldest first. ``reason`` says what makes the KPI measurable.
    ``review_days`` counts the review meetings between start and end. ``lag_days`` is the median from this KPI to the
    KGI.
    """

    kpi: str
    label_ja: str
    label_en: str
    unit: str
    direction: str
    as_of: date
    grain: str | None = None
    start: date | None = None
    end: date | None = None
    level: float | None = None
    change: float | None = None
    over: str | None = None
    owner: str | None = None
    segment: str | None = None
    is_measurable: bool = True
    reason: str = ""
    recent_values: Sequence[float | None] = ()
    history: Sequence[float] = ()
    forecast: Landing | None = None
    is_kgi: bool = False
    is_ancestor: bool = False
    review_days: int = 0
    lag_days: int | None = None

    @property
    def chance(self) -> float | None:
        """The forecast's chance that the level is reached; None where there is no level or nothing is known."""
        if self.level is None or self.forecast is None:
            return None
        return self.forecast.chance(self.level, self.direction)

    @property
    def recent(self) -> Floats:
        """The recent values that are known."""
        return _known(self.recent_values)

    @property
    def hardest(self) -> float | None:
        """The hardest level that is still achievable; None where nothing is known."""
        bounds = self.forecast.interval(1 - 2 * REACH) if self.forecast else None
        found = [edge for edge in (bounds and bounds[self.direction == "up"], self.best_usual) if edge is not None]
        return (max(found) if self.direction == "up" else min(found)) if found else None

    @property
    def best_usual(self) -> float | None:
        """What nineteen of twenty past periods did not surpass (below twenty the best of them); None below three."""
        past = _known(self.history)
        if len(past) < MIN_PERIODS:
            return None
        if self.direction == "up":
            return float(np.quantile(past, USUAL, method="higher"))
        return float(np.quantile(past, 1 - USUAL, method="lower"))

    def is_worse(self, value: float, other: float) -> bool:
        return value < other if self.direction == "up" else value > other


@dataclass(frozen=True)
class Check:
    """The five answers, the verdict, and one or two sentences that name the first thing to mend and then the others.

    ``achievable`` is None where it cannot be judged. ``verdict``: vague (the plan must say more, or something else: S,
    R or T fails), not_measurable, insufficient_data, stretch (also where no past period got there and no forecast says
    how likely it is), unrealistic (a chance below 2 %) or smart, the first of these that applies.
    """

    specific: bool
    measurable: bool
    achievable: bool | None
    relevant: bool
    time_bound: bool
    verdict: str
    chance: float | None
    sentence_ja: str
    sentence_en: str


def check(target: Target) -> Check:
    """The SMART checks of one target.

    Specific: a number or a relative change that is no step back, and an owner. Measurable: its source is there and has
    given a value lately. Achievable: with a chance of a tenth or more; where nothing can be forecast, no better than
    nineteen of twenty past periods. Relevant: the KGI or on the way to it. Time-bound: grain, start, end, a review
    between them, and time enough for the KPI to reach the KGI.
    """
    faults = _faults(target)
    missing = _missing(target)
    specific = not ({"number", "owner"} & set(missing) or {"backwards", "shrinking"} & set(faults))
    measurable = not {"unmeasured", "silent"} & set(faults)
    time_bound = not ({"deadline", "grain"} & set(missing) or {"reversed", "hurried", "unreviewed"} & set(faults))
    achievable = _achievable(target)
    relevant = target.is_kgi or target.is_ancestor
    said = _said(target, faults, missing)
    return Check(
        specific,
        measurable,
        achievable,
        relevant,
        time_bound,
        _verdict(target, specific and relevant and time_bound, measurable, achievable),
        target.chance,
        said.ja,
        said.en,
    )


def _known(values: Sequence[float | None]) -> Floats:
    found = np.asarray(values, np.float64)
    return found[np.isfinite(found)]


def _missing(target: Target) -> list[str]:
    """What the plan does not say, as the keys of MISSING."""
    is_said = {
        "number": target.level is not None or (target.change is not None and target.over is not None),
        "deadline": target.start is not None and target.end is not None,
        "owner": bool(target.owner),
        "grain": target.grain is not None,
    }
    return [name for name, said in is_said.items() if not said]


def _faults(target: Target) -> list[str]:
    """All that is to be mended, as the keys of FAULTS, in the order of the letters; what is judged comes last."""
    start, end, lag = target.start, target.end, timedelta(days=target.lag_days or 0)
    is_found = {
        "missing": bool(_missing(target)),
        "backwards": _is_backwards(target),
        "shrinking": target.change is not None and target.is_worse(target.change, 0.0),
        "unmeasured": not target.is_measurable,
        "silent": target.is_measurable and not len(target.recent),
        "unrelated": not (target.is_kgi or target.is_ancestor),
        "reversed": start is not None and end is not None and end <= start,
        "hurried": start is not None and end is not None and start < end < start + lag,
        "unreviewed": start is not None and end is not None and start < end and not target.review_days,
    }
    found = [name for name, is_there in is_found.items() if is_there]
    doubt = _doubt(target)
    return [*found, doubt] if doubt else found


def _is_backwards(target: Target) -> bool:
    """Is the level worse than the recent values, and not less likely than not to be reached?

    What is worse than now is no goal, unless it is still better than what is coming: a season may go down.
    """
    chance = target.chance
    if target.level is None or not len(target.recent) or (chance is not None and chance < 0.5):
        return False
    return all(target.is_worse(target.level, value) for value in target.recent.tolist())


def _achievable(target: Target) -> bool | None:
    if target.level is None:
        # Nothing can reach what is no number; a change only waits for what it is compared with.
        return None if target.change is not None and target.over is not None else False
    chance, usual = target.chance, target.best_usual
    if chance is None and usual is None:
        return None
    if chance is not None:
        return chance >= REACH
    return usual is not None and not target.is_worse(usual, target.level)


def _doubt(target: Target) -> str | None:
    """What is wrong with the reach of a number, as a key of FAULTS."""
    achievable, chance = _achievable(target), target.chance
    if achievable or "number" in _missing(target):
        return None
    if achievable is None:
        return "no_base" if target.level is None else "unjudged"
    if chance is None:
        return "unseen"
    if chance == 0:
        return "missed"
    return "stretch" if chance >= FAR else "unrealistic"


def _verdict(target: Target, is_said: bool, measurable: bool, achievable: bool | None) -> str:
    if not is_said:
        return "vague"
    if not measurable:
        return "not_measurable"
    if achievable is None:
        return "insufficient_data"
    if achievable:
        return "smart"
    return "unrealistic" if target.chance is not None and target.chance < FAR else "stretch"


def _said(target: Target, faults: Sequence[str], missing: Sequence[str]) -> Text:
    words = _words(target, missing)
    if not faults:
        outcome = {1.0: "reached", 0.0: "missed", None: "history"}.get(target.chance, "forecast")
        return _joined(same(""), [MET.format(**words), PRAISE[outcome].format(**words)])
    first = FAULTS[faults[0]].format(**words)
    if len(faults) == 1:
        return first
    rest = ALSO.format(rest=_joined(LIST, [NAMES[fault].format(**words) for fault in faults[1:]]))
    return Text(first.ja + rest.ja, f"{first.en} {rest.en}")


def _joined(by: Text, parts: Sequence[Text]) -> Text:
    return Text(by.ja.join(part.ja for part in parts), by.en.join(part.en for part in parts))


def _words(target: Target, missing: Sequence[str]) -> dict[str, object]:
    """Everything that the sentences may name of this target."""
    name = Text(target.label_ja, target.label_en)
    low, high = (target.forecast and target.forecast.interval(1 - 2 * REACH)) or (None, None)
    present = float(target.recent[-1]) if len(target.recent) else None
    change = CHANGE.format(base=BASES[target.over or "previous"], change=target.change or 0.0)
    earliest = target.start and target.start + timedelta(days=target.lag_days or 0)
    words: dict[str, object] = {
        "label": Text(f"{name.ja}({target.segment})", f"{name.en} ({target.segment})") if target.segment else name,
        "level": _value(target, target.level),
        "present": _value(target, present),
        "bound": _bound(target, present),
        "change": change,
        "opposite": CHANGE.format(base=BASES[target.over or "previous"], change=-(target.change or 0.0)),
        "base": BASES[target.over or "previous"],
        "actual": _value(target, target.forecast.actual if target.forecast else None),
        "projected": _value(target, target.forecast.projected if target.forecast else None),
        "low": _value(target, low),
        "high": _value(target, high),
        "reach": _value(target, target.hardest),
        "chance": _chance(target.chance),
        "periods": len(_known(target.history)),
        "needed": MIN_PERIODS,
        "reason": target.reason.rstrip("."),
        "start": target.start,
        "end": target.end,
        "lag": target.lag_days,
        "earliest": earliest,
        "missing": _joined(AND, [MISSING[one] for one in missing]),
        "example": _example(target, present, change),
    }
    return words | {"outlook": OUTLOOK.format(**words)}


def _value(target: Target, value: float | None) -> Text:
    return same("-") if value is None else VALUES[target.unit].format(value=value)


def _bound(target: Target, value: float | None) -> Text:
    kind = "rank" if target.unit == "rank" and target.direction == "down" else target.direction
    return BOUNDS[kind].format(value=_value(target, value))


def _chance(chance: float | None) -> Text:
    if chance == LEAST:
        return Text("1%以下", "at most 1%")
    if chance == MOST:
        return Text("99%以上", "at least 99%")
    return same("-") if chance is None else same(f"{chance:.0%}")


def _example(target: Target, present: float | None, change: Text) -> Text:
    """The target as it would be whole: what the plan says, and for the rest a tenth better in the next quarter.

    Without a grain nobody knows what the recent values are of, so the tenth is said as a change.
    """
    better = 1 + STEP if target.direction == "up" else 1 - STEP
    if target.level is not None:
        number = _bound(target, target.level)
    elif target.change is not None and target.over is not None:
        number = change
    elif present is not None and target.grain is not None:
        number = _bound(target, min(present * better, 1.0) if target.unit == "ratio" else present * better)
    else:
        number = CHANGE.format(base=BASES["previous"], change=better - 1)
    start, end = _next_quarter(target.as_of)
    return EXAMPLE.format(
        start=target.start or start,
        end=target.end or end,
        grain=GRAINS[target.grain or "quarter"],
        number=number,
        owner=target.owner or SOMEONE,
    )


def _next_quarter(day: date) -> tuple[date, date]:
    """First and last day of the calendar quarter after this one's."""
    number = day.year * 4 + (day.month - 1) // 3 + 1
    first, following = (date(one // 4, one % 4 * 3 + 1, 1) for one in (number, number + 1))
    return first, following - timedelta(days=1)
