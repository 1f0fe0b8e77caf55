"""How good past forecasts were, and how much wider than the model says the next one must be."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.rates import Floats, wilson

PRIOR_SPREAD, PRIOR_FORECASTS = 0.2, 2.0
"""Before any forecast was scored: off by a fifth, as well known as from two forecasts."""
MIN_FORECASTS = 3
"""Independent past forecasts below which the history is too short to judge the model."""
WIDEST = 1.5
"""A forecast is never taken to be off by more than a factor of e to this."""


@dataclass(frozen=True)
class Dispersion:
    """How far outcomes stray from expectations, as the logarithm of a common factor: Student's t.

    ``shift`` is its middle, learned from forecasts made at the same point of earlier periods, ``spread`` its scale and
    ``freedom`` its degrees of freedom. ``forecasts`` counts the past forecasts that do not overlap.
    """

    shift: float
    spread: float
    freedom: float
    forecasts: float

    @property
    def is_too_short(self) -> bool:
        return self.forecasts < MIN_FORECASTS

    def factors(self, rng: np.random.Generator, draws: int) -> Floats:
        """Draws of the common factor."""
        logs = self.shift + self.spread * rng.standard_t(self.freedom, draws)
        return np.exp(np.clip(logs, -WIDEST, WIDEST))


UNKNOWN = Dispersion(0.0, PRIOR_SPREAD, PRIOR_FORECASTS, 0.0)
"""What is assumed before any forecast was scored."""


def dispersion(
    expected: ArrayLike, variance: ArrayLike, actual: ArrayLike, same_phase: ArrayLike, independent: float
) -> Dispersion:
    """Learned from past forecasts and what came.

    ``variance`` is the one that the model had for each; only what goes beyond it spreads further. ``same_phase`` marks
    the forecasts made as long before the end of an earlier period as the next one is: if, each left out in turn, the
    others of them foretell how far it was off, their shrunk mean is the shift. ``independent`` is how many of the
    forecasts do not overlap. The spread is that of moments, drawn to a fifth as if from two forecasts more.
    """
    mean, inner, came = (np.asarray(values, np.float64) for values in (expected, variance, actual))
    if not len(mean) or mean.sum() <= 0:
        return UNKNOWN
    shift = _shift(np.log((came + 0.5) / (mean + 0.5))[np.asarray(same_phase, bool)])
    squared = float((((came - mean) ** 2 - inner).sum()) / (mean**2).sum())
    known = PRIOR_FORECASTS + independent
    spread = np.sqrt((PRIOR_FORECASTS * PRIOR_SPREAD**2 + independent * min(max(squared, 0.0), 1.0)) / known)
    return Dispersion(shift, float(spread), known, independent)


def _shift(logs: Floats) -> float:
    if len(logs) < 2:
        return 0.0
    others = (logs.sum() - logs) / len(logs)  # the mean of the others, shrunk by one forecast that was right
    helps = float(((logs - others) ** 2).sum()) < float((logs**2).sum())
    return float(logs.sum() / (len(logs) + 1)) if helps else 0.0


def brier(chances: ArrayLike, came_true: ArrayLike) -> float | None:
    """The mean squared distance of the forecasts from what happened: 0 is perfect, 0.25 a coin flip; None of none."""
    chance = np.asarray(chances, np.float64)
    return float(((chance - np.asarray(came_true, np.float64)) ** 2).mean()) if len(chance) else None


def reliability(chances: ArrayLike, came_true: ArrayLike, bins: int = 5, confidence: float = 0.9) -> pd.DataFrame:
    """One row per band of forecast chances that was used: its forecasts, their mean, and the share that came true.

    With Wilson's interval of that share; a calibrated forecaster's mean lies within it as often as ``confidence`` says.
    """
    chance, true = np.asarray(chances, np.float64), np.asarray(came_true, bool)
    band = np.minimum((chance * bins).astype(np.int64), bins - 1)
    rows = []
    for number in np.unique(band):
        mine = band == number
        low, high = wilson(int(true[mine].sum()), int(mine.sum()), confidence)
        rows.append(
            {
                "chance_from": number / bins,
                "chance_to": (number + 1) / bins,
                "forecasts": int(mine.sum()),
                "mean_chance": float(chance[mine].mean()),
                "share_true": float(true[mine].mean()),
                "ci_low": low,
                "ci_high": high,
            }
        )
    columns = ["chance_from", "chance_to", "forecasts", "mean_chance", "share_true", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)
