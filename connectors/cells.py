"""The text of a cell of an exported file as words, an amount, a share, a page, a pseudonym ...

To accept one more way of writing, add it to the parser of one cell; the parsers of whole columns are short cuts.
Days and moments are read in :mod:`connectors.cell_dates`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Literal
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

from connectors.personal import (
    EMAIL_ADDRESS,
    PHONE_NUMBER,
    Pseudonyms,
    company_domain,
    free_mail_domains,
    is_personal,
    redacted,
)


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


def plain(text: str) -> str:
    """The text in its usual width and without spaces around it."""
    return normalize("NFKC", text).strip()


_BRACKET_KINDS = str.maketrans({**dict.fromkeys("[{〔【〈《「『", "("), **dict.fromkeys("]}〕】〉》」』", ")")})


def header(text: str) -> str:
    """A header as it is compared: width, case, kind of bracket, spaces around it and their number do not matter."""
    plain = normalize("NFKC", normalize("NFKC", text.replace("\ufeff", "")).casefold()).translate(_BRACKET_KINDS)
    return " ".join(plain.split())


def words(text: str) -> str:
    """The text as it is; never one with an e-mail address or a phone number in it, nor a whole letter."""
    _short(text, 1000)
    if is_personal(text):
        raise CellError(f"holds {shown(text)}, which is never loaded", "map a column that holds none")
    return text


def _words_column(texts: pa.StringArray) -> pa.StringArray:
    if pc.any(pc.match_substring_regex(texts, PHONE_NUMBER)).as_py():
        raise pa.ArrowInvalid("perhaps a phone number")
    return _without_addresses(texts)


def _without_addresses(texts: pa.StringArray) -> pa.StringArray:
    if pc.any(pc.match_substring(texts, "@")).as_py() or pc.any(pc.match_substring(texts, "%40")).as_py():
        raise pa.ArrowInvalid("perhaps an e-mail address")
    return texts


WORDS = Parser(words, _words_column)


def identifier(text: str) -> str:
    """The text as it is; never one with an e-mail address in it. An id may look like a phone number."""
    _short(text, 1000)
    if re.search(EMAIL_ADDRESS, text):
        raise CellError("holds an e-mail address, which is never loaded", "map a column that holds none")
    return text


def _short(text: str, most: int) -> None:
    if len(text) > most:
        raise CellError(f"is a text of {len(text)} characters", f"map a column of at most {most} characters")


def identifiers(text: str, one: Callable[[str], str] = identifier) -> str:
    """Several ids, written ``1;2`` or ``1, 2``, as ``1;2``."""
    return ";".join(one(part) for part in re.split(r"\s*[;,、]\s*", text) if part)


def first_of(parser: Parser) -> Parser:
    """The first of several ids, written ``1;2``."""

    def column(texts: pa.StringArray) -> pa.Array:
        if pc.any(pc.match_substring(texts, ";")).as_py():
            raise pa.ArrowInvalid("perhaps several ids")
        return parser.column(texts)

    return Parser(lambda text: parser.cell(next(filter(None, re.split(r"\s*;\s*", text)), text)), column)


IDENTIFIER = Parser(identifier, _without_addresses)
IDENTIFIERS = Parser(identifiers)


def salesforce_id(text: str) -> str:
    """An id of Salesforce in its form of 18 characters; any other text is an id as it is.

    The 15 characters are told apart by their case alone. The three behind them say which of each five are upper case:
    https://help.salesforce.com/s/articleView?id=000383751
    """
    text = identifier(text)
    if not re.fullmatch(r"[0-9A-Za-z]{15}", text):
        return text
    cases = [sum(1 << place for place in range(5) if text[start + place].isupper()) for start in (0, 5, 10)]
    return text + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[case] for case in cases)


SALESFORCE_ID = Parser(salesforce_id)
SALESFORCE_IDS = Parser(partial(identifiers, one=salesforce_id))


_ADDRESS = r"^[^\s@]+@[^\s@]+$"


def address(text: str) -> str:
    """The text, when it is an e-mail address and nothing else; a message never shows it."""
    if not re.fullmatch(_ADDRESS, text):
        raise CellError("is not an e-mail address", "map a column of e-mail addresses, one in a cell")
    return text


def person_in(pseudonyms: Pseudonyms) -> Parser:
    """E-mail addresses as pseudonyms of persons."""

    def column(texts: pa.StringArray) -> pa.StringArray:
        is_null = texts.is_null()
        found = pa.array(pseudonyms.each(_addresses(texts).drop_null().to_pylist()), pa.string())
        return pc.replace_with_mask(texts, pc.invert(is_null), found)

    return Parser(lambda text: pseudonyms.person(address(text)), column)


def client_in(pseudonyms: Pseudonyms) -> Parser:
    """Client ids of GA4 as pseudonyms."""
    return Parser(pseudonyms.of)


def _domain_column(texts: pa.StringArray) -> pa.StringArray:
    domains = pc.replace_substring_regex(_addresses(texts), "^.*@", "")
    is_free = pc.is_in(domains, pa.array(sorted(free_mail_domains())))
    return pc.if_else(is_free, pa.scalar(None, pa.string()), domains)


def _addresses(texts: pa.StringArray) -> pa.StringArray:
    """In lower case; raises ArrowInvalid for other texts and for what is no ASCII, where lower case has its rules."""
    if not pc.all(pc.match_substring_regex(texts, _ADDRESS), min_count=0).as_py():
        raise pa.ArrowInvalid("not addresses alone")
    if not pc.all(pc.string_is_ascii(texts), min_count=0).as_py():
        raise pa.ArrowInvalid("not ASCII")
    return pc.ascii_lower(texts)


DOMAIN = Parser(lambda text: company_domain(address(text)), _domain_column)

DayOrder = Literal["mdy", "dmy"]


@dataclass(frozen=True)
class Written:
    """What the text of one date alone does not say, decided for a whole file and for a whole column of it.

    ``day_order`` is how the file writes 4/5/2025, or None when nothing says it; ``serials`` whether the column
    holds Excel's day numbers and nothing else; ``percents`` whether 35 in it is 35 %.
    """

    day_order: DayOrder | None = None
    serials: bool = False
    percents: bool = False


class Undecided(CellError):
    """A cell that cannot be read before the whole file is known: it needs a Written."""


_DIGITS = r"\d{1,3}(?:,\d{3})+|\d+"
# In CP932 the yen sign is the byte of the backslash. Japanese books write a loss as ▲ or △, others in brackets.
_YEN, _MINUS = r"[¥\\]? ?", r"(?:([-−▲△]) ?)?"
_AMOUNT = re.compile(rf"{_MINUS}{_YEN}{_MINUS}({_DIGITS})(\.\d+)? ?円?", re.ASCII)
_BRACKETS = re.compile(rf"({_YEN})\(([^()]+)\)( ?円?)")
_COUNT = re.compile(_DIGITS, re.ASCII)


def amount(text: str) -> Decimal:
    """An amount of money with at most two decimals: ``1234``, ``-1,234.50``, ``¥1,234``, ``1,234円``, ``▲1,234``."""
    in_brackets = _BRACKETS.fullmatch(text)
    written = _AMOUNT.fullmatch("".join(in_brackets.groups()) if in_brackets else text)
    if written is None or [written[1], written[2], in_brackets].count(None) < 2:
        raise CellError(
            f"{shown(text)} is not an amount",
            "write digits alone, or as 1,234 or ¥1,234 or 1,234円, below zero as -1,234, ▲1,234 or (1,234)",
        )
    sign = "" if (written[1] or written[2] or in_brackets) is None else "-"
    decimals = (written[4] or "").rstrip("0").rstrip(".")
    whole = written[3].replace(",", "").lstrip("0") or "0"
    if len(decimals) > 3 or len(whole) > 16:
        raise CellError(f"{shown(text)} does not fit", "at most 16 digits, and 2 after the point")
    return Decimal(f"{sign}{whole}{decimals}")


def _amount_column(texts: pa.StringArray) -> pa.Decimal128Array:
    if not pc.all(pc.match_substring_regex(texts, rf"^-?(?:{_DIGITS})(?:\.\d\d?)?$"), min_count=0).as_py():
        raise pa.ArrowInvalid("not digits alone")
    return pc.replace_substring(texts, ",", "").cast(pa.decimal128(18, 2))


AMOUNT = Parser(amount, _amount_column)


def count(text: str) -> int:
    """A whole number: ``1234`` or ``1,234``."""
    digits = text.replace(",", "")
    if not _COUNT.fullmatch(text) or len(digits) > 18:
        raise CellError(f"{shown(text)} is not a whole number", "write digits alone, or as 1,234")
    return int(digits)


COUNT = Parser(count)

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,15})?|\.\d{1,15}) ?(%)?", re.ASCII)
_RATE_REMEDY = "write a share as 35 %, 35.4% or 0.354, or every one of the column as 35"


def rate(text: str, written: Written | None = None) -> float:
    """A share between 0 and 1: ``35%``, ``35.4 %``, ``0.354``, or ``35`` in a column of such numbers."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise CellError(f"{shown(text)} is not a share", _RATE_REMEDY)
    value = Decimal(found[1])
    if value and not found[2] and written is None:
        raise Undecided(f"{text} may be a share or a percentage", _RATE_REMEDY)
    if found[2] or (written and written.percents):
        value /= 100
    if value > 1:
        raise CellError(f"{shown(text)} is more than all", _RATE_REMEDY)
    return float(value)


