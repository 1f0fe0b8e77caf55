"""The text of a cell of an exported file as a day or a moment; its parsers are built as in :mod:`connectors.cells`."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors.cells import CellError, DayOrder, Parser, Undecided, Written, shown

_DAY = re.compile(
    r"(?P<year>\d{4})(?:(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)|年 ?(?P<month_ja>\d{1,2})月 ?)"
    r"(?P<day>\d{1,2})(?(month_ja)日)",
    re.ASCII,
)
_ERA_DAY = re.compile(
    r"(?P<era>令和|平成|昭和|大正|[RHST]) ?(?P<year>元|\d{1,2})"
    r"(?:(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)|年 ?(?P<month_ja>\d{1,2})月 ?)(?P<day>\d{1,2})(?(month_ja)日)",
    re.ASCII | re.IGNORECASE,
)
_EITHER_ORDER = re.compile(r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})", re.ASCII)
_SERIAL = re.compile(r"\d{1,7}(?:\.\d+)?", re.ASCII)
_CLOCK = re.compile(
    r"(?:T| +)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?(?: ?(?:(Z)|([-+])(\d{2}):?(\d{2})))?",
    re.IGNORECASE | re.ASCII,
)
_CLOCK_12 = re.compile(r",? +(0?[1-9]|1[0-2])(:\d{2}(?::\d{2})?) ?([AP])M", re.ASCII | re.IGNORECASE)
_CLOCK_JA = re.compile(r" +(\d{1,2})時 ?(\d{1,2})分(?: ?(\d{1,2})秒)?", re.ASCII)

_ERAS = {
    "令和": (date(2019, 5, 1), date.max),
    "平成": (date(1989, 1, 8), date(2019, 4, 30)),
    "昭和": (date(1926, 12, 25), date(1989, 1, 7)),
    "大正": (date(1912, 7, 30), date(1926, 12, 24)),
}
"""The first and the last day of each era. A day on which the era changed is counted to the new one."""
_ERA_LETTERS = {"R": "令和", "H": "平成", "S": "昭和", "T": "大正"}

_LAST_SERIAL = 2_958_465
"""Excel's number of 9999-12-31."""

_DAY_REMEDY = (
    "write days as 2025-04-01, 2025/4/1, 2025年4月1日 or 令和7年4月1日, with a time as 2025-04-01 10:23 or "
    "2025-04-01T10:23:45+09:00; a year has four digits, and a column of Excel's day numbers holds nothing else"
)


def day(zone: ZoneInfo, text: str, written: Written | None = None) -> date:
    """The day in ``zone`` of a date or of a date with a time; a time without an offset is one in ``zone``.

    Raises Undecided without ``written`` for a text whose reading depends on the rest of the file.
    """
    on, clock = _day_and_clock(text, written)
    return _instant(zone, text, written).astimezone(zone).date() if clock else on


def moment(zone: ZoneInfo, text: str, written: Written | None = None) -> datetime:
    """The moment in UTC (without tzinfo) of a date with a time; a date alone is its midnight in ``zone``."""
    return _instant(zone, text, written).replace(tzinfo=None)


