"""Numbers, differences and periods as a person reads them, in the reader's language.

On a tile two or three digits are enough (3.95万, 39.5K); a table has the number whole. Rates have one decimal, and
their differences are points. A minus is a minus in both languages: ▲, which Japanese accounts use for it, is the sign
of a warning on the board.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from math import floor, log10
from zoneinfo import ZoneInfo

from babel import dates, numbers

from connectors.text import Locale, Text

NONE = "–"
"""What stands where there is no number."""
UNITS = {
    "count": Text("", ""),
    "currency": Text("", ""),
    "ratio": Text("%", "%"),
    "seconds": Text("秒", " s"),
    "rank": Text("位", ""),
}
POINTS = Text("ポイント", " points")
QUARTER = Text("{year}年度 第{number}四半期（{first}〜{last}月）", "FY{year} Q{number} ({first}–{last})")
CALENDAR_QUARTER = Text("{year}年 第{number}四半期（{first}〜{last}月）", "{year} Q{number} ({first}–{last})")
WEEK = Text("{start}〜{end}の週", "week of {start}–{end}")


@dataclass(frozen=True)
class Formats:
    """How one reader reads: the language, the company's currency, time zone and fiscal year (its first month)."""

    locale: Locale
    currency: str
    timezone: str
    fiscal_year_start: int

    def short(self, value: float | None, unit: str) -> str:
        """A number for a tile: three digits, and 万 or K for what is large."""
        if value is None:
            return NONE
        if unit not in ("count", "currency") or abs(value) < 10_000:
            return self.exact(value, unit)
        step = 4 if self.locale == "ja" else 3
        digits = max(0, 2 - floor(log10(abs(value))) % step)
        if unit == "currency":
            return numbers.format_compact_currency(value, self.currency, locale=self.locale, fraction_digits=digits)
        return numbers.format_compact_decimal(value, locale=self.locale, fraction_digits=digits)

    def exact(self, value: float | None, unit: str) -> str:
        """The number whole: counts and money without decimals, rates and means with one, rates below 2 % with two."""
        if value is None:
            return NONE
        if unit == "ratio":
            return self._decimal(value * 100, 1 if abs(value) >= 0.02 or value == 0 else 2) + "%"
        if unit == "currency":
            return ("-" if value < 0 else "") + _symbol(self.currency, self.locale) + self._decimal(abs(value), 0)
        if unit == "count":
            return self._decimal(value, 0 if float(value).is_integer() or abs(value) >= 100 else 1)
        return self._decimal(value, 1) + UNITS[unit].of(self.locale)

    def interval(self, low: float | None, high: float | None, unit: str) -> str:
        """From the one to the other."""
        if low is None or high is None:
            return NONE
        return f"{self.short(low, unit)}–{self.short(high, unit)}"

    def change(self, value: float | None, before: float | None, unit: str) -> str:
        """By how much a number differs from an earlier one: in per cent, of rates in points, of ranks in places."""
        if value is None or before is None:
            return NONE
        if unit == "ratio":
            return self._signed((value - before) * 100) + POINTS.of(self.locale)
        if unit == "rank":
            return self._signed(value - before)
        if before == 0:
            return NONE
        return self._signed((value / before - 1) * 100) + "%"

    def share(self, value: float | None) -> str:
        """A share in whole per cent."""
        return NONE if value is None else f"{value * 100:.0f}%"

    def chance(self, value: float | None) -> str:
        """A chance in whole per cent, never 0 or 100: a forecast is not that sure."""
        if value is None:
            return NONE
        if value < 0.015:
            return Text("1%以下", "at most 1%").of(self.locale)
        if value > 0.985:
            return Text("99%以上", "at least 99%").of(self.locale)
        return f"{value * 100:.0f}%"

    def day(self, day: date | None) -> str:
        """A day with its year: 2026年11月26日, Nov 26, 2026."""
        return NONE if day is None else str(dates.format_skeleton("yMMMd", day, locale=self.locale))

    def short_day(self, day: date | None) -> str:
        """A day of the year: 11/26, Nov 26."""
        if day is None:
            return NONE
        return f"{day.month}/{day.day}" if self.locale == "ja" else str(dates.format_skeleton("MMMd", day, locale="en"))

    def moment(self, at: datetime | None) -> str:
        """A moment (UTC) on the company's clock."""
        if at is None:
            return NONE
        aware = at if at.tzinfo else at.replace(tzinfo=ZoneInfo("UTC"))
        return f"{self.day(aware.astimezone(ZoneInfo(self.timezone)).date())} " + aware.astimezone(
            ZoneInfo(self.timezone)
        ).strftime("%H:%M")

    def period(self, grain: str, start: date) -> str:
        """A week, month or fiscal quarter by its first day."""
        if grain == "week":
            end = start + timedelta(days=6)
            return WEEK.of(self.locale).format(start=self.short_day(start), end=self.short_day(end))
        if grain == "month":
            if self.locale == "ja":
                return f"{start.year}年{start.month}月"
            return str(dates.format_skeleton("yMMM", start, locale="en"))
        months = (start.month - self.fiscal_year_start) % 12
        year = start.year if start.month >= self.fiscal_year_start else start.year - 1
        last = (start.month + 1) % 12 + 1
        form = CALENDAR_QUARTER if self.fiscal_year_start == 1 else QUARTER
        return form.of(self.locale).format(
            year=year, number=months // 3 + 1, first=self._month(start.month), last=self._month(last)
        )

    def short_period(self, grain: str, start: date) -> str:
        """A period for a table's head or an axis: 11/23, 2026/11, 26Q3."""
        if grain == "week":
            return self.short_day(start)
        if grain == "month":
            return f"{start.year}/{start.month:02d}"
        months = (start.month - self.fiscal_year_start) % 12
        year = start.year if start.month >= self.fiscal_year_start else start.year - 1
        return f"{year}Q{months // 3 + 1}"

    def _month(self, month: int) -> str:
        return str(month) if self.locale == "ja" else dates.get_month_names("abbreviated", locale="en")[month]

    def _decimal(self, value: float, digits: int) -> str:
        """Both languages write a plain number alike; Python is ten times as quick at it as Babel."""
        return f"{value:,.{digits}f}"

    def _signed(self, value: float) -> str:
        shown = self._decimal(abs(value), 1)
        if shown == "0.0":
            return "±0.0"
        return ("+" if value > 0 else "−") + shown


@cache
def _symbol(currency: str, locale: Locale) -> str:
    return numbers.get_currency_symbol(currency, locale=locale)


def of_text(row: Mapping[str, object], name: str, locale: Locale) -> str:
    """The column ``name_ja`` or ``name_en`` of a row."""
    return str(row[f"{name}_{locale}"] or "")
