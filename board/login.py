"""Who may see a board that is not on loopback: whoever knows the one password.

A session is a signed cookie that the server also remembers, so that signing out ends it everywhere. Keys and sessions
live as long as the process; a restart signs everybody out.
"""

import secrets
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from itsdangerous import BadSignature, TimestampSigner

HOURS = 12
TRIES, WINDOW_SECONDS = 10, 60.0
"""At most so many passwords are looked at from one address in so many seconds."""
MIN_LENGTH = 12


@dataclass
class Login:
    """The password and who has given it."""

    password: str
    _signer: TimestampSigner = field(default_factory=lambda: TimestampSigner(secrets.token_bytes(32)))
    _sessions: set[str] = field(default_factory=set)
    _tries: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def is_right(self, password: str) -> bool:
        """Compared in constant time, whatever its length."""
        return compare_digest(sha256(password.encode()).digest(), sha256(self.password.encode()).digest())

    def may_try(self, address: str) -> bool:
        """Count a try from an address; False where it has had its share for now."""
        now, tries = time.monotonic(), self._tries[address]
        while tries and now - tries[0] > WINDOW_SECONDS:
            tries.popleft()
        if len(tries) >= TRIES:
            return False
        tries.append(now)
        return True

    def begin(self) -> str:
        """A new session's cookie."""
        session = secrets.token_urlsafe(24)
        self._sessions.add(session)
        return self._signer.sign(session).decode()

    def is_open(self, cookie: str | None) -> bool:
        """Whether a cookie is of a session that was neither signed out nor is too old."""
        return self._session(cookie) in self._sessions

    def end(self, cookie: str | None) -> None:
        self._sessions.discard(self._session(cookie) or "")

    def _session(self, cookie: str | None) -> str | None:
        try:
            return self._signer.unsign(cookie or "", max_age=HOURS * 3600).decode()
        except BadSignature:
            return None

    def token(self, nonce: str) -> str:
        """What a form carries, so that it can only have come from a page of ours; ``nonce`` is the browser's cookie."""
        return self._signer.sign(f"form-{nonce}").decode()

    def is_ours(self, token: str, nonce: str | None) -> bool:
        try:
            return nonce is not None and compare_digest(
                self._signer.unsign(token, max_age=HOURS * 3600).decode(), f"form-{nonce}"
            )
        except BadSignature:
            return False
