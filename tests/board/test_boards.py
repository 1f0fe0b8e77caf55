"""`gyakusan board`: where it starts, where it refuses to, and that nobody hears the password."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from board import assets
from connectors.errors import SourceError
from pipelines import boards
from pipelines.company import Company, load_company
from tests.board import small_marts

DEMO = Path(__file__).parents[2] / "demo"
PASSWORD = "eleven+twelve=23"


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.delenv(boards.PASSWORD, raising=False)
    for name in ("company.yml", "plan.yml"):
        shutil.copy(DEMO / name, tmp_path)
    (tmp_path / ".gyakusan").mkdir()
    small_marts.write(tmp_path / ".gyakusan" / "marts.duckdb")
    return load_company(tmp_path)


@pytest.fixture(scope="module", autouse=True)
def assets_are_made() -> None:
    assets.files()


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "[::]", "", "192.168.1.5", "10.0.0.1", "board.example.com", "localhost.example.com",
     "127.0.0.1.example.com", "evil@127.0.0.1", "http://127.0.0.1", "fe80::1", "127.1"],
)  # fmt: skip
def test_a_board_that_others_can_reach_needs_a_password(company: Company, host: str) -> None:
    with pytest.raises(SourceError) as caught:
        boards.board(company, host, (), "http://127.0.0.1:3000")
    assert str(caught.value) == (
        f"--host: {host} can be reached by others, and the board has no password\n"
        "  -> set the environment variable GYAKUSAN_BOARD_PASSWORD, or leave --host out"
    )


def test_a_name_for_others_needs_a_password_too(company: Company) -> None:
    """A proxy on this machine reaches the board on loopback."""
    with pytest.raises(SourceError, match="--name: board.example.com can be reached by others"):
        boards.board(company, "127.0.0.1", ("board.example.com",), "")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.2"])
def test_on_this_machine_it_needs_none(company: Company, host: str) -> None:
    assert boards.board(company, host, (), "").login is None


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("password", ["", "short", "elevenchars"])
def test_a_short_password_is_refused_everywhere_and_not_quoted(
    company: Company, monkeypatch: pytest.MonkeyPatch, host: str, password: str
) -> None:
    monkeypatch.setenv(boards.PASSWORD, password)
    with pytest.raises(SourceError) as caught:
        boards.board(company, host, (), "")
    assert str(caught.value) == "GYAKUSAN_BOARD_PASSWORD: is shorter than 12 characters\n  -> choose a longer one"


def test_the_password_is_taken_out_of_the_environment(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(boards.PASSWORD, PASSWORD)
    served = boards.board(company, "0.0.0.0", (), "")
    assert served.login and served.login.is_right(PASSWORD, "10.0.0.1")
    assert boards.PASSWORD not in os.environ
    assert PASSWORD not in repr(served)


def test_a_certificate_that_is_none_is_told(company: Company, tmp_path: Path) -> None:
    served = boards.board(company, "127.0.0.1", (), "")
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(SourceError, match="--certificate: cannot be used"):
        boards.server(served, "127.0.0.1", 0, (), str(tmp_path / "x.pem"), None)
    with pytest.raises(SourceError, match="--key: is of no use alone"):
        boards.server(served, "127.0.0.1", 0, (), None, str(tmp_path / "x.pem"))


def test_an_ipv6_address_is_bound_without_its_brackets_and_shown_with_them(company: Company) -> None:
    served = boards.board(company, "::1", (), "")
    for host in ("::1", "[::1]"):
        assert boards.server(served, host, 8585, (), None, None).config.host == "::1"
        assert boards.bracketed(host) == "[::1]"


def command(company: Company, *arguments: str, password: str | None) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name != boards.PASSWORD}
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "board", "--company", str(company.folder), *arguments],
        env={**environment, **({boards.PASSWORD: password} if password is not None else {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_command_refuses_in_one_message(company: Company) -> None:
    process = command(company, "--host", "0.0.0.0", password=None)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.startswith("--host: 0.0.0.0 can be reached by others") and "Traceback" not in said


def test_the_command_serves_with_a_password_and_says_it_to_nobody(company: Company) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = command(company, "--host", "0.0.0.0", "--port", str(port), "--name", "board", password=PASSWORD)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                connection = HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/ja/today")
                answer = connection.getresponse()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.2)
        assert answer.status == 302 and answer.headers["location"] == "/login?locale=ja"
        assert "server" not in answer.headers
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert PASSWORD not in said and "Traceback" not in said
    assert "the password travels unencrypted" in said
    assert process.returncode == 0
