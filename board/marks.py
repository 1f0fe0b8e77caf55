"""The small marks that no chart library is needed for: the line in a tile and the bar against a target.

They give coordinates and nothing else; the templates draw them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 160.0, 36.0, 4.0
BULLET_MAX = 1.5
"""How far the bar of a bullet goes, in targets."""


@dataclass(frozen=True)
class Spark:
    """A line of periods within WIDTH x HEIGHT: its path, the last point, and the targets as steps."""

    path: str
    last: tuple[float, float] | None
    target: str


def spark(values: Sequence[float | None], targets: Sequence[float | None]) -> Spark:
    """The line of a KPI over its periods, oldest first; gaps where nothing was measured."""
    known = [value for value in [*values, *targets] if value is not None]
    if not known:
        return Spark("", None, "")
    low, high = min(known), max(known)
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)

    def x(place: int) -> float:
        return round(MARGIN + place * step, 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)

    path, is_open = [], False
    for place, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        path.append(f"{'L' if is_open else 'M'}{x(place)} {y(value)}")
        is_open = True
    shown = [(x(place), y(value)) for place, value in enumerate(values) if value is not None]
    steps = [
        f"M{max(x(place) - step / 2, 0):.1f} {y(target)}H{min(x(place) + step / 2, WIDTH):.1f}"
        for place, target in enumerate(targets)
        if target is not None
    ]
    return Spark("".join(path), shown[-1] if shown else None, "".join(steps))


def bullet(share: float | None) -> float | None:
    """A share of the target as a place between 0 and 100 on a bar that ends at BULLET_MAX targets."""
    return None if share is None else round(min(max(share, 0.0), BULLET_MAX) / BULLET_MAX * 100, 2)
