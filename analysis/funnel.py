"""The observed funnel: who entered which stage when, and how many move on, how soon and by which count."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from analysis import lags, rates
from analysis.rates import CONVERTED, LEFT, OPEN, Ints

EXIT = "exit"
SEGMENTS = ("channel", "article_cluster", "persona")
MATURE = 0.95
"""The share of the conversions to come from which a cohort is called mature."""
NEVER = np.iinfo(np.int64).max
_NULLABLE = {
    **dict.fromkeys(("lag_q50_days", "lag_q75_days", "lag_q90_days"), "Int64"),
    **dict.fromkeys(("naive_rate_of_all", "naive_rate_of_closed", "naive_rate_exits_as_open"), "Float64"),
}
"""A column in which nothing is known must still have the type it has on other days."""


def transitions(events: pd.DataFrame, stages: Sequence[str], as_of: date) -> pd.DataFrame:
    """One row per subject and stage that it entered: what followed, as known on ``as_of``.

    ``events`` has columns subject_id, stage (one of ``stages`` or "exit") and entered_on; other columns are ignored.
    The result has subject_id, stage, next_stage, entered_on, moved_on, left_on (null while neither), and is_start (the
    subject came in at this stage). Only first entries count. Whoever skips a stage passed through it on the day of
    the later one, and a later stage entered earlier counts from then: so each count of the funnel holds the next.
    An exit ends the stage it happens in, unless the subject moved on by that day.
    """
    day = day_numbers(events["entered_on"])
    known = day <= day_number(as_of)
    day, subject, stage = day[known], events["subject_id"].to_numpy()[known], events["stage"].to_numpy()[known]
    subjects, row = np.unique(subject, return_inverse=True)
    reached = np.full((len(subjects), len(stages)), NEVER)
    for number, name in enumerate(stages):
        np.minimum.at(reached[:, number], row[stage == name], day[stage == name])
    came_in = np.logical_or.accumulate(reached < NEVER, axis=1)
    reached = np.minimum.accumulate(reached[:, ::-1], axis=1)[:, ::-1]
    exits = pd.DataFrame({"row": row[stage == EXIT], "exit": day[stage == EXIT]}).sort_values("exit")
    found = []
    for number, (name, following) in enumerate(zip(stages, [*stages[1:], None], strict=True)):
        rows = np.flatnonzero(came_in[:, number] & (reached[:, number] < NEVER))
        entered = reached[rows, number]
        moved = reached[rows, number + 1] if following else np.full(len(rows), NEVER)
        left = _first_exits(exits, rows, entered)
        found.append(
            pd.DataFrame(
                {
                    "subject_id": subjects[rows],
                    "stage": name,
                    "next_stage": following,
                    "entered_on": _dates(entered),
                    "moved_on": _dates(np.where(moved <= left, moved, NEVER)),
                    "left_on": _dates(np.where(left < moved, left, NEVER)),
                    "is_start": ~came_in[rows, number - 1] if number else np.ones(len(rows), bool),
                }
            )
        )
    return pd.concat(found, ignore_index=True)


def _first_exits(exits: pd.DataFrame, rows: Ints, entered: Ints) -> Ints:
    """Each row's first exit on or after its entry; NEVER without one."""
    pairs = exits.merge(pd.DataFrame({"row": rows, "entered": entered}), on="row")
    first = pairs[pairs["exit"] >= pairs["entered"]].groupby("row")["exit"].min()
    return np.asarray(first.reindex(rows, fill_value=NEVER).to_numpy(), np.int64)


def day_number(day: date) -> int:
    """Days since 1970."""
    return int(np.datetime64(day, "D").astype(np.int64))


def day_numbers(dates: pd.Series) -> Ints:
    """Days since 1970; NEVER for a null."""
    days = pd.to_datetime(dates).to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(days), NEVER, days.astype(np.int64))


def _dates(days: Ints) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    held = np.where(days == NEVER, 0, days).astype("datetime64[D]").astype("datetime64[s]")
    return np.where(days == NEVER, np.datetime64("NaT", "s"), held)


def spells(moves: pd.DataFrame, as_of: date) -> tuple[Ints, Ints]:
    """Days until each subject moved on (1), left (2) or was last seen open (0), of those entered by ``as_of``.

    ``moves`` has entered_on, moved_on and left_on; what lies after ``as_of`` is not known yet. Moving comes before
    leaving on the same day.
    """
    today = day_number(as_of)
    entered, moved, left = (day_numbers(moves[name]) for name in ("entered_on", "moved_on", "left_on"))
    seen = entered <= today
    entered, moved, left = entered[seen], moved[seen], left[seen]
    status = np.where((moved <= today) & (moved <= left), CONVERTED, np.where(left <= today, LEFT, OPEN))
    end = np.select([status == CONVERTED, status == LEFT], [moved, left], today)
    return np.maximum(end - entered, 0), status.astype(np.int64)


