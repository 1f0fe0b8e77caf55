"""The SMART checks of the newest plan's targets, by what is known of their KPIs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta

from analysis import smart, tree
from pipelines.plan.inputs import GRAIN_DAYS, Inputs, Period, PlanTarget, Review, Rows
from pipelines.plan.landings import Landings
from pipelines.plan.required import WalkedBack


def smart_rows(landed: Landings, shares: Rows, known: Mapping[date, WalkedBack]) -> Rows:
    """The SMART checks of the newest plan's targets."""
    given = landed.given
    required = {(row["kpi"], row["grain"], row["period_start"]): row["required"] for row in shares}
    by_entry: dict[int, list[PlanTarget]] = {}
    for target in given.targets:
        if target.is_newest:
            by_entry.setdefault(target.entry, []).append(target)
    rows = []
    for entry, listed in by_entry.items():
        judged = _judged(given, listed)
        start = judged.period_start
        level = judged.target
        if judged.kind == "from_kgi" and judged.grain and start:
            level = required.get((judged.kpi, judged.grain, start))
        found = smart.check(_smart_target(landed, judged, level, known))
        rows.append({"entry": entry, **asdict(found), "period_start": start, "level": level})
    return rows


def _judged(given: Inputs, listed: Sequence[PlanTarget]) -> PlanTarget:
    """A target with the period that it is judged on: the first one that can still be changed for the most part.

    That is the running one until half of it has passed, then the next, if its number is known. Else the last.
    """
    with_period = sorted((one for one in listed if one.period_start), key=lambda one: one.period_start or date.min)
    coming = [one for one in with_period if one.period_end and one.period_end >= given.as_of][:2]
    if not coming:
        return with_period[-1] if with_period else listed[0]
    is_late = any(
        one.pace >= 0.5 for one in given.periods if (one.grain, one.start) == (coming[0].grain, coming[0].period_start)
    )
    is_known = len(coming) > 1 and (coming[1].target is not None or coming[1].kind == "from_kgi")
    return coming[1] if is_late and is_known else coming[0]


def _smart_target(
    landed: Landings, judged: PlanTarget, level: float | None, known: Mapping[date, WalkedBack]
) -> smart.Target:
    given, kpi = landed.given, landed.given.kpis[judged.kpi]
    history = landed.history(judged.kpi, judged.grain or "month")
    period = next((one for one in given.periods if (one.grain, one.start) == (judged.grain, judged.period_start)), None)
    forecast = landed.of(judged.kpi, period) if period and kpi.is_measurable and _is_near(given, period) else None
    goal = given.goals[0].goal.kpi if given.goals else ""
    return smart.Target(
        kpi=kpi.kpi,
        label_ja=kpi.label_ja,
        label_en=kpi.label_en,
        unit=kpi.unit,
        direction=kpi.direction,
        as_of=given.as_of,
        grain=judged.grain,
        start=judged.start,
        end=judged.end,
        level=level,
        change=judged.change,
        over=judged.over,
        owner=judged.owner,
        segment=judged.segment,
        is_measurable=kpi.is_measurable,
        reason=kpi.reason or "",
        recent_values=tuple(history.tail(2)),
        history=tuple(history),
        forecast=forecast,
        is_kgi=judged.is_kgi,
        is_ancestor=tree.is_ancestor(kpi.kpi, goal),
        review_days=_reviews(given, judged),
        lag_days=_lag(given, kpi.kpi, known),
    )


def _is_near(given: Inputs, period: Period) -> bool:
    """Only the running period and the next one are forecast."""
    return (period.start - given.as_of).days <= GRAIN_DAYS[period.grain] + 1


def _reviews(given: Inputs, judged: PlanTarget) -> int:
    """How many review meetings lie in the days of a target."""
    if judged.start is None or judged.end is None:
        return 0
    days = [judged.start + timedelta(days=number) for number in range((judged.end - judged.start).days + 1)]
    return sum(_is_meeting(given, review, day) for review in given.reviews for day in days)


def _is_meeting(given: Inputs, review: Review, day: date) -> bool:
    """Whether a meeting that comes again is held on a day: on its weekday, or its business day after a period's end."""
    if review.every == "week":
        return day.strftime("%A").lower() == review.weekday
    begins_period = review.every == "month" or (day.month - given.fiscal_year_start) % 3 == 0
    counted = sum(given.counted.get(day.replace(day=number), True) for number in range(1, day.day + 1))
    return begins_period and counted == review.business_day and given.counted.get(day, True)


def _lag(given: Inputs, kpi: str, known: Mapping[date, WalkedBack]) -> int | None:
    """The median days from a KPI to the KGI: those of the stages that lie between them."""
    if not known:
        return None
    found = list(known.values())[-1]
    medians = {link.kpi: link.lag_q50_days for link in found.steps}
    parent: str | None = kpi
    days: list[int] = []
    while parent is not None:
        lag = medians.get(parent)
        days += [lag] if lag is not None else []
        parent = tree.LEADS_TO.get(parent) or tree.DRIVES.get(parent)
    return sum(days) if days else None
