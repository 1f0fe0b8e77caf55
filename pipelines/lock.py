"""One night at a time: the lock on a company's state folder.

An flock, because the kernel drops it however the process ends: a killed night locks nobody out.
"""

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

_held: dict[Path, IO[str]] = {}


class Busy(Exception):
    """Another night is running on this company."""


def take(state: Path) -> None:
    """Hold the lock until this process ends; taking it again is allowed. Raises :class:`Busy` at once."""
    path = (state / "night.lock").resolve()
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read()
        file.close()
        raise Busy(_message(path, holder)) from None
    file.truncate(0)
    json.dump({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}, file)
    file.flush()
    _held[path] = file


def holder(state: Path) -> str | None:
    """Who holds the lock (``process 17 since ...``); None when nobody does."""
    path = state / "night.lock"
    if not path.exists():
        return None
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            return _who(file.read())
    return None


def release(state: Path) -> None:
    file = _held.pop((state / "night.lock").resolve(), None)
    if file is not None:
        file.close()


def _message(path: Path, holder: str) -> str:
    return f"another night is already running here ({_who(holder)}); wait for it to end ({path})"


def _who(holder: str) -> str:
    try:
        owner = json.loads(holder)
        return f"process {owner['pid']} since {owner['since']}"
    except (ValueError, KeyError):
        return "another process"
