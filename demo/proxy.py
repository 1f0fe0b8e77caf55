"""A TCP proxy before the gRPC server that can cut one connection in the middle of an answer."""

import os
import socket
import struct
import threading
from contextlib import suppress


class Proxy:
    """Listens on loopback and passes everything on to ``target_port``. ``port`` is where it listens."""

    def __init__(self, port: int, target_port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._target_port = target_port
        self._lock = threading.Lock()
        self._links: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._cuts: dict[int, tuple[int, bool]] = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, peer_port: int, after_bytes: int, reset: bool) -> None:
        """Cut the connection that reaches the server from ``peer_port`` after so many more bytes of answer.

        With ``reset`` the client sees RST, otherwise an orderly end.
        """
        with self._lock:
            self._cuts[peer_port] = (after_bytes, reset)

    def close(self) -> None:
        self._listener.close()
        with self._lock:
            links = list(self._links.values())
        for pair in links:
            for end in pair:
                _shut(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer_port = int(server.getsockname()[1])
            with self._lock:
                self._links[peer_port] = (client, server)
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(client, server, peer_port), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                server.sendall(data)
        _shut(server)

    def _answer(self, client: socket.socket, server: socket.socket, peer_port: int) -> None:
        reset = False
        with suppress(OSError):
            while data := server.recv(262_144):
                with self._lock:
                    left, reset = self._cuts.get(peer_port, (-1, False))
                    if left >= 0:
                        self._cuts[peer_port] = (left - len(data), reset)
                if 0 <= left <= len(data):
                    client.sendall(data[:left])
                    break
                client.sendall(data)
        with self._lock:
            self._links.pop(peer_port, None)
            self._cuts.pop(peer_port, None)
        _shut(server)
        close(client, reset)


def close(end: socket.socket, reset: bool) -> None:
    """Close a connection, with RST or in good order."""
    if not reset:
        _shut(end)
        end.close()
        return
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # A thread that still reads, or a file made of the socket, would keep it open and RST would wait for it.
        end.shutdown(socket.SHUT_RD)
        os.close(end.detach())


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
