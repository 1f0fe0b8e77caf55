"""kill -9 at random moments of a night, then one plain rerun: the marts must be those of an undisturbed night.

.venv/bin/python -m benchmarks.kills [TIMES]        (default 100; some 25 s each)
"""

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from demo import company_copy, serve, simulate, write_exports
from pipelines import lock, publish

AS_OF = date(2026, 10, 31)
SEED = 9


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    world = simulate(AS_OF)
    with tempfile.TemporaryDirectory() as tmp, serve(world=world) as demo:
        folder, kept = company_copy(Path(tmp) / "company", demo.ga4_grpc, demo.http, world), Path(tmp) / "kept"
        state, marts = folder / ".gyakusan", folder / ".gyakusan" / "marts.duckdb"
        demo.clarity.requests_a_day = 10 * times  # more nights than Clarity would answer in a day
        night(folder, AS_OF).wait()
        shutil.copytree(state, kept)
        day = AS_OF + timedelta(days=1)
        demo.show(simulate(day))
        write_exports(demo.world, folder / "exports")
        began = time.monotonic()
        night(folder, day).wait()
        length, undisturbed = time.monotonic() - began, publish.fingerprints(marts)
        chance, same, clean, early = random.Random(SEED), 0, 0, 0
        for number in range(1, times + 1):
            shutil.rmtree(state)
            shutil.copytree(kept, state)
            process = night(folder, day)
            time.sleep(chance.uniform(0, length))
            early += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            same += night(folder, day).wait() == 0 and publish.fingerprints(marts) == undisturbed
            clean += is_clean(state)
            print(
                f"\r{number} kills: {same} gave the same marts, {clean} left no run or lock behind", end="", flush=True
            )
        print(f"; {early} hit a running night of {length:.1f} s (seed {SEED})")
    sys.exit(0 if same == clean == times else 1)


def night(folder: Path, as_of: date) -> "subprocess.Popen[bytes]":
    gyakusan = [sys.executable, "-m", "pipelines.cli", "nightly", "--company", str(folder), "--as-of", str(as_of)]
    return subprocess.Popen(gyakusan, stderr=subprocess.DEVNULL)


def is_clean(state: Path) -> bool:
    """No run of Dagster's is left unfinished, and the lock is free."""
    with dg.DagsterInstance.from_config(str(state / "dagster")) as instance:
        unfinished = [run for run in instance.get_runs() if not run.is_finished]
    try:
        lock.take(state)
    except lock.Busy:
        return False
    lock.release(state)
    return not unfinished


if __name__ == "__main__":
    main()
