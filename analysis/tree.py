"""The metric tree: which KPI leads to which, from the KGI down to page views."""

from collections.abc import Collection

LEADS_TO = {
    "orders": "order_value",
    "deals": "orders",
    "mqls": "deals",
    "leads": "mqls",
    "inquiries": "leads",
    "downloads": "leads",
    "users": "leads",
    "sessions": "users",
    "page_views": "users",
    "search_clicks": "users",
    "search_impressions": "search_clicks",
}
"""Counts: so many of the one for so many of the other."""
DRIVES = {
    "win_rate": "orders",
    "deal_rate": "deals",
    "newsletter_signups": "leads",
    "engagement_seconds": "leads",
    "read_through_rate": "leads",
    "onward_rate": "leads",
    "users_over_one_minute": "leads",
    "search_position": "search_clicks",
    "social_followers": "users",
}
"""KPIs that make more of another one, of which the goal requires no number."""
STEPS = {"lead": "leads", "mql": "mqls", "deal": "deals", "won": "orders"}
"""The stages that one person or deal passes, and the KPI that counts who enters each."""
RATES = {"mql": "mql_rate", "deal": "deal_rate", "won": "win_rate"}
"""What the rate into a stage is called, from the one before it."""


def is_ancestor(kpi: str, kgi: str) -> bool:
    """Whether a KPI lies on the way to the goal. The goal itself is none."""
    parent = LEADS_TO.get(kpi) or DRIVES.get(kpi)
    return parent is not None and (parent == kgi or is_ancestor(parent, kgi))


def stages(kgi: str, measured: Collection[str]) -> tuple[str, ...]:
    """The stages on the way to the goal that each person or deal is seen to pass, the goal's own last.

    ``deal_rate`` among the measured KPIs says that deals know their contact; without it the way begins with deals. A
    stage that is not measured is passed over; without the goal's own stage there is none.
    """
    goal = "deal" if kgi == "deals" else "won"
    seen = [stage for stage in STEPS if STEPS[stage] in measured]
    if goal not in seen:
        return ()
    way = seen[: seen.index(goal) + 1]
    return tuple(stage for stage in way if "deal_rate" in measured or stage in ("deal", "won"))


def above(kpis: Collection[str], measured: Collection[str]) -> list[tuple[str, str]]:
    """The measured counts that lead to the first of the chain's KPIs, each with the KPI it is a ratio to, nearest
    first. Where a KPI in between is not measured, the one behind it takes its place."""
    order, found = list(LEADS_TO), []
    reached = set(kpis)
    for kpi in order:
        if kpi in reached or kpi not in measured:
            continue
        parent = LEADS_TO[kpi]
        while parent not in reached and parent in LEADS_TO:
            parent = LEADS_TO[parent]
        if parent in reached:
            found.append((kpi, parent))
            reached.add(kpi)
    return found
