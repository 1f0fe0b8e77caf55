"""The text of a cell of an exported file as words, a day, a moment, an amount, a count or a page.

To accept one more way of writing, add it to the parser of one cell; the parsers of whole columns are short cuts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc


class CellError(ValueError):
    """A cell's text is not what its column holds. Neither ``problem`` nor ``remedy`` shows a person's data."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(problem)


def _no_short_cut(texts: pa.StringArray) -> pa.Array:
    raise pa.ArrowInvalid("read cell by cell")


@dataclass(frozen=True)
class Parser:
    """How a kind of cell is read. Texts are NFKC-normalised and trimmed; an empty one is null and stays so.

    ``cell`` decides: the value of one text, or CellError. ``column`` gives the same values for a whole column in
    its commonest way of writing, and raises ArrowInvalid or CellError for any other.
    """

    cell: Callable[[str], object]
    column: Callable[[pa.StringArray], pa.Array] = _no_short_cut


_EMAIL_ADDRESS = r"[^\s@/]+@[^\s@/]+\.[A-Za-z]{2,}"


def words(text: str) -> str:
    """The text as it is; never one with an e-mail address in it."""
    if re.search(_EMAIL_ADDRESS, text):
        raise CellError("holds an e-mail address, which is never loaded", "map a column that holds none")
    return text


def _words_column(texts: pa.StringArray) -> pa.StringArray:
    if pc.any(pc.match_substring_regex(texts, _EMAIL_ADDRESS)).as_py():
        raise pa.ArrowInvalid("e-mail address")
    return texts


WORDS = Parser(words, _words_column)

_DAY = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", re.ASCII)
_MOMENT = re.compile(
    _DAY.pattern
    + r"(?:(?:T| +)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?(?: ?(?:(Z)|([-+])(\d{2}):?(\d{2})))?)?",
    re.IGNORECASE | re.ASCII,
)
_DAY_REMEDY = "write days as 2025-04-01 or 2025/4/1, with a time as 2025-04-01 10:23 or 2025-04-01T10:23:45+09:00"


def day(zone: ZoneInfo, text: str) -> date:
    """The day in ``zone`` of a date or of a date with a time; a time without an offset is one in ``zone``."""
    written = _DAY.fullmatch(text)
    if written is None:
        return _instant(zone, text).astimezone(zone).date()
    try:
        return date(int(written[1]), int(written[3]), int(written[4]))
    except ValueError:
        raise CellError(f"{text} is not a day of the calendar", _DAY_REMEDY) from None


def moment(zone: ZoneInfo, text: str) -> datetime:
    """The moment in UTC (without tzinfo) of a date with a time; a date alone is its midnight in ``zone``."""
    return _instant(zone, text).replace(tzinfo=None)


