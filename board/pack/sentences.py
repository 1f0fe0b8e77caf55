"""The sentences of the monthly report. Each is made from the night's numbers; none is written beforehand."""

from board.advice import advice
from board.formats import Formats
from board.pack.report import Report, Row, landed
from board.words import DRIVERS, FUNNEL_STAGES, OUTLOOKS
from connectors.text import Text, same

OVER = ("reached", "missed")
GOALS = {
    "reached": Text(
        "{label}は{actual}で、目標{target}を達成した（達成率{attained}）",
        "{label}: {actual}, the target of {target} is met ({attained})",
    ),
    "missed": Text(
        "{label}は{actual}で、目標{target}に届かなかった（達成率{attained}）",
        "{label}: {actual}, short of the target of {target} ({attained})",
    ),
    "on_track": Text(
        "{label}の着地見込みは{landing}で、目標{target}に届く見込み{chance}",
        "{label}: heading for {landing}, which reaches the target of {target}{chance}",
    ),
    "at_risk": Text(
        "{label}の着地見込みは{landing}で、目標{target}に届かないおそれがある{chance}",
        "{label}: heading for {landing}, which may miss the target of {target}{chance}",
    ),
    "off_track": Text(
        "{label}の着地見込みは{landing}で、目標{target}に届かない見込み{chance}",
        "{label}: heading for {landing}, short of the target of {target}{chance}",
    ),
    "cannot_tell": Text(
        "{label}が目標{target}に届くかは、まだ判断できない（今 {actual}）",
        "Whether {label} will reach {target} cannot be told yet (now {actual})",
    ),
    "upcoming": Text(
        "{label}の目標{target}の期間はこれから始まる", "The period of the {label} target {target} is to come"
    ),
}
CHANCE = Text("（達成確率{chance}）", " (chance {chance})")
NO_GOAL = Text("この月の KGI が plan.yml にない", "plan.yml has no KGI for this month")
TARGETS = {
    "reached": Text("{label}は目標比{attained}で達成", "{label}: {attained} of target, reached"),
    "missed": Text("{label}は目標比{attained}で未達", "{label}: {attained} of target, missed"),
    "on_track": Text(
        "{label}は今 目標比{attained}、着地見込みは{landed}で届く",
        "{label}: {attained} of target so far, heading for {landed} of it",
    ),
    "at_risk": Text(
        "{label}は今 目標比{attained}、着地見込みは{landed}で届かないおそれがある",
        "{label}: {attained} of target so far, heading for {landed} of it and at risk",
    ),
    "off_track": Text(
        "{label}は今 目標比{attained}、着地見込みも{landed}で届かない",
        "{label}: {attained} of target so far, heading for {landed} of it",
    ),
    "cannot_tell": Text("{label}が届くかは判断できない", "{label}: cannot tell yet"),
    "upcoming": Text("{label}の期間はこれから", "{label}: yet to begin"),
}
GOES_ON = {
    "off_track": Text("、{period}の着地見込みも届かない", "; {period} is heading short of it too"),
    "at_risk": Text("、{period}も届かないおそれがある", "; {period} may miss it too"),
    "on_track": Text("、{period}は届く見込み", "; {period} is on track"),
}
"""What follows a target that was missed: the period that runs now."""
COUNTED = Text("目標{all}つのうち、{parts}", "Of {all} targets: {parts}")
PART = Text("{outlook}{number}", "{number} {outlook}")
NO_TARGETS = Text("この月の目標が plan.yml にない", "plan.yml has no targets for this month")
KGI_RECORD = Text(
    "{label}は、終わった{all}期のうち{reached}期で目標を達成",
    "{label}: target reached in {reached} of {all} ended periods",
)
KGI_FIRST = Text("{label}の目標は{target}、まだ終わった期はない", "{label}: target {target}, no period has ended yet")
SHORTEST = Text(
    "KGI から逆算した必要数に最も足りないのは{label}（{due}の{share}）",
    "Farthest below what the KGI requires: {label} ({share} of {due})",
)
ENOUGH = Text(
    "どの段階も KGI から逆算した必要数を満たした（最小は{label}、{due}の{share}）",
    "Every stage brought what the KGI requires (the least: {label}, {share} of {due})",
)
DUE = Text("必要数", "what is required")
DUE_BY_NOW = Text("今日までの必要数", "what is due by now")
RATE = Text(
    "{stage}から{next}へ進むのは{rate}（90%の幅 {low}〜{high}）", "{stage} to {next}: {rate} (90% {low} to {high})"
)
FUNNEL_UNKNOWN = Text("段階の間の率は、まだ判断できない", "The rates between the stages cannot be told yet")
CONCENTRATED = Text(
    "上位{top}記事が、記事から生まれたリード{leads}件の{share}を占める",
    "The top {top} articles brought {share} of the {leads} leads from articles",
)
NO_LEADS = Text("記事から生まれたリードはまだない", "No lead has come from an article yet")
OUTCOMES_UNKNOWN = Text(
    "記事ごとのリードは測れていない（CRM のコンタクトとページがつながっていない）",
    "Leads by article are not measured: no contact is connected with a page",
)
NO_ARTICLES = Text("この月の記事の記録がない", "Nothing is known of articles in this month")
WATCH = Text("見るべきは{labels}", "What to look at: {labels}")
NOTHING_TO_WATCH = Text("目標に届かないものはない", "No target is missed or in danger")
STANDS = Text("{label}（{period}）: 実績 {actual}／目標 {target}", "{label} ({period}): {actual} against {target}")
LANDS = Text("着地見込み {landing}／目標 {target}", "heading for {landing} against {target}")
OWNER = Text("担当: {owner}", "owner: {owner}")
BEST = Text(
    "10%増やすと{goal}が最も増えるのは{driver}（{gain}）",
    "A tenth more of this adds most to {goal}: {driver} ({gain})",
)
BETWEEN = Text("{middle}（80%の幅 {low}〜{high}）", "{middle} (80% range {low} to {high})")
AND = Text("・", ", ")
PARTS = Text("、", ", ")


