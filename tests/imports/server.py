"""A web server on loopback that says exactly what a test wants, byte by byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

Behaviour = Callable[[socket.socket], None]


class Server:
    """Answers each path as it was told to; notes what was asked for."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.tls = tls
        self.port = int(self.listener.getsockname()[1])
        self.over = threading.Event()
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[str] = []  # whole heads
        self.reached = threading.Event()  # somebody asked for something
        self.threads: list[threading.Thread] = []
        self._run(self._accept)

    def url(self, path: str = "/talk.mp4", host: str = "localhost") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def says(self, *parts: bytes, path: str = "/talk.mp4") -> str:
        """Answer with these bytes and hang up; return the address."""
        return self.does(lambda client: client.sendall(b"".join(parts)), path=path)

    def serves(self, body: bytes, *headers: str, path: str = "/talk.mp4") -> str:
        """Answer 200 with a body and its length."""
        return self.says(head(*headers, f"Content-Length: {len(body)}"), body, path=path)

    def sends_on(self, location: str, *, path: str = "/talk.mp4", status: int = 302) -> str:
        return self.says(head(f"Location: {location}", status=f"{status} Found"), path=path)

    def does(self, behaviour: Behaviour, *, path: str = "/talk.mp4") -> str:
        self.behaviours[path] = behaviour
        return self.url(path)

    def pours(self, first: bytes, then: Iterable[bytes], *, pause: float = 0) -> Behaviour:
        """Send for as long as somebody takes it, with pauses between."""

        def pour(client: socket.socket) -> None:
            client.sendall(first)
            for part in then:
                client.sendall(part)
                if self.over.wait(pause) if pause else self.over.is_set():
                    return

        return pour

    def falls_silent(self, first: bytes = b"") -> Behaviour:
        def wait(client: socket.socket) -> None:
            client.sendall(first)
            client.settimeout(60)
            client.recv(1)  # until the other end hangs up

        return wait

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(10)

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self.over.is_set():
                self._run(self._answer, self.listener.accept()[0])

    def _answer(self, plain: socket.socket) -> None:
        with plain, suppress(OSError), self._secured(plain) as client:
            asked = b""
            while b"\r\n\r\n" not in asked and (part := client.recv(4096)):
                asked += part
                if asked.startswith(b"\x16"):  # somebody speaks TLS to us, who do not
                    return client.sendall(head(status="400 Bad Request"))
            if not asked:
                return None
            self.requests.append(asked.decode())
            self.reached.set()
            path = asked.split(b" ")[1].decode().partition("?")[0]
            answer = self.behaviours.get(path) or self._nothing
            return answer(client)

    def _secured(self, plain: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(plain, server_side=True) if self.tls else plain

    def _nothing(self, client: socket.socket) -> None:
        client.sendall(head("Content-Length: 0", status="404 Not Found"))


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers, "")).encode()
