"""The demo world on the ports that a company folder names, and its exports in that folder."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import yaml

from demo.exports import FOLDER, write_exports
from demo.ga4 import TIME_ZONE
from demo.servers import Demo, PortError, serve
from demo.world import SEED, simulate


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, 1 when the demo cannot start, 2 for wrong arguments, else the status of the command it ran."""
    asked = _arguments(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        with _world(asked.company, asked.as_of, asked.seed) as demo:
            if asked.verb == "serve":
                return _wait(demo, asked.company)
            return _run(asked.command)
    except (PortError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"error: {error.filename} is not there", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (("serve", "serve the world until Ctrl-C"), ("run", "serve the world while a command runs")):
        sub = verbs.add_parser(verb, help=text, description=text)
        sub.add_argument("--as-of", type=date.fromisoformat, metavar="DATE", help="the last day (default: yesterday)")
        sub.add_argument("--company", type=Path, default=FOLDER, metavar="DIR", help="company folder (default: demo)")
        sub.add_argument("--seed", type=int, default=SEED, help="another seed, another world")
        if verb == "run":
            sub.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    asked = parser.parse_args(arguments)
    if asked.verb == "run":
        asked.command = asked.command[asked.command[:1] == ["--"] :]
        if not asked.command:
            parser.error("run needs a command: python -m demo run -- COMMAND ...")
        if shutil.which(asked.command[0]) is None:
            parser.error(f"there is no program {asked.command[0]}")
    asked.as_of = asked.as_of or datetime.now(ZoneInfo(TIME_ZONE)).date() - timedelta(days=1)
    return asked


@contextmanager
def _world(company: Path, as_of: date, seed: int) -> Iterator[Demo]:
    """The servers on the ports of company.yml, and the exports beside it."""
    sources = yaml.safe_load((company / "company.yml").read_text(encoding="utf-8"))["sources"]
    http_port = _port(sources["search_console"]["endpoint"])
    # Over REST, GA4 is served where Search Console is.
    ga4_port = _port(sources["ga4"]["endpoint"]) if sources["ga4"].get("transport", "grpc") == "grpc" else 0
    world = simulate(as_of, seed)
    with serve(world=world, ga4_port=ga4_port, http_port=http_port) as demo:
        write_exports(world, company / "exports")
        yield demo


def _port(endpoint: str) -> int:
    return int(endpoint.rstrip("/").rsplit(":", 1)[1])


def _wait(demo: Demo, company: Path) -> int:
    print(
        f"demo world {demo.world.start} to {demo.world.as_of}, {len(demo.world.visits):,} sessions\n"
        f"  GA4 over gRPC          {demo.ga4_grpc}\n"
        f"  GA4 over REST          {demo.http}\n"
        f"  Search Console         {demo.http}\n"
        f"  Clarity                {demo.http}\n"
        f"  faults, request log    {demo.http}/demo/faults, {demo.http}/demo/requests\n"
        f"  MA/SFA/CRM exports     {company / 'exports'}\n"
        "Ctrl-C ends it.",
        flush=True,
    )
    threading.Event().wait()
    return 0


def _run(command: list[str]) -> int:
    """The command's exit status; it and whatever it started are ended when this process is.

    They are a process group of their own, because `dagster dev` does not end its servers when it is ended.
    """
    with subprocess.Popen(command, start_new_session=True) as process:  # noqa: S603 (it is what the user typed)
        try:
            return process.wait()
        except KeyboardInterrupt:
            _end(process.pid)
            raise


def _end(group: int, patience_seconds: float = 10) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(group, number)
        until = time.monotonic() + patience_seconds
        while _is_alive(group) and time.monotonic() < until:
            time.sleep(0.1)


def _is_alive(group: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(-group, os.WNOHANG)  # or our own child would stay a zombie, which still counts as alive
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
