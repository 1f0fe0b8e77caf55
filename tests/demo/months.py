"""The truth of the months, to compare answers with."""

import pandas as pd

from demo.truth import truth
from demo.world import World


def monthly(world: World) -> dict[tuple[str, str], float]:
    """Values by KPI and month (202609)."""
    table = truth(world)
    table = table[table["grain"] == "month"]
    months = pd.DatetimeIndex(table["period_start"]).strftime("%Y%m")
    return dict(zip(zip(table["kpi"], months, strict=True), table["value"], strict=True))


def september(world: World) -> dict[str, float]:
    """Values of September 2026 by KPI."""
    return {kpi: value for (kpi, month), value in monthly(world).items() if month == "202609"}
