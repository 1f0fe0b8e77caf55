"""Personal data: what counts as such in a text, and what an e-mail address becomes before anything lands.

Names, phone numbers and free text are never asked for. What a source puts where it does not belong (an address in a
URL, in a search query) is cut out here.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from unicodedata import normalize

EMAIL_ADDRESS = r"[^\s@＠/?&=#]+(?:@|＠|%40)[^\s@＠/?&=#]+\.[A-Za-z]{2,}"
"""In the syntax of RE2 too, for Arrow: what does not match holds neither, what matches may."""
PHONE_NUMBER = r"(?:\+81|\(?0)(?:[-‐‑–—−ー ()]{0,2}\d){9,10}"
REDACTED = "(redacted)"

_PERSONAL = re.compile(rf"{EMAIL_ADDRESS}|(?<!\d){PHONE_NUMBER}(?!\d)")


def redacted(text: str) -> str:
    """The text with every e-mail address and phone number in it replaced, as GA4 itself replaces addresses."""
    return _PERSONAL.sub(_unless_a_number, text)


def _unless_a_number(found: re.Match[str]) -> str:
    """Ten digits in one piece are a phone number only where they begin as those of mobile phones do."""
    text = found[0]
    is_number = text.isdecimal() and not re.match("0[5789]0", text)
    return text if is_number else REDACTED


def is_personal(text: str) -> bool:
    """Whether there is an e-mail address or a phone number in the text."""
    return redacted(text) != text


class Pseudonyms:
    """What a person is called here: HMAC-SHA-256 under the company's own key, in hexadecimal.

    Without the key nobody can find the pseudonym of an address they know; with it, the same address gives the same
    pseudonym in every source.
    """

    def __init__(self, key: bytes, forgotten: frozenset[str] = frozenset()) -> None:
        """``forgotten`` holds the tombstones of those who must not be loaded again."""
        self._forgotten = forgotten
        block = key.ljust(64, b"\0") if len(key) <= 64 else sha256(key).digest().ljust(64, b"\0")
        self._inner, self._outer = (sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def person(self, email: str) -> str:
        """The pseudonym of an e-mail address, whatever its width, case and the spaces around it."""
        return self.of(normalize("NFKC", email).strip().lower())

    def of(self, identifier: str) -> str:
        """The pseudonym of any other identifier, such as GA4's client id, as it is written."""
        return next(self.each([identifier]))

    def each(self, identifiers: Iterable[str]) -> Iterator[str]:
        """The pseudonym of each: RFC 2104 with the key's two blocks hashed once, twice as fast as hmac.digest."""
        begun, ended = self._inner.copy, self._outer.copy
        for identifier in identifiers:
            inner, outer = begun(), ended()
            inner.update(identifier.encode())
            outer.update(inner.digest())
            yield outer.hexdigest()

    def tombstone(self, column: str, value: str) -> str:
        """What remains of someone forgotten: from it, neither the value nor the person can be found."""
        return self.of(f"forgotten {column} {value}")

    @property
    def has_forgotten(self) -> bool:
        return bool(self._forgotten)

    def is_forgotten(self, column: str, value: str) -> bool:
        """Whether the value of person_id, contact_id or client_id is that of someone forgotten."""
        return bool(self._forgotten) and self.tombstone(column, value) in self._forgotten


def company_domain(email: str) -> str | None:
    """The domain of an address that belongs to a company; None for one of a free mail or access provider."""
    name, _, domain = normalize("NFKC", email).strip().lower().rpartition("@")
    return None if not name or domain in free_mail_domains() else domain


@cache
def free_mail_domains() -> frozenset[str]:
    """Domains whose addresses belong to people, not to their company: free mail, carriers and access providers."""
    lines = files("connectors").joinpath("free_mail_domains.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
