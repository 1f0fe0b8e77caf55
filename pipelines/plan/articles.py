"""Which articles bring the leads that the goal asks for."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from analysis import articles
from pipelines.plan.landings import Landings
from pipelines.plan.required import WalkedBack

OUTCOME = "leads"
TRAFFIC = "page_views"
"""The KPI whose days say since when GA4 was read."""


def rates(landed: Landings, known: Mapping[date, WalkedBack]) -> pd.DataFrame:
    """The table ``article_rates``; empty before the first month is complete."""
    given = landed.given
    traffic = given.kpis.get(TRAFFIC)
    months = articles.last_months(given.articles, traffic.first_on if traffic else None)
    return articles.article_rates(months, more_leads(landed, known))


def more_leads(landed: Landings, known: Mapping[date, WalkedBack]) -> float:
    """How many times the leads that are coming the running period of the KGI requires; 1 where either is unknown."""
    given = landed.given
    for planned in given.live:
        goal = planned.goal
        period = next((one for one in given.periods if (one.grain, one.start) == (goal.grain, goal.start)), None)
        if goal.start > given.as_of or period is None or OUTCOME not in given.measured:
            continue
        required = [one.required for one in known[goal.start].required if one.kpi == OUTCOME]
        landing = landed.of(OUTCOME, period)
        if required and required[0] is not None and landing and landing.projected:
            return required[0] / landing.projected
    return 1.0
