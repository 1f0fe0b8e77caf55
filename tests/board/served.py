"""A board over HTTP on loopback, and a client that sends what it is told and follows nothing."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from re import search
from urllib.parse import urlencode

from board.login import Login
from board.night import Nights
from board.server import Board
from pipelines import boards
from tests.board import small_marts

PASSWORD = "correct horse battery"
FILES = {"board.css": b"p{}", "board.js": b"1", "icon.svg": b"<svg/>", "vega.js": b"2", "charts.js": b"3"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8-sig")


@dataclass
class Reader:
    """Somebody in front of a browser: keeps cookies, follows no redirect."""

    port: int
    cookies: dict[str, str]
    set_cookies: list[str]

    def ask(self, target: str, method: str = "GET", body: str | bytes | None = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if body is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.set_cookies = answer.headers.get_all("set-cookie") or []
        for line in self.set_cookies:
            for name, one in SimpleCookie(line).items():
                if one["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = one.value
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, content)

    def form(self, page: str, headers: Mapping[str, str] | None = None, **fields: str) -> Answer:
        """Send the form of a page, with the token that it carries."""
        found = search(r'name="token" value="([^"]*)"', self.ask(page).text)
        return self.ask(page, "POST", urlencode({"token": found[1] if found else "", **fields}), **(headers or {}))

    def sign_in(self, password: str = PASSWORD, **headers: str) -> Answer:
        return self.form("/login", headers, password=password)


@dataclass
class Served:
    """A board that answers."""

    port: int
    board: Board
    marts: Path

    def reader(self) -> Reader:
        return Reader(self.port, {}, [])

    def signed_in(self) -> Reader:
        reader = self.reader()
        assert reader.sign_in().status == 303
        return reader

    def raw(self, sent: bytes, timeout: float = 30) -> bytes:
        """The answer to bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(sent)
            received = b""
            while chunk := connection.recv(65_536):
                received += chunk
            return received


@contextmanager
def serving(folder: Path, login: Login | None = None, host: str = "127.0.0.1", names: tuple[str, ...] = (),
            patience: float = 5.0) -> Iterator[Served]:  # fmt: skip
    """Serve the night of a folder, made there if there is none, as `gyakusan board` does."""
    marts = folder / "marts.duckdb"
    board = Board(small_marts.ABOUT, Nights(marts, patience), FILES, login)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = boards.server(board, host, 0, names, None, None)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        try:
            yield Served(listening.getsockname()[1], board, marts)
        finally:
            server.should_exit = True
            thread.join(20)
            board.nights.close()