@lru_cache(maxsize=1 << 16)  # a moment and its day are read from the same text
def _instant(zone: ZoneInfo, text: str, written: Written | None) -> datetime:
    on, clock = _day_and_clock(text, written)
    parts = _CLOCK.fullmatch(clock or " 0:00")
    if parts is None:
        raise _no_date(text)
    hour, minute, second, fraction, utc, sign, hours, minutes = parts.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        of_day = time(int(hour), int(minute), int(second or 0), int((fraction or "").ljust(6, "0")))
        clock_zone = UTC if utc else zone if sign is None else timezone(-offset if sign == "-" else offset)
        return datetime.combine(on, of_day, clock_zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(f"{shown(text)} is not a moment of the calendar and the clock", _DAY_REMEDY) from None


@lru_cache(maxsize=1 << 16)
def _day_and_clock(text: str, written: Written | None) -> tuple[date, str]:
    """The day as it is written, and what stands behind it as ``_CLOCK`` reads it."""
    if _SERIAL.fullmatch(text):
        return _serial_day_and_clock(text, written)
    found = _DAY.match(text) or _ERA_DAY.match(text) or _EITHER_ORDER.match(text)
    if found is None:
        raise _no_date(text)
    part = found.groupdict()
    clock = text[found.end() :]
    if part.get("month_ja"):
        clock = f" {clock.lstrip()}" if clock else ""
    if in_words := _CLOCK_JA.fullmatch(clock):
        clock = " " + ":".join(digits.zfill(2) for digits in in_words.groups("0"))
    elif of_half_day := _CLOCK_12.fullmatch(clock):
        hour, rest, half = of_half_day.groups()
        clock = f" {int(hour) % 12 + (12 if half in 'Pp' else 0):02}{rest}"
    try:
        if "first" in part:
            month, day_of_month = _month_and_day(text, part["first"], part["second"], written)
            return date(int(part["year"]), month, day_of_month), clock
        month, day_of_month = int(part["month"] or part["month_ja"]), int(part["day"])
        if "era" in part:
            return _era_day(part["era"], part["year"], month, day_of_month), clock
        return date(int(part["year"]), month, day_of_month), clock
    except CellError:
        raise
    except ValueError:
        raise CellError(f"{shown(text)} is not a day of the calendar", _DAY_REMEDY) from None


def _era_day(era: str, year: str, month: int, day_of_month: int) -> date:
    """Raises ValueError for a day that is not in the era."""
    first, last = _ERAS[_ERA_LETTERS.get(era.upper(), era)]
    on = date(first.year - 1 + (1 if year == "元" else int(year)), month, day_of_month)
    if not first <= on <= last:
        raise ValueError(f"{era} is from {first} to {last}")
    return on


def _month_and_day(text: str, first: str, second: str, written: Written | None) -> tuple[int, int]:
    if written is None:
        raise Undecided(f"{shown(text)} may begin with its month or its day", _DAY_REMEDY)
    if written.day_order is None:
        raise CellError(
            f"{shown(text)} may begin with its month or its day, and no date of the file tells which",
            "write `day_order: mdy` (month first) or `day_order: dmy` (day first) below the file in company.yml",
        )
    return (int(first), int(second)) if written.day_order == "mdy" else (int(second), int(first))


def day_order_shown(text: str) -> DayOrder | None:
    """What a date says of the order in its file: 13/4/2025 that days come first, 4/13/2025 that months do."""
    found = _EITHER_ORDER.match(text)
    if found is None:
        return None
    if int(found["first"]) > 12:
        return "dmy"
    return "mdy" if int(found["second"]) > 12 else None


def is_serial(text: str) -> bool:
    """Whether the text is one of Excel's day numbers, with or without a time of the day."""
    return bool(_SERIAL.fullmatch(text)) and 1 <= int(text.partition(".")[0]) <= _LAST_SERIAL


def _serial_day_and_clock(text: str, written: Written | None) -> tuple[date, str]:
    if not is_serial(text):
        raise _no_date(text)
    if written is None:
        raise Undecided(f"{text} may be a day number of Excel", _DAY_REMEDY)
    if not written.serials:
        raise _no_date(text)
    try:
        at = excel_moment(Decimal(text))
    except (ValueError, OverflowError):
        raise CellError(f"{text} is not a day of Excel's calendar", _DAY_REMEDY) from None
    return at.date(), f" {at.time().isoformat()}" if "." in text else ""


def excel_moment(serial: Decimal) -> datetime:
    """The wall time of a number of Excel's 1900 date system, to the millisecond; ValueError for 60.

    There 1 is 1900-01-01 and 60 is 1900-02-29, a day that never was, so that all later numbers are one too high:
    https://learn.microsoft.com/troubleshoot/microsoft-365-apps/excel/wrongly-assumes-1900-is-leap-year
    """
    days = int(serial)
    if days == 60:
        raise ValueError("1900-02-29 is not a day")
    milliseconds = int(((serial - days) * 86_400_000).to_integral_value())
    return datetime(1899, 12, 31 if days < 60 else 30) + timedelta(days=days, milliseconds=milliseconds)


def _no_date(text: str) -> CellError:
    return CellError(f"{shown(text)} is not a date or a date with a time", _DAY_REMEDY)


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


def day_in(zone: ZoneInfo, written: Written | None = None) -> Parser:
    return Parser(partial(day, zone, written=written), _day_column)


def moment_in(zone: ZoneInfo, written: Written | None = None) -> Parser:
    return Parser(partial(moment, zone, written=written), partial(_moment_column, zone))