def rate_shown(text: str) -> Literal["percent", "above_one", "share"] | None:
    """What a cell says of how its column writes shares; None where it says nothing."""
    found = _RATE.fullmatch(text)
    if found is None or not Decimal(found[1]):
        return None
    if found[2]:
        return "percent"
    return "above_one" if Decimal(found[1]) > 1 else "share"


def rate_in(written: Written | None = None) -> Parser:
    return Parser(partial(rate, written=written))


_TRUE = {"true", "t", "yes", "y", "on", "1", "はい", "有効", "有", "あり", "済", "済み", "真",
         "✓", "✔", "☑", "✅", "○", "◯", "〇", "●", "レ"}  # fmt: skip
_FALSE = {"false", "f", "no", "n", "off", "0", "いいえ", "無効", "無", "なし", "未", "偽",
          "×", "✗", "✘", "✕", "☐", "□", "-", "—", "ー"}  # fmt: skip


def boolean(text: str) -> bool:
    """``TRUE``, ``1``, ``はい``, ``yes``, ``✓``, ``○``, ``有効`` ... or their opposites."""
    folded = text.casefold()
    if folded not in _TRUE and folded not in _FALSE:
        raise CellError(f"{shown(text)} is neither yes nor no", "write TRUE or FALSE, 1 or 0, はい or いいえ")
    return folded in _TRUE


