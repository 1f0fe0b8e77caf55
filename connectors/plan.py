"""plan.yml: the KGI, the KPI targets and what the team has agreed on around them."""

import re
from datetime import date
from typing import Annotated, Literal
from unicodedata import normalize

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from connectors.yaml_file import Day, Problem, nearest, wrong

KPIS = (
    "page_views",
    "users",
    "sessions",
    "search_impressions",
    "search_clicks",
    "search_position",
    "hidden_click_share",
    "engagement_seconds",
    "read_through_rate",
    "onward_rate",
    "users_over_one_minute",
    "newsletter_signups",
    "social_followers",
    "downloads",
    "inquiries",
    "leads",
    "mqls",
    "deal_rate",
    "deals",
    "win_rate",
    "orders",
    "order_value",
    "customers",
    "ltv",
    "repeat_rate",
    "churn_rate",
)
"""Every KPI that a target can be set for, in the order of the four stages."""
KGIS = ("deals", "orders", "order_value")
"""The KPIs that can be the goal itself."""
DERIVED = (
    "page_views",
    "users",
    "sessions",
    "search_impressions",
    "search_clicks",
    "downloads",
    "inquiries",
    "leads",
    "mqls",
    "deals",
    "orders",
)
"""The KPIs whose target can be what the KGI, walked back, requires of them."""
FROM_KGI, WISHES = "from_kgi", ("increase", "decrease")
Grain = Literal["week", "month", "quarter"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]

MINIMAL = """write a plan.yml there, such as
     version: 1
     kgi: {kpi: orders, grain: quarter, start: 2025-04-01, end: 2026-03-31, target: 30}
     targets:
       - {kpi: inquiries, grain: month, start: 2025-04-01, end: 2026-03-31, target: 60}"""

_STRICT = ConfigDict(frozen=True, extra="forbid")
_CHANGE = r"[+-]\s*\d+(\.\d+)?\s*%"
# What _aim takes, for editors, which know no NFKC: full width too, and thousands parted by commas.
_TYPED_CHANGE = r"^[+＋\-－−]\s*[0-9０-９]+([.．][0-9０-９]+)?\s*[%％]$"
_TYPED_NUMBER = r"^[0-9０-９][0-9０-９,，]*([.．][0-9０-９]+)?$"
_AIM_REMEDY = (
    "write a number, a change such as +20% (over the period before, or with `over: last_year`), from_kgi for what the "
    "goal requires, or increase or decrease where no number is agreed on yet"
)


def _kpi(name: str) -> str:
    if name not in KPIS:
        raise wrong(Problem((), f"{name} is not a KPI", nearest(name, KPIS)))
    return name


def _part(text: str) -> str:
    """As the texts of exports are read, which it is compared with."""
    return normalize("NFKC", text).strip()


def is_rate(kpi: str) -> bool:
    """Whether a KPI lies between 0 and 1."""
    return kpi.endswith(("_rate", "_share"))


def _aim(written: object) -> object:
    """A number, a change in its plainest spelling (``+20%``), or a word. ``+20`` alone could be either of the two."""
    text = normalize("NFKC", str(written)).replace("\N{MINUS SIGN}", "-").strip()
    if text in (FROM_KGI, *WISHES):
        return text
    if re.fullmatch(_CHANGE, text):
        return re.sub(r"\s", "", text)
    if text.startswith("+"):
        raise wrong(Problem((), f"{written} is neither a number nor a change", _AIM_REMEDY))
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        raise wrong(Problem((), f"{written} is not a target", _AIM_REMEDY)) from None
    if not 0 <= number < float("inf"):
        raise wrong(Problem((), f"{written} is not a number from 0 on", _AIM_REMEDY))
    return number


Part = Annotated[str, Field(min_length=1), AfterValidator(_part)]
Kpi = Annotated[str, AfterValidator(_kpi), WithJsonSchema({"enum": list(KPIS)})]
Aim = Annotated[
    float | str,
    BeforeValidator(_aim),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"enum": [FROM_KGI, *WISHES]},
                {"type": "string", "pattern": _TYPED_CHANGE, "examples": ["+20%"]},
                {"type": "string", "pattern": _TYPED_NUMBER},
            ]
        }
    ),
]


