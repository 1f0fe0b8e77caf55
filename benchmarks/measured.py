"""A command as a whole process: what the operating system says it cost."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds and peak resident memory in MB of one finished process."""

    status: int
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.wall_seconds:6.1f} s wall  {self.cpu_seconds:6.1f} s CPU  {self.peak_mb:6.0f} MB peak"


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end; its messages are shown only when it fails.

    A small process of its own starts it, because the kernel counts the memory of whoever forks a command as the
    command's peak, and a benchmark that serves the demo world holds a lot.
    """
    measured = subprocess.run([sys.executable, __file__, *command], capture_output=True, text=True, check=True)
    cost = Cost(**json.loads(measured.stdout))
    if cost.status:
        sys.stderr.write(measured.stderr)
    return cost


def _measure(command: Sequence[str]) -> None:
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    cost = {
        "status": os.waitstatus_to_exitcode(status),
        "wall_seconds": time.monotonic() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    _measure(sys.argv[1:])