BOOLEAN = Parser(boolean)

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
    _short(text, 4000)
    written = _URL.fullmatch(text)
    if written is None or not (written[3] or "/").startswith("/"):
        raise CellError(
            f"{shown(text, quote=False)} is not a page",
            "write its URL, as https://www.example.co.jp/articles/1, or its path, as /articles/1",
        )
    name = written[1] or written[2]
    return name.lower() if name else None, redacted(written[3] or "/")


def _page_column(cell: Callable[[str], str | None], texts: pa.StringArray) -> pa.StringArray:
    """Without its query, the same page comes up many times."""
    encoded = pc.replace_substring_regex(texts, r"(?s)[?#].*", "").dictionary_encode()
    return pa.array([cell(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


HOST = Parser(host, partial(_page_column, host))
PATH = Parser(path, partial(_page_column, path))


def described(text: str | None) -> str:
    """What kind of text it is. The text itself is shown only when it is digits and marks, which name nobody."""
    if not text:
        return "empty"
    if len(text) <= 1000 and is_personal(text):
        return shown(text)
    if not _names_nobody(text):
        return f"a text of {len(text)} characters"
    if _COUNT.fullmatch(text) or _AMOUNT.fullmatch(text):
        return f"a number, {text}"
    return f"a date, {text}" if _DATE_LIKE.match(text) else f"digits and marks, {text}"


_DATE_LIKE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b", re.ASCII)


def shown(text: str, quote: bool = True) -> str:
    """The text itself when it is digits and marks alone, which name nobody; else only how long it is."""
    if len(text) > 1000:
        return f"a text of {len(text)} characters"
    if re.search(EMAIL_ADDRESS, text):
        return "an e-mail address"
    if is_personal(text):
        return "a phone number"
    return text if quote and _names_nobody(text) else f"a text of {len(text)} characters"


def _names_nobody(text: str) -> bool:
    return len(text) <= 40 and text.isprintable() and not any(character.isalpha() for character in text)
