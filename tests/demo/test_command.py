"""python -m demo as a user runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

import demo
from demo.world import World

ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def company(tmp_path: Path, world: World) -> Path:
    return demo.company_copy(tmp_path, f"127.0.0.1:{_free_port()}", f"http://127.0.0.1:{_free_port()}", world)


def _http(company: Path) -> str:
    sources = yaml.safe_load((company / "company.yml").read_text(encoding="utf-8"))["sources"]
    return str(sources["search_console"]["endpoint"])


def _command(company: Path, *arguments: str) -> list[str]:
    verb, *rest = arguments
    return [sys.executable, "-m", "demo", verb, "--as-of", "2026-10-18", "--company", str(company), *rest]


def _heeds_interrupts() -> None:
    """Whoever started these tests in the background may have had interrupts ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_run_serves_while_a_command_runs_and_ends_with_its_status(company: Path) -> None:
    code = (
        "import sys, urllib.request as u; "
        f"print(u.urlopen('{_http(company)}/demo/requests').read().decode(), sys.stdin.read()); sys.exit(3)"
    )
    (company / "exports/deals.csv").unlink()
    done = subprocess.run(
        _command(company, "run", "--", sys.executable, "-c", code),
        cwd=ROOT,
        input="hello",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, "[] hello\n"), done.stderr
    assert (company / "exports/deals.csv").exists()
    with pytest.raises(OSError, match="refused"):
        urlopen(_http(company))


def test_terminate_ends_the_world_and_the_command(company: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    sleeper = _command(company, "run", "--", sys.executable, "-c", code)
    with subprocess.Popen(sleeper, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 130
    for _ in range(50):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the command outlived the demo")


def test_serve_says_what_is_where_and_a_second_one_that_the_port_is_taken(company: Path) -> None:
    with subprocess.Popen(
        _command(company, "serve"), cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=_heeds_interrupts
    ) as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(7)]
        assert said[0].startswith("demo world 2025-04-01 to 2026-10-18")
        assert _http(company) in "".join(said)
        second = subprocess.run(
            _command(company, "serve"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert second.returncode == 1
        assert "is in use" in second.stderr and "company.yml" in second.stderr
        assert "Traceback" not in second.stderr
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130


def test_a_command_that_is_not_there(company: Path) -> None:
    done = subprocess.run(
        _command(company, "run", "--", "no-such-program"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "there is no program no-such-program" in done.stderr
