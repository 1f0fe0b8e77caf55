"""Who may see a board that is not on loopback: whoever knows the one password.

A session is a signed cookie that the server also remembers, so that signing out ends it everywhere. Keys and sessions
live as long as the process; a restart signs everybody out.
"""

import re
import secrets
import time
from collections import deque
from hashlib import sha256
from hmac import compare_digest

from itsdangerous import BadSignature, TimestampSigner

HOURS = 12
TRIES, TRIES_IN_ALL, WINDOW_SECONDS = 10, 30, 60.0
"""So many wrong passwords from one address, and from all of them, in so many seconds; then none is looked at."""
MIN_LENGTH = 12
_NONCE = re.compile(r"[\w-]{32}", re.ASCII)


class TooManyTries(Exception):
    """The password was not looked at: there were too many wrong ones."""


class Login:
    """The password, of which only a digest is kept, and who has given it."""

    def __init__(self, password: str, signer: TimestampSigner | None = None) -> None:
        self._digest = _digest(password)
        self._signer = signer or TimestampSigner(secrets.token_bytes(32))
        self._sessions: set[str] = set()
        self._wrong: deque[tuple[float, str]] = deque()

    def is_right(self, password: str, address: str) -> bool:
        """Compared in constant time, whatever its length. Raises TooManyTries."""
        now = time.monotonic()
        while self._wrong and now - self._wrong[0][0] > WINDOW_SECONDS:
            self._wrong.popleft()
        if len(self._wrong) >= TRIES_IN_ALL or sum(one == address for _, one in self._wrong) >= TRIES:
            raise TooManyTries
        if compare_digest(_digest(password), self._digest):
            return True
        self._wrong.append((now, address))
        return False

    def begin(self) -> str:
        """A new session's cookie."""
        self._sessions = {cookie for cookie in self._sessions if self._signed(cookie)}
        cookie = self._signer.sign(secrets.token_urlsafe(24)).decode()
        self._sessions.add(cookie)
        return cookie

    def is_open(self, cookie: str | None) -> bool:
        """Whether a cookie is of a session that was neither signed out nor is too old."""
        return cookie is not None and cookie in self._sessions and self._signed(cookie) is not None

    def end(self, cookie: str | None) -> None:
        self._sessions.discard(cookie or "")

    def nonce(self, cookie: str | None) -> str:
        """What ties a form to one browser: the browser's cookie, or a new one where that is none of ours."""
        return cookie if cookie and _NONCE.fullmatch(cookie) else secrets.token_urlsafe(24)

    def token(self, nonce: str) -> str:
        """What a form carries, so that it can only have come from a page of ours."""
        return self._signer.sign(f"form-{nonce}").decode()

    def is_ours(self, token: str, nonce: str | None) -> bool:
        return nonce is not None and self._signed(token) == f"form-{nonce}".encode()

    def _signed(self, text: str) -> bytes | None:
        """What was signed, or None where it was not by us or is too old."""
        try:
            return self._signer.unsign(text, max_age=HOURS * 3600)
        except BadSignature:
            return None


def _digest(password: str) -> bytes:
    return sha256(password.encode(errors="surrogateescape")).digest()
