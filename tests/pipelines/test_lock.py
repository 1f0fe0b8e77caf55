"""One night at a time, between real processes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines import lock

HOLD = """
import sys, time
from pathlib import Path
from pipelines import lock
lock.take(Path(sys.argv[1]))
print('held', flush=True)
time.sleep(60)
"""


def holder(state: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(state)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_leaves_at_once_and_says_who_runs(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        began = time.monotonic()
        with pytest.raises(lock.Busy, match=rf"process {process.pid} since 20\d\d-"):
            lock.take(tmp_path)
        assert time.monotonic() - began < 1
    finally:
        process.kill()
        process.wait()


def test_a_killed_process_leaves_the_lock_free(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    lock.take(tmp_path)
    lock.release(tmp_path)


def test_the_holder_may_take_it_again(tmp_path: Path) -> None:
    lock.take(tmp_path)
    lock.take(tmp_path)
    lock.release(tmp_path)
