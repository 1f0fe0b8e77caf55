"""Random numbers that belong to a person, not to a run.

Every number is a hash (the splitmix64 finaliser) of a 64-bit key and the purpose it is drawn for. A visitor's key
comes from the seed, the day of the first visit and the place in that day, so whatever a visitor does is the same
however long the world goes on, and a million visitors are drawn at once.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


def _mix(x: Keys) -> Keys:
    x = x.copy()
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _salt(purpose: str) -> np.uint64:
    return np.uint64(zlib.crc32(purpose.encode()) * _GOLDEN & _MASK)


def keys(seed: int, population: str, day: Ints, index: Ints) -> Keys:
    """One key for each (day, index) of a population."""
    start = _mix(np.full(1, seed, np.uint64) + _salt(population))[0]
    return child(_mix(start + day.astype(np.uint64) * np.uint64(_GOLDEN)), index)


def child(key: Keys, index: Ints) -> Keys:
    """The key of the index-th thing that belongs to each key."""
    return _mix(key + (index.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))


def uniform(key: Keys, purpose: str) -> Floats:
    """Uniform in [0, 1)."""
    result: Floats = (_mix(key ^ _salt(purpose)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return result


def normal(key: Keys, purpose: str) -> Floats:
    """Standard normal (Box-Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(key, purpose + ", radius")))
    result: Floats = radius * np.cos(2.0 * np.pi * uniform(key, purpose + ", angle"))
    return result


def log_normal(key: Keys, purpose: str, median: float | Floats, sigma: float) -> Floats:
    return median * np.exp(sigma * normal(key, purpose))


def exponential(key: Keys, purpose: str, mean: float) -> Floats:
    result: Floats = -mean * np.log1p(-uniform(key, purpose))
    return result


def geometric(key: Keys, purpose: str, again: float, most: int) -> Ints:
    """How often in a row something happens that happens again with probability ``again``: 0..most."""
    times = np.floor(np.log1p(-uniform(key, purpose)) / np.log(again))
    result: Ints = np.minimum(times, most).astype(np.int64)
    return result


def choice(key: Keys, purpose: str, weights: list[float] | Floats) -> Ints:
    """An index of ``weights`` for each key, in proportion to them."""
    return choice_by_group(key, purpose, np.asarray(weights, np.float64)[None, :], np.zeros(len(key), np.int64))


def choice_by_group(key: Keys, purpose: str, weights: Floats, group: Ints) -> Ints:
    """A column of ``weights`` (groups x columns) for each key, in proportion to the row of its group."""
    sums = np.cumsum(weights, axis=1)
    shares = sums / sums[:, -1:]
    ladder = (shares + np.arange(len(weights))[:, None]).ravel()
    column = np.searchsorted(ladder, uniform(key, purpose) + group, side="right") - group * weights.shape[1]
    # A column without weight is never chosen; the end of the ladder may be short of 1 by a rounding error.
    result: Ints = np.minimum(column, weights.shape[1] - 1)
    return result
