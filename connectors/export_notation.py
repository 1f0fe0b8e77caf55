"""How a file writes its dates and its shares, where the text of one cell does not say it."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

import pyarrow.compute as pc

from connectors import cell_dates, cells
from connectors.errors import SourceError
from connectors.export_file import File, encoded
from connectors.export_tables import DAY, KINDS, MOMENT, RATE, READ_FROM


def written(file: File) -> Mapping[str, cells.Written]:
    """How each column of dates and of shares is written, from all rows of the file; only for a file that needs it.

    Batches that were read before hold no date of either order, no number and no share without a sign, so that they
    stay right. Memory holds one block. Raises SourceError for a file with the day first in one row and the month
    first in another.
    """
    types = {READ_FROM.get(field.name, field.name): field.type for field in KINDS[file.kind].schema}
    places = {name: place for name, place in file.positions.items() if types.get(name) in (DAY, MOMENT, RATE)}
    orders: dict[cells.DayOrder, str] = {}
    serials, others = set(), set()
    shares: dict[str, Counter[str]] = {name: Counter() for name in places}
    for rows in file.tabular.rows(sorted(set(places.values()))):
        for column, place in places.items():
            found = encoded(rows.texts[place], file)
            counts = {count["values"]: count["counts"] for count in found.indices.value_counts().to_pylist()}
            for code, text in enumerate(found.dictionary.to_pylist()):
                if text is not None and types[column] == RATE:
                    shares[column][cells.rate_shown(text) or "nothing"] += counts[code]
                    continue
                digits, order = _shown(text or "")
                if digits == 5:
                    serials.add(column)
                if digits in (0, 6):
                    others.add(column)
                if order and order not in orders:
                    orders[order] = file.place(rows.lines[pc.index(found.indices, code).as_py()].as_py(), column)
    if len(orders) > 1:
        raise SourceError(
            file.name,
            f"has a date with its month first in {orders['mdy']} and one with its day first in {orders['dmy']}",
            "export all dates in one order, or as 2025-04-01",
        )
    order = next(iter(orders), file.settings.day_order)
    return {
        column: cells.Written(
            order,
            serials=column in serials - others,
            percents=shares[column]["above_one"] > shares[column]["share"] and not shares[column]["percent"],
        )
        for column in places
    }


@lru_cache(maxsize=1 << 16)
def _shown(text: str) -> tuple[int | None, cells.DayOrder | None]:
    """What a cell of dates shows: the digits of a day number of Excel (0: it is none, None: it is empty), and the
    order of day and month. From 1927 to 2173 a day number has five digits; one of four may be a year instead, and
    one of six a month (202504) or a day (250401).
    """
    if not text:
        return None, None
    return len(text.partition(".")[0]) if cell_dates.is_serial(text) else 0, cell_dates.day_order_shown(text)
