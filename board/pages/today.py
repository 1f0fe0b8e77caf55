"""Today: will the goal be reached, where do the four stages stand, and what are the three things to look at?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from board import words
from board.formats import of_text
from board.night import Row
from board.page import NotFound, Page, View, choice
from board.tiles import Tile, name_within, tile, verdict
from connectors.text import Text, same

NO_GOAL = Text(
    "KGI がまだない。plan.yml に目標を書くと、ここに達成見込みが出る。",
    "There is no KGI yet. Write one into plan.yml, and this page says whether it will be reached.",
)
SHORTFALL = Text(
    "{kpi}の目標{target}に対し、着地見込みは{landing}", "{kpi}: projected to land at {landing}, target {target}"
)
SHORT_OF = Text(
    "{period}。80%の幅は{interval}、目標まで{gap}。", "{period}. 80% range {interval}; {gap} short of the target."
)
LEVER = Text("いちばん効くのは{driver}", "What buys most: {driver}")
LEVER_WHY = Text(
    "今の{level}から1割上げると、{goal}は期間内に{more}増える見込み。",
    "A tenth more than today's {level} is expected to bring {more} more {goal} in the period.",
)
DEADLINE = Text("{kpi}を増やすなら{day}まで", "More {kpi} help until {day}")
DEADLINE_WHY = Text(
    "それより後に入った{kpi}の半数は、この期間の{goal}に間に合わない（あと{days}日）。",
    "Of the {kpi} that come in later, half will be too late for this period's {goal} ({days} days left).",
)
STALE = Text("{source} のデータが止まっている", "{source}: the data have stopped")
STALE_WHY = Text(
    "{table} は{day}まで。gyakusan doctor で原因を調べる。", "{table} ends at {day}. gyakusan doctor finds out why."
)
DOUBTFUL = Text("{kpi}の目標を直す", "Mend the target of {kpi}")


@dataclass(frozen=True)
class Thing:
    """One thing to look at this week: what, why, who, and the page that shows it."""

    what: str
    why: str
    owner: str | None
    page: str
    params: Mapping[str, Any]


def show(view: View) -> Mapping[str, Any]:
    found = view.shared("goal")
    goal = found[0] if found else None
    focus = view.row("focus")
    key_kpi = focus["kpi"] if focus else None
    # A small team that has named its one KPI sees that and the goal, and the rest when it asks.
    mode = view.asked.get("show", "focus" if key_kpi else "all")
    kgi = _goal_tile(view, goal) if goal else None
    stages = [
        tile(view, row["kpi"], row["grain"], row["period_start"])
        for row in sorted(view.rows("stage_kpis", focus=key_kpi), key=_order)
        if mode == "all" or row["kpi"] == key_kpi
    ]
    return {
        "goal": goal,
        "kgi": kgi,
        "stages": stages,
        "mode": mode,
        "key_kpi": key_kpi,
        "conclusion": conclusion(view, goal, kgi),
        "things": things(view, goal, kgi),
    }


def _order(row: Row) -> int:
    return list(words.STAGES).index(row["stage"])


def _goal_tile(view: View, goal: Row) -> Tile | None:
    try:
        return tile(view, goal["kpi"], goal["grain"], goal["period_start"])
    except NotFound:
        return None


def conclusion(view: View, goal: Row | None, kgi: Tile | None) -> str:
    """The one sentence: will it be reached?"""
    if goal is None or kgi is None:
        return view.say(NO_GOAL)
    return verdict(view, kgi, goal["chance"])


def things(view: View, goal: Row | None, kgi: Tile | None) -> list[Thing]:
    """The three things to look at: the worst shortfall, what to do about the goal, and what is in the way of knowing.

    Where one of them is in order, the next shortfalls take its place.
    """
    shortfalls = list(_shortfalls(view))
    worst = shortfalls[0] if shortfalls else None
    first = [
        worst,
        next(_actions(view, kgi), None) if goal and kgi else None,
        # One thing is said of a KPI.
        next(
            (thing for thing in _obstacles(view) if not worst or thing.params.get("kpi") != worst.params["kpi"]), None
        ),
    ]
    chosen = [thing for thing in first if thing]
    return (chosen + [thing for thing in shortfalls[1:] if thing not in chosen])[:3]


def _shortfalls(view: View) -> Iterator[Thing]:
    form = view.formats
    for row in view.rows("shortfalls"):
        unit = row["unit"]
        yield Thing(
            view.say(SHORTFALL).format(
                kpi=of_text(row, "label", view.locale),
                target=form.short(row["target"], unit),
                landing=form.short(row["projected"], unit),
            ),
            view.say(SHORT_OF).format(
                period=form.period(row["grain"], row["period_start"]),
                interval=form.interval(row["projected_low"], row["projected_high"], unit),
                gap=form.short(abs(row["target"] - row["projected"]), unit),
            ),
            row["owner"],
            "kpi",
            {"kpi": row["kpi"], "grain": row["grain"]},
        )


def _actions(view: View, kgi: Tile) -> Iterator[Thing]:
    """What would bring the goal nearer: the strongest lever, else the stage that is about to be too late."""
    owners = {row["kpi"]: row["owner"] for row in reversed(view.rows("owners"))}
    goal, form = name_within(kgi.kpi, view.locale), view.formats
    lever, deadline = view.row("levers"), view.row("deadlines")
    if lever:
        name = view.say(words.DRIVERS.get(lever["driver"], same(lever["driver"])))
        level = form.exact(lever["level"], "ratio") if lever["kind"] == "rate" else view.say(words.PER_WEEK).format(
            number=form.exact(lever["level"], "count")
        )  # fmt: skip
        yield Thing(
            view.say(LEVER).format(driver=name),
            view.say(LEVER_WHY).format(
                level=level, goal=goal, more=form.short(lever["more_of_the_goal"], kgi.kpi["unit"])
            ),
            owners.get(words.DRIVER_KPIS.get(lever["driver"], ""), kgi.line["owner"]),
            "tree",
            {},
        )
    if deadline:
        name = name_within(deadline, view.locale)
        yield Thing(
            view.say(DEADLINE).format(kpi=name, day=form.short_day(deadline["coin_flip_on"])),
            view.say(DEADLINE_WHY).format(kpi=name, goal=goal, days=deadline["days_left"]),
            owners.get(deadline["kpi"]),
            "tree",
            {},
        )


def _obstacles(view: View) -> Iterator[Thing]:
    """What keeps the board from knowing: sources that have stopped, targets that are no good."""
    form = view.formats
    for row in view.rows("stale_sources"):
        yield Thing(
            view.say(STALE).format(source=view.say(words.source(row["source"]))),
            view.say(STALE_WHY).format(table=row["table_name"], day=form.day(row["last_on"])),
            None,
            "data",
            {},
        )
    for row in view.rows("doubtful_targets"):
        yield Thing(
            view.say(DOUBTFUL).format(kpi=name_within(row, view.locale)),
            of_text(row, "sentence", view.locale),
            row["owner"],
            "kpi",
            {"kpi": row["kpi"]},
        )


PAGE = Page(
    "today",
    Text("今日", "Today"),
    show,
    params={"show": choice("focus", "all")},
    exported=lambda night: [{}, {"show": "all"}],
)
