"""Where the running weeks, months and quarters of the KPIs will land (着地見込み)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from analysis import landings, pace
from analysis.pace import Landing
from pipelines.plan.inputs import Inputs, Period, Rows

INTERVAL = 0.8
"""Landings and forecasts are shown from their P10 to their P90."""
CARRIER = "page_views"
BOUNDS = {"ratio": (0.0, 1.0), "rank": (1.0, np.inf)}
"""What a value of a unit can be; of every other one from 0 on."""


@dataclass(frozen=True)
class Landings:
    """The landings of the KPIs' periods; of the KGI they are its forecasts, so that every place says the same."""

    given: Inputs
    goals: Mapping[tuple[str, str, date], Landing]

    @cached_property
    def _complete(self) -> pd.DataFrame:
        values = self.given.values
        return values[values["is_complete"]]

    @cached_property
    def _off(self) -> set[date]:
        """The holidays from the first counted day to the end of the last period that is asked for."""
        days = list(self.given.counted)
        return self.given.calendar.off(days[0], days[-1]) if days else set()

    @cached_property
    def running(self) -> list[Period]:
        as_of = self.given.as_of
        return [one for one in self.given.periods if one.start <= as_of < one.end]

    def history(self, kpi: str, grain: str) -> pd.Series:
        """Its values in complete periods, under the periods' first days."""
        values = self._complete
        mine = values[(values["kpi"] == kpi) & (values["grain"] == grain)]
        return mine.set_index("period_start")["value"]

    def so_far(self, kpi: str, period: Period) -> float | None:
        values = self.given.values
        mine = values[
            (values["kpi"] == kpi)
            & (values["grain"] == period.grain)
            & (values["period_start"] == pd.Timestamp(period.start))
        ]
        return float(mine["value"].iloc[0]) if len(mine) else None

    def of(self, kpi: str, period: Period) -> Landing | None:
        """None where nothing of the KPI is known."""
        key = kpi, period.grain, period.start
        if key not in self._found:
            self._found[key] = self.goals.get(key) or self._project(kpi, period)
        return self._found[key]

    @cached_property
    def _found(self) -> dict[tuple[str, str, date], Landing | None]:
        return {}

    def _project(self, kpi: str, period: Period) -> Landing | None:
        if self.given.kpis[kpi].landing == "days":
            return self._of_days(kpi, period)
        past = self.history(kpi, period.grain)
        # What has not had its days to mature is no measure of the period yet.
        is_telling = period.start <= self.given.as_of and not self.given.kpis[kpi].matures_after_days
        so_far = self.so_far(kpi, period) if is_telling else None
        if not len(past) and so_far is None:
            return None
        return self._of_periods(kpi, period, past, so_far)

    def _of_days(self, kpi: str, period: Period) -> Landing | None:
        known = self.given.daily(kpi)
        if known is None:
            return None
        daily, last = known
        return pace.landing(daily, last, (period.start, period.end), INTERVAL, self._off)

    def _of_periods(self, kpi: str, period: Period, past: pd.Series, so_far: float | None) -> Landing | None:
        values, passed = past.to_numpy(np.float64), period.pace if so_far is not None else 0.0
        bounds = BOUNDS.get(self.given.kpis[kpi].unit, (0.0, np.inf))
        match self.given.kpis[kpi].landing:
            case "uniques":
                views = self.of(CARRIER, period)
                carriers = self.history(CARRIER, period.grain).reindex(past.index).to_numpy(np.float64)
                if views is None:
                    return None
                return landings.uniques(values, so_far, passed, carriers, views, INTERVAL)
            case "stock":
                before = [one for one in self.running if one.grain == period.grain and so_far is None]
                latest = self.so_far(kpi, before[0]) if before else None
                ahead = 1 - before[0].pace if before else 0.0
                return landings.stock(values, so_far, passed, latest, ahead, bounds, INTERVAL)
            case "losses":
                return landings.losses(values, so_far, passed, confidence=INTERVAL)
        return landings.share(values, so_far, passed, bounds, INTERVAL)


def landing_rows(landed: Landings) -> Rows:
    """Where every KPI's running week, month and quarter will end."""
    rows = []
    for period in landed.running:
        for kpi in sorted(landed.given.measured):
            found = landed.of(kpi, period)
            if found is not None:
                rows.append(
                    {
                        "kpi": kpi,
                        "grain": period.grain,
                        "period_start": period.start,
                        "verdict": found.verdict,
                        "projected": found.projected,
                        "projected_low": found.low,
                        "projected_high": found.high,
                    }
                )
    return rows
