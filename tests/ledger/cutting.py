"""A wire to the object store that can be cut while the store completes an upload."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit


class Wire:
    """Passes requests on. While `cut` is "answer" what completes an upload is done and the answer
    lost, as often as `times`; while it is "request" it is held back until `deliver`."""

    def __init__(self, store: str) -> None:
        self.store = urlsplit(store).netloc
        self.cut, self.times = "", 0
        self.held: list[tuple[Any, ...]] = []
        self.address = ""

    def is_cut(self, method: str, path: str) -> bool:
        return self.times > 0 and method == "POST" and "uploadId=" in path

    def ask(self, *request: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        with closing(HTTPConnection(self.store, timeout=20)) as connection:
            connection.request(*request)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def deliver(self) -> None:
        """Let the store have what was held back, whoever waits for it no more."""
        for request in self.held:
            self.ask(*request)


@contextmanager
def wire(store: str) -> Iterator[Wire]:
    line = Wire(store)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = (self.command, self.path, body, dict(self.headers))
            if line.is_cut(self.command, self.path):
                line.times -= 1
                if line.cut == "answer":
                    line.ask(*request)
                else:
                    line.held.append(request)
                self.close_connection = True
                return
            status, headers, content = line.ask(*request)
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in {"transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    line.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield line
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
