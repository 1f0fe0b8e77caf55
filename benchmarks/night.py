"""``gyakusan nightly`` on the demo, as a whole process: the first night of 18 months, and a normal one after it.

.venv/bin/python -m benchmarks.night
"""

import sys
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.measured import Cost, run
from demo import Demo, company_copy, serve, simulate, write_exports

AS_OF = date(2026, 10, 31)
NORMAL_NIGHTS = 2


def main() -> None:
    world = simulate(AS_OF)
    with tempfile.TemporaryDirectory() as tmp, serve(world=world) as demo:
        folder = company_copy(Path(tmp) / "company", demo.ga4_grpc, demo.http, world)
        print(f"first night, {world.start} to {AS_OF}")
        report(demo, folder, night(folder, AS_OF))
        for number in range(1, NORMAL_NIGHTS + 1):
            day = AS_OF + timedelta(days=number)
            demo.show(simulate(day))
            write_exports(demo.world, folder / "exports")
            print(f"normal night, {day}")
            report(demo, folder, night(folder, day))
        for name in ("warehouse.duckdb", "marts.duckdb"):
            print(f"  {name}: {(folder / '.gyakusan' / name).stat().st_size / 1e6:.1f} MB")


def night(folder: Path, as_of: date) -> Cost:
    """The cost of the command alone: the demo's servers run in this process and are not part of it."""
    gyakusan = [sys.executable, "-m", "pipelines.cli", "nightly", "--company", str(folder), "--as-of", str(as_of)]
    return run(gyakusan)


def report(demo: Demo, folder: Path, cost: Cost) -> None:
    print(f"  whole process: {cost}")
    with dg.DagsterInstance.from_config(str(folder / ".gyakusan" / "dagster")) as instance:
        run_id = instance.get_run_records(limit=1)[0].dagster_run.run_id
        steps = {step.step_key: step for step in instance.get_run_step_stats(run_id)}
    seconds = {key: step.end_time - step.start_time for key, step in steps.items() if step.start_time and step.end_time}
    print("  steps, wall: " + ", ".join(f"{key} {value:.1f} s" for key, value in seconds.items()))
    asked = Counter(request.api for request in demo.requests)
    print("  API requests: " + ", ".join(f"{api} {count:,}" for api, count in sorted(asked.items())))
    demo.forget_requests()


if __name__ == "__main__":
    main()
