"""A command as a whole process: what the operating system says it cost."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
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


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; its output is shown only when it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.stderr.write(output)
    return Cost(process.returncode, time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