def conclusion(report: Report) -> str:
    """Where the KGI of the month's period stands."""
    of, goal = report.formats.locale, report.goal
    if goal is None:
        return NO_GOAL.of(of)
    chance = goal["chance"]
    said = same("") if chance is None else CHANCE.format(chance=report.formats.chance(chance))
    return (
        GOALS[goal["outlook"]]
        .format(**_values(report, goal), landing=landing(report.formats, goal), chance=said)
        .of(of)
    )


def landing(formats: Formats, row: Row) -> str:
    """Where a running period ends, eight times in ten between the two."""
    unit, low, high = row["unit"], row["projected_low"], row["projected_high"]
    middle = formats.exact(row["projected"], unit)
    if low is None or high is None:
        return middle
    said = BETWEEN.format(middle=middle, low=formats.exact(low, unit), high=formats.exact(high, unit))
    return said.of(formats.locale)


def target(report: Report, row: Row) -> str:
    """How one target came out, or will, and of a missed one how the period that runs now is doing."""
    of, now = report.formats.locale, report.now(row)
    said = TARGETS[row["outlook"]].format(**_values(report, row)).of(of)
    if row["outlook"] == "missed" and now and now["outlook"] in GOES_ON:
        said += GOES_ON[now["outlook"]].format(period=report.period(now)).of(of)
    return said


def count(report: Report) -> str:
    """How many of the month's targets are reached, missed and so on."""
    of = report.formats.locale
    if not report.targets:
        return NO_TARGETS.of(of)
    outlooks = [row["outlook"] for row in report.targets]
    parts = [
        PART.format(outlook=words if of == "ja" else same(words.en.lower()), number=outlooks.count(name)).of(of)
        for name, words in OUTLOOKS.items()
        if name in outlooks
    ]
    return COUNTED.format(all=len(outlooks), parts=PARTS.of(of).join(parts)).of(of)


def record(report: Report) -> str:
    """How often the KGI was reached."""
    goal = report.goal
    if goal is None:
        return NO_GOAL.of(report.formats.locale)
    over = [row["outlook"] for row in report.kgi if row["outlook"] in OVER]
    said = KGI_RECORD if over else KGI_FIRST
    reached = over.count("reached")
    return said.format(**_values(report, goal), all=len(over), reached=reached).of(report.formats.locale)


