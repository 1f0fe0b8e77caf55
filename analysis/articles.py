"""Which articles bring contacts: few leads among many sessions, and what to do about each article."""

from datetime import date

import numpy as np
import pandas as pd

from analysis import rates

MONTHS = 12
COUNTS = ("page_views", "landing_sessions", "leads", "mqls", "deals", "orders")
MEASURES = (*COUNTS, "order_value")
MIN_SESSIONS = 100
"""Landing sessions below which nothing is said of an article: a single lead would be a rate of 1 % or more."""
CONFIDENCE = 0.8
HALF_A_LEAD = 0.5
"""The least that the prior knows, as Jeffreys' does: with less, no lead of ten sessions would mean never any."""
CANNOT_TELL = "cannot_tell"
ACTIONS = {
    (True, True): "grow",
    (True, False): "improve_cta",
    (False, True): "attract",
    (False, False): "merge_or_stop",
}
"""What to do with an article by (has many page views, its rate is above the line)."""


def last_months(months: pd.DataFrame, known_from: date | None = None) -> pd.DataFrame:
    """The rows of the last twelve complete months, or of as many as there are.

    ``months`` has period_start, period_end, is_complete and the MEASURES, one row per article and month. Where landing
    sessions and leads are both known of some months, only these count, so that a rate divides leads by the sessions of
    the same months; a month that began before ``known_from`` (the first day that sessions were read) is not whole.
    """
    start = months["period_start"]
    is_known = months[["landing_sessions", "leads"]].notna().groupby(start).transform("any").all(axis=1)
    kept = months["is_complete"].astype(bool)
    if is_known.any():
        kept &= is_known & (start >= pd.Timestamp(known_from or date.min))
    last = start[kept].max()
    rows: pd.DataFrame = months[kept & (start > last - pd.DateOffset(months=MONTHS))]
    return rows


def article_rates(months: pd.DataFrame, times: float = 1.0) -> pd.DataFrame:
    """One row per article (host, path) of the months of :func:`last_months`: its sums, its rate and what to do.

    The rate is leads by landing sessions; it is unknown (NA) like each sum whose measure is null in all months.
    ``shrunk_rate`` and its 80 % credible interval are of the posterior under a Beta prior around the common rate of all
    articles, as strong as :func:`analysis.rates.prior_weight` finds, but worth no more sessions than all articles had
    and no less than half a lead. A lead is taken to have had a session of its own where an article has more leads than
    sessions. ``line`` is the common rate ``times`` what the goal asks; null, like all that is shrunk, where no article
    brought a lead. ``median_page_views`` is that of the articles with MIN_SESSIONS or more.
    """
    found = months.groupby(["host", "path"])[list(MEASURES)].sum(min_count=1).astype(np.float64).reset_index()
    found["from_on"], found["to_on"] = months["period_start"].min(), months["period_end"].max()
    sessions, leads = found["landing_sessions"], found["leads"]
    found["rate"] = leads / sessions.where(sessions > 0)
    trials = sessions.clip(lower=leads)
    is_known = trials.notna() & leads.notna()
    common = float(leads[is_known].sum() / total) if (total := trials[is_known].sum()) > 0 else None
    found["common_rate"], line = common, common * times if common else None
    found["line"] = line
    shrunk = np.full((len(found), 3), np.nan)
    if common:
        shrunk[is_known] = _shrunk(leads[is_known].to_numpy(), trials[is_known].to_numpy(), common)
    found[["shrunk_rate", "shrunk_low", "shrunk_high"]] = shrunk
    is_enough = (sessions >= MIN_SESSIONS) & found["page_views"].notna()
    median = found.loc[is_enough, "page_views"].median()
    found["median_page_views"] = median
    found["action"] = [
        ACTIONS[views >= median, low > line] if enough and line and (low > line or high < line) else CANNOT_TELL
        for views, low, high, enough in zip(
            found["page_views"], found["shrunk_low"], found["shrunk_high"], is_enough, strict=True
        )
    ]
    numbers = ("rate", "common_rate", "line", "shrunk_rate", "shrunk_low", "shrunk_high", "median_page_views")
    kinds = {**dict.fromkeys(COUNTS, "Int64"), **dict.fromkeys(("order_value", *numbers), "Float64")}
    return found.astype(kinds)


def _shrunk(leads: rates.Floats, trials: rates.Floats, common: float) -> rates.Floats:
    """Mean and interval of each posterior, one row each."""
    mean = min(common, 1 - 1e-3)
    shares = np.divide(leads, trials, out=np.full(len(leads), mean), where=trials > 0)
    weight = min(max(rates.prior_weight(shares, trials, mean), HALF_A_LEAD / mean), float(trials.sum()))
    found = rates.posteriors(shares, trials, mean, weight)
    return np.array([(one.mean, *one.interval(CONFIDENCE)) for one in found])