class Target(BaseModel):
    """What a KPI shall reach in each period of its grain between ``start`` and ``end`` (both included).

    ``target`` is a number, a change over another period (``+20%``), ``from_kgi``, or a wish without a number
    (``increase``), which needs no grain and no days and which the SMART checks find fault with.
    """

    model_config = _STRICT
    kpi: Kpi = Field(description="one of the KPIs, such as inquiries")
    grain: Grain | None = Field(default=None, description="week, month or quarter")
    start: Day | None = Field(default=None, description="the first day that the target holds for, such as 2025-04-01")
    end: Day | None = Field(default=None, description="the last day that the target holds for, such as 2026-03-31")
    target: Aim = Field(description="the number to reach in each period; or +20%, from_kgi, increase or decrease")
    over: Literal["previous", "last_year"] | None = Field(
        default=None, description="what a change is over: previous (the period before) or last_year"
    )
    segment: str | None = Field(default=None, min_length=1, description="whom or which part it is about, in words")
    owner: str | None = Field(default=None, min_length=1, description="who answers for it")

    @model_validator(mode="after")
    def _is_whole(self) -> "Target":
        problems = list(self._faults())
        if problems:
            raise wrong(*problems)
        return self

    def _faults(self) -> list[Problem]:
        found = []
        for name in ("grain", "start", "end"):
            if getattr(self, name) is None and not self.is_wish:
                about = type(self).model_fields[name].description
                found.append(Problem((name,), "is missing", f"add `{name}:` {about}"))
        if self.start and self.end and self.end < self.start:
            found.append(
                Problem(("end",), f"{self.end} is before the start, {self.start}", "write the last day of the target")
            )
        if is_rate(self.kpi) and self.level is not None and self.level > 1:
            found.append(
                Problem(("target",), f"{self.level:g} is above 1, and {self.kpi} is a rate", "write 35 % as 0.35")
            )
        if self.target == FROM_KGI and self.kpi not in DERIVED:
            remedy = f"write a number; the goal is walked back to {', '.join(DERIVED)}"
            found.append(Problem(("target",), f"the goal requires no level of {self.kpi}", remedy))
        if self.over and self.change is None:
            found.append(Problem(("over",), "stands beside no change", "write the target as +20%, or remove over"))
        return found

    @property
    def level(self) -> float | None:
        """The number itself, where the plan gives one."""
        return self.target if isinstance(self.target, float) else None

    @property
    def change(self) -> float | None:
        """By which share it shall differ from the other period: 0.2 for ``+20%``."""
        is_change = isinstance(self.target, str) and self.target.endswith("%")
        return float(str(self.target)[:-1]) / 100 if is_change else None

    @property
    def is_wish(self) -> bool:
        return self.target in WISHES


class Focus(BaseModel):
    """What a small team looks at beside the KGI; everything else is hidden by default."""

    model_config = _STRICT
    key_kpi: Kpi = Field(description="the one KPI that matters most")


class Persona(BaseModel):
    """Whom the articles are for.

    A contact fits when its industry holds one of ``industries`` and its job title one of ``roles``, where they are
    given; the first persona that fits is taken. Nobody fits one that has neither.
    """

    model_config = _STRICT
    name: str = Field(min_length=1, description="what the team calls this persona")
    industries: tuple[Part, ...] = Field(default=(), description="parts of the contact's industry")
    roles: tuple[Part, ...] = Field(default=(), description="parts of the contact's job title")
    problems: tuple[str, ...] = Field(default=(), description="what they struggle with")


class Handoff(BaseModel):
    """How marketing hands contacts over to sales."""

    model_config = _STRICT
    mql_is: str = Field(min_length=1, description="when a contact is an MQL, in words")
    sla_hours: float = Field(gt=0, allow_inf_nan=False, description="within how many hours sales gets in touch")
    owner: str | None = Field(default=None, min_length=1, description="who answers for it")


class Review(BaseModel):
    """A meeting that comes again: on a weekday of each week, or on a business day of each month or quarter."""

    model_config = _STRICT
    every: Grain = Field(description="week, month or quarter")
    weekday: Weekday | None = Field(default=None, description="of a weekly meeting: monday to friday")
    business_day: int | None = Field(
        default=None, ge=1, le=15, description="of a monthly or quarterly one: the business day of the period after"
    )
    owner: str | None = Field(default=None, min_length=1, description="who holds it")

    @model_validator(mode="after")
    def _has_its_day(self) -> "Review":
        asked, other = ("weekday", "business_day") if self.every == "week" else ("business_day", "weekday")
        about = {"weekday": "monday to friday", "business_day": "a number, such as 3 for the third business day"}
        problems = []
        if getattr(self, asked) is None:
            problems.append(Problem((asked,), "is missing", f"add `{asked}:` {about[asked]}"))
        if getattr(self, other) is not None:
            problems.append(Problem((other,), f"does not go with every: {self.every}", f"write {asked} instead"))
        if problems:
            raise wrong(*problems)
        return self