def shortest(report: Report) -> str:
    """Which stage of the funnel falls shortest of what the KGI requires; else what the rates are."""
    formats, stages = report.formats, report.stages()
    if not stages:
        return rate(report, report.funnel[-1]) if report.funnel else FUNNEL_UNKNOWN.of(formats.locale)
    worst = min(stages, key=lambda row: row["actual"] / row["due"])
    share = worst["actual"] / worst["due"]
    said, due = SHORTEST if share < 1 else ENOUGH, DUE_BY_NOW if report.is_running else DUE
    return said.format(label=report.label(worst), share=formats.share(share), due=due).of(formats.locale)


def rate(report: Report, row: Row) -> str:
    """The rate of a transition of the funnel with its interval."""
    formats, of = report.formats, report.formats.locale
    if row["rate"] is None:
        return FUNNEL_UNKNOWN.of(of)
    shown = {name: formats.exact(row[column], "ratio") for name, column in (("low", "ci_low"), ("high", "ci_high"))}
    return RATE.format(
        stage=FUNNEL_STAGES[row["stage"]],
        next=FUNNEL_STAGES[row["next_stage"]],
        rate=formats.exact(row["rate"], "ratio"),
        **shown,
    ).of(of)


def articles(report: Report, top: int) -> str:
    """How much of the leads the first articles brought."""
    of = report.formats.locale
    if not report.articles:
        return NO_ARTICLES.of(of)
    leads = [row["leads"] for row in report.articles if row["leads"] is not None]
    if not leads:
        return OUTCOMES_UNKNOWN.of(of)
    if not sum(leads):
        return NO_LEADS.of(of)
    share = sum(leads[:top]) / sum(leads)
    shown = report.formats.exact(sum(leads), "count")
    return CONCENTRATED.format(top=min(top, len(leads)), leads=shown, share=report.formats.share(share)).of(of)


def watch(report: Report) -> str:
    """What to look at, in one line."""
    of = report.formats.locale
    labels = [report.label(row) for row in report.watched()]
    return WATCH.format(labels=AND.of(of).join(labels)).of(of) if labels else NOTHING_TO_WATCH.of(of)


def stands(report: Report, row: Row) -> str:
    """The facts of one target: actual against target, where the running period is heading, and who answers for it."""
    formats, of = report.formats, report.formats.locale
    parts = [STANDS.format(**_values(report, row), period=report.period(row)).of(of)]
    now = row if row["projected"] is not None else report.now(row)
    if now and now["projected"] is not None:
        said = LANDS.format(landing=landing(formats, now), target=formats.exact(now["target"], now["unit"])).of(of)
        parts.append(said if now is row else f"{report.period(now)} {said}")
    if row["owner"]:
        parts.append(OWNER.format(owner=row["owner"]).of(of))
    return PARTS.of(of).join(parts) if of == "ja" else "; ".join(parts)


def actions(report: Report) -> list[str]:
    """What the plan's walk back says of the days that are left, what buys most, and what was agreed for a miss."""
    of, said = report.formats.locale, []
    if any(row["remaining_verdict"] for row in report.tree):
        said.append(advice(report.tree).of(of))
    if report.drivers and report.goal and (best := max(report.drivers, key=_more))["more_of_the_goal"]:
        gain = f"+{best['more_of_the_goal']:,.1f}" if report.goal["unit"] == "count" else f"+{_more(best):,.0f}"
        driver, goal = DRIVERS[best["driver"]], report.label(report.goal)
        said.append(BEST.format(driver=driver, gain=gain, goal=goal).of(of))
    if report.on_miss and report.watched():
        said.append(report.on_miss)
    return said


def _more(driver: Row) -> float:
    return driver["more_of_the_goal"] or 0.0


def _values(report: Report, row: Row) -> dict[str, str]:
    formats = report.formats
    return {
        "label": report.label(row),
        "actual": formats.exact(row["actual"], row["unit"]),
        "target": formats.exact(row["target"], row["unit"]),
        "attained": formats.share(row["attainment"]),
        "landed": formats.share(landed(row)),
    }