@lru_cache(maxsize=1 << 16)  # a moment and its day are read from the same text
def _instant(zone: ZoneInfo, text: str) -> datetime:
    written = _MOMENT.fullmatch(text)
    if written is None:
        raise CellError(f"{_described(text)} is not a date or a date with a time", _DAY_REMEDY)
    year, _, month, day_of_month, hour, minute, second, fraction, utc, sign, hours, minutes = written.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        clock = UTC if utc else zone if sign is None else timezone(-offset if sign == "-" else offset)
        return datetime(
            int(year),
            int(month),
            int(day_of_month),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
            clock,
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(f"{_described(text)} is not a moment of the calendar and the clock", _DAY_REMEDY) from None


# From 2038 on, Arrow does not know daylight saving time.
_YEAR = r"(?:19[7-9]\d|20[0-2]\d|203[0-7])"
_PADDED = rf"^(?:{_YEAR}-\d\d-\d\d|{_YEAR}/\d\d/\d\d)(?:[ T]\d\d:\d\d(?::\d\d)?)?$"


def _clock_column(texts: pa.StringArray) -> pa.TimestampArray:
    if not pc.all(pc.match_substring_regex(texts, _PADDED), min_count=0).as_py():
        raise pa.ArrowInvalid("not padded with zeros, or with an offset")
    return pc.replace_substring(texts, "/", "-").cast(pa.timestamp("us"))


def _day_column(texts: pa.StringArray) -> pa.Date32Array:
    return _clock_column(texts).cast(pa.date32(), safe=False)


def _moment_column(zone: ZoneInfo, texts: pa.StringArray) -> pa.TimestampArray:
    """Raises for times that a change of the clock skips or repeats, too."""
    return pc.assume_timezone(_clock_column(texts), zone.key).cast(pa.timestamp("us"))


def day_in(zone: ZoneInfo) -> Parser:
    return Parser(partial(day, zone), _day_column)


def moment_in(zone: ZoneInfo) -> Parser:
    return Parser(partial(moment, zone), partial(_moment_column, zone))


_DIGITS = r"\d{1,3}(?:,\d{3})+|\d+"
# In CP932 the yen sign is the byte of the backslash.
_AMOUNT = re.compile(rf"(-?)[¥\\]? ?(-?)({_DIGITS})(\.\d+)? ?円?", re.ASCII)
_COUNT = re.compile(_DIGITS, re.ASCII)


def amount(text: str) -> Decimal:
    """An amount of money with at most two decimals: ``1234``, ``-1,234.50``, ``¥1,234``, ``1,234円``."""
    written = _AMOUNT.fullmatch(text)
    if written is None or (written[1] and written[2]):
        raise CellError(f"{_described(text)} is not an amount", "write digits alone, or as 1,234 or ¥1,234 or 1,234円")
    decimals = (written[4] or "").rstrip("0").rstrip(".")
    whole = written[3].replace(",", "").lstrip("0") or "0"
    if len(decimals) > 3 or len(whole) > 16:
        raise CellError(f"{_described(text)} does not fit", "at most 16 digits, and 2 after the point")
    return Decimal(f"{written[1]}{written[2]}{whole}{decimals}")


def _amount_column(texts: pa.StringArray) -> pa.Decimal128Array:
    if not pc.all(pc.match_substring_regex(texts, rf"^-?(?:{_DIGITS})(?:\.\d\d?)?$"), min_count=0).as_py():
        raise pa.ArrowInvalid("not digits alone")
    return pc.replace_substring(texts, ",", "").cast(pa.decimal128(18, 2))


AMOUNT = Parser(amount, _amount_column)


def count(text: str) -> int:
    """A whole number: ``1234`` or ``1,234``."""
    if not _COUNT.fullmatch(text) or len(text) > 18:
        raise CellError(f"{_described(text)} is not a whole number", "write digits alone, or as 1,234")
    return int(text.replace(",", ""))


COUNT = Parser(count)

_URL = re.compile(
    r"(?:(?:https?:)?//(?:[^/?#@]*@)?([\w.-]+)(?::\d*)?|([\w-]+(?:\.[\w-]+)*\.[a-z]{2,})(?=[/?#]|$)|(?=/))([^?#]*)"
    r"(?:[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)


def host(text: str) -> str | None:
    """The host of a URL in lower case, or None for a path alone."""
    return _page(text)[0]


def path(text: str) -> str:
    """The path of a URL, without the query and the fragment, which may hold a person's data.

    An e-mail address in it becomes ``(redacted)``, as GA4 writes it.
    """
    return _page(text)[1]


@lru_cache(maxsize=1 << 16)
def _page(text: str) -> tuple[str | None, str]:
    written = _URL.fullmatch(text)
    if written is None or not (written[3] or "/").startswith("/"):
        raise CellError(
            f"{_described(text, quote=False)} is not a page",
            "write its URL, as https://www.example.co.jp/articles/1, or its path, as /articles/1",
        )
    name = written[1] or written[2]
    return name.lower() if name else None, re.sub(_EMAIL_ADDRESS, "(redacted)", written[3] or "/")


def _page_column(cell: Callable[[str], str | None], texts: pa.StringArray) -> pa.StringArray:
    """Without its query, the same page comes up many times."""
    encoded = pc.replace_substring_regex(texts, r"(?s)[?#].*", "").dictionary_encode()
    return pa.array([cell(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


HOST = Parser(host, partial(_page_column, host))
PATH = Parser(path, partial(_page_column, path))


def _described(text: str, quote: bool = True) -> str:
    """The text itself when it is digits and marks alone, which name nobody; else only how long it is."""
    if quote and len(text) <= 40 and not any(character.isalpha() for character in text):
        return text
    return f"a text of {len(text)} characters"