class OnMiss(BaseModel):
    """What happens when a target is missed."""

    model_config = _STRICT
    process: str = Field(min_length=1, description="how the cause is looked for, in words")
    owner: str | None = Field(default=None, min_length=1, description="who answers for it")


class Resource(BaseModel):
    """Who and what there is to carry out improvements."""

    model_config = _STRICT
    what: str = Field(min_length=1, description="what there is, such as writing articles")
    hours_per_month: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="hours of work a month")
    budget_per_month: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="money a month")
    owner: str | None = Field(default=None, min_length=1, description="whose they are")


class Plan(BaseModel):
    """The whole of plan.yml."""

    model_config = _STRICT
    version: int = Field(ge=1, le=1, description="1, the format of this file")
    kgi: Target = Field(description="the goal, with kpi, grain, start, end and target below it")
    focus: Focus | None = Field(default=None, description="what a small team looks at")
    targets: tuple[Target, ...] = Field(default=(), description="the KPIs that lead to the goal")
    personas: tuple[Persona, ...] = Field(default=(), description="whom the articles are for")
    handoff: Handoff | None = Field(default=None, description="how contacts are handed over to sales")
    reviews: tuple[Review, ...] = Field(default=(), description="the meetings that look at the KPIs")
    on_miss: OnMiss | None = Field(default=None, description="what happens when a target is missed")
    resources: tuple[Resource, ...] = Field(default=(), description="who and what there is for improvements")

    @model_validator(mode="after")
    def _agrees(self) -> "Plan":
        problems = [*self._faults_of_the_goal(), *self._faults_of_the_targets(), *self._names_written_twice()]
        if problems:
            raise wrong(*problems)
        return self

    def _faults_of_the_goal(self) -> list[Problem]:
        kgi, found = self.kgi, []
        if kgi.kpi not in KGIS:
            remedy = f"write one of {', '.join(KGIS)} here, and {kgi.kpi} under targets"
            found.append(Problem(("kgi", "kpi"), f"{kgi.kpi} leads to the goal and is not the goal", remedy))
        if kgi.level is None:
            found.append(Problem(("kgi", "target"), f"{kgi.target} is no number", "write the number of the goal"))
        return found

    def _faults_of_the_targets(self) -> list[Problem]:
        found = []
        beyond = KGIS[KGIS.index(self.kgi.kpi) + 1 :] if self.kgi.kpi in KGIS else ()
        for n, target in enumerate(self.targets):
            if target.target == FROM_KGI and target.kpi in beyond:
                problem = f"{target.kpi} come after the goal, {self.kgi.kpi}, which requires no level of them"
                found.append(Problem(("targets", n, "target"), problem, "write a number"))
            for other in (self.kgi, *self.targets[:n]):
                begun = _both_hold_from(target, other)
                if begun:
                    problem = f"{target.kpi} by {target.grain} has two targets from {begun} on"
                    found.append(Problem(("targets", n), problem, "let their days not overlap"))
        return found

    def _names_written_twice(self) -> list[Problem]:
        names = [persona.name for persona in self.personas]
        found = [
            Problem(("personas", n, "name"), f"{name} is written twice", "join the two personas, or rename one")
            for n, name in enumerate(names)
            if name in names[:n]
        ]
        every = [review.every for review in self.reviews]
        return found + [
            Problem(("reviews", n, "every"), f"{name} is written twice", "keep one of the two meetings")
            for n, name in enumerate(every)
            if name in every[:n]
        ]


def _both_hold_from(one: Target, other: Target) -> date | None:
    """The first day on which two targets of one KPI and grain both hold."""
    if (one.kpi, one.grain) != (other.kpi, other.grain):
        return None
    if not (one.start and one.end and other.start and other.end):
        return None
    begun = max(one.start, other.start)
    return begun if begun <= min(one.end, other.end) else None