def observe(
    moves: pd.DataFrame, as_of: date, segments: Sequence[str] = SEGMENTS, confidence: float = 0.9
) -> pd.DataFrame:
    """One row per transition, and one per value of each segment that ``moves`` has a column of.

    ``rate`` is the Aalen-Johansen one within ``horizon_days``, with the interval at ``confidence``. Segments are read
    at the horizon of the whole; ``shrunk_rate`` and its interval draw them towards its rate. The
    ``naive_`` rates are there to be named, not used. Lags in days are among those who convert within the horizon. Null
    where nothing is known.
    """
    rows = []
    for (stage, following), group in moves.groupby(["stage", "next_stage"], sort=False):
        days, status = spells(group, as_of)
        if not len(days):
            continue
        horizon_days = rates.horizon(days, status)
        whole = rates.rate_within(rates.aalen_johansen(days, status), horizon_days, confidence)
        rows.append(
            _row(stage, following, "all", "all", days, status, whole, whole.posterior, confidence, whole.horizon_days)
        )
        known = group[day_numbers(group["entered_on"]) <= day_number(as_of)]
        for segment in (name for name in segments if name in group):
            parts, found = known[segment].fillna("unknown").to_numpy(), []
            for value in np.unique(parts):
                mine = parts == value
                curve = rates.aalen_johansen(days[mine], status[mine])
                found.append(
                    (value, days[mine], status[mine], rates.rate_within(curve, whole.horizon_days, confidence))
                )
            shrunk = rates.shrink([rate for *_, rate in found], whole.rate)
            for (value, own_days, own_status, rate), posterior in zip(found, shrunk, strict=True):
                rows.append(
                    _row(
                        stage,
                        following,
                        segment,
                        value,
                        own_days,
                        own_status,
                        rate,
                        posterior,
                        confidence,
                        whole.horizon_days,
                    )
                )
    return pd.DataFrame(rows).convert_dtypes().astype(_NULLABLE) if rows else pd.DataFrame()


def _row(
    stage: object,
    following: object,
    segment: str,
    value: object,
    days: Ints,
    status: Ints,
    rate: rates.Rate,
    posterior: rates.Beta,
    confidence: float,
    horizon_days: int,
) -> dict[str, object]:
    curve = rates.aalen_johansen(days, status)
    low, high = posterior.interval(confidence)
    naive = rates.naive_rates(days, status)
    return {
        "stage": stage,
        "next_stage": following,
        "segment": segment,
        "segment_value": value,
        "n": rate.n,
        "moved": rate.conversions,
        "exited": rate.exits,
        "still_open": rate.n - rate.conversions - rate.exits,
        "rate": rate.rate,
        "ci_low": rate.low,
        "ci_high": rate.high,
        "shrunk_rate": posterior.mean,
        "shrunk_low": low,
        "shrunk_high": high,
        "horizon_days": rate.horizon_days,
        "at_risk": rate.at_risk,
        "is_shortened": rate.is_shortened,
        "lag_q50_days": lags.quantile(curve, 0.50, horizon_days),
        "lag_q75_days": lags.quantile(curve, 0.75, horizon_days),
        "lag_q90_days": lags.quantile(curve, 0.90, horizon_days),
        "naive_rate_of_all": naive["of_all"],
        "naive_rate_of_closed": naive["of_closed"],
        "naive_rate_exits_as_open": naive["exits_as_open"],
        "method": "aalen_johansen",
        "verdict": rate.verdict,
    }


def cohorts(moves: pd.DataFrame, as_of: date, grain: str = "month", fiscal_year_start: int = 4) -> pd.DataFrame:
    """One row per transition and period of entry: a week, month or quarter of the fiscal year.

    ``cohort_rate`` is the share of the cohort that has moved on by now, and ``maturity`` which share of its
    conversions within the transition's horizon can be seen by now. ``period_rate`` is moves of the period over entries
    of the period, which are not the same subjects.
    """
    last_month = date(2000, (fiscal_year_start + 10) % 12 + 1, 1).strftime("%b").upper()
    code = {"week": "W-SUN", "month": "M", "quarter": f"Q-{last_month}"}[grain]
    tables = []
    for (stage, following), group in moves.groupby(["stage", "next_stage"], sort=False):
        group = group[day_numbers(group["entered_on"]) <= day_number(as_of)]
        if group.empty:
            continue
        days, status = spells(group, as_of)
        curve = rates.aalen_johansen(days, status)
        horizon_days = rates.horizon(days, status)
        entered = pd.to_datetime(group["entered_on"]).dt.to_period(code)
        moved = pd.to_datetime(group["moved_on"]).dt.to_period(code)[status == CONVERTED]
        age = day_number(as_of) - day_numbers(group["entered_on"])
        whole = curve.after(horizon_days)
        visible = (
            np.minimum(curve.converted[np.minimum(age, len(curve.converted) - 1)] / whole, 1) if whole > 0 else None
        )
        parts = pd.DataFrame(
            {"moved": status == CONVERTED, "exited": status == LEFT, "visible": visible}, index=entered
        )
        by = parts.groupby(level=0)
        table = by[["moved", "exited"]].sum().assign(n=by.size())
        table["maturity"] = by["visible"].mean() if whole > 0 else None
        table = table.reindex(table.index.union(moved.unique()).rename("period"))
        table[["n", "moved", "exited"]] = table[["n", "moved", "exited"]].fillna(0).astype(np.int64)
        in_period = moved.value_counts().reindex(table.index, fill_value=0)
        some = table["n"].where(table["n"] > 0)
        table["still_open"] = table["n"] - table["moved"] - table["exited"]
        table["cohort_rate"], table["period_rate"] = table["moved"] / some, in_period / some
        table["moved_in_period"], table["horizon_days"] = in_period, horizon_days
        table["is_mature"] = table["maturity"].fillna(0).astype(np.float64) >= MATURE
        table["period_start"] = pd.PeriodIndex(table.index).to_timestamp()
        table["stage"], table["next_stage"] = str(stage), str(following)
        tables.append(table.astype({"maturity": "Float64", "cohort_rate": "Float64", "period_rate": "Float64"}))
    return pd.concat(tables, ignore_index=True).convert_dtypes() if tables else pd.DataFrame()
