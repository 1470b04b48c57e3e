"""One file of a stranger's web server: asked for, followed through redirects, read as it comes.

Plain `http.client` over connections of our own (`wire`), since what more a library brings - pools,
retries, cookies, proxies from the environment, decoding - would all have to be switched off here.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import Final

from django.template.defaultfilters import filesizeformat

from recordings.processing.exceptions import MediaError
from recordings.uploads.addresses import Address, parse
from recordings.uploads.disposition import suggested_name
from recordings.uploads.exceptions import CutShort
from recordings.uploads.wire import Patience, Wire, connect

MOST_REDIRECTS: Final = 5
REDIRECTS: Final = {301, 302, 303, 307, 308}
CHUNK: Final = 256 * 1024
MOST_DIGITS: Final = 15  # of a length in bytes: nobody has a file of a petabyte
HEADERS: Final = {
    "User-Agent": "mediasite",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
IN_WORDS: Final = {
    401: "The server asks for a user name and a password, which cannot be given here.",
    403: "The server does not hand this file out.",
    404: "The server has no file at this address.",
    410: "The server no longer has a file at this address.",
    429: "The server asks to come back later.",
}


class Connection(HTTPConnection):
    """`http.client` on a wire of ours."""

    def __init__(self, address: Address, patience: Patience) -> None:
        super().__init__(address.host, address.port)
        self._address, self._patience = address, patience
        self._wire: Wire | None = None

    def connect(self) -> None:
        self._wire = connect(self._address, self._patience)
        self.sock = self._wire  # as much of a socket as is asked for

    def hang_up(self) -> None:
        if self._wire is not None:
            self._wire.hang_up()


class Download:
    """An answer that carries a file; `length` is None where the server does not say it."""

    def __init__(self, address: Address, response: HTTPResponse) -> None:
        self._response, self._address = response, address
        self.length = _length(response)
        self.name = suggested_name(response.headers.get_all("Content-Disposition"), address.target)
        self.is_page = response.headers.get_content_type() in {"text/html", "application/xhtml+xml"}

    def chunks(self) -> Iterator[bytes]:
        """Yield the file as it comes. Raises CutShort, MediaError, Cancelled."""
        count = 0
        with _explained(self._address):
            while chunk := self._read(count):
                count += len(chunk)
                yield chunk
        if self.length is not None and count < self.length:
            raise CutShort(
                f"The connection ended after {filesizeformat(count)} of "
                f"{filesizeformat(self.length)}, so nothing was kept."
            )

    def _read(self, count: int) -> bytes:
        """Read on, but never past the length: what follows is not the file's."""
        most = CHUNK if self.length is None else min(CHUNK, self.length - count)
        return self._response.read1(most) if most else b""


@contextmanager
def download(url: str, *, stop: threading.Event) -> Iterator[Download]:
    """Ask for a file, wherever redirects lead. Raises MediaError, Cancelled."""
    patience, address = Patience(stop), parse(url)
    for _ in range(MOST_REDIRECTS + 1):
        connection = Connection(address, patience)
        try:
            response = _ask(connection, address, patience)
            if response.status not in REDIRECTS:
                yield _checked(address, response)
                return
            address = address.follow(_location(response))
        finally:
            connection.hang_up()
    raise MediaError(f"The server leads on from address to address, more than {MOST_REDIRECTS}.")


def _ask(connection: Connection, address: Address, patience: Patience) -> HTTPResponse:
    with _explained(address):
        connection.connect()
        patience.await_answer()
        connection.request("GET", address.target, headers={"Host": address.authority, **HEADERS})
        response = connection.getresponse()
        patience.await_body()
        return response


def _location(response: HTTPResponse) -> str:
    text = response.headers.get("Location")
    if not text:
        raise MediaError("The server leads on to another address and does not say which.")
    return str(text).encode("latin-1", "replace").decode("utf-8", "replace")


def _checked(address: Address, response: HTTPResponse) -> Download:
    """Refuse what is no whole file in plain bytes."""
    if response.status != 200:
        said = IN_WORDS.get(response.status, f"The server answered {response.status}, not a file.")
        raise MediaError(said)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    transfer = response.headers.get("Transfer-Encoding", "chunked").strip().lower()
    if encoding not in {"", "identity"} or transfer != "chunked":
        raise MediaError("The server sends the file packed, though it was asked not to.")
    return Download(address, response)


def _length(response: HTTPResponse) -> int | None:
    said = {text.strip() for text in response.headers.get_all("Content-Length", [])}
    if not said or response.chunked:
        return None
    text = said.pop()
    if said or not (text.isascii() and text.isdecimal()) or len(text) > MOST_DIGITS:
        raise MediaError("The server does not say properly how large the file is.")
    return int(text)


@contextmanager
def _explained(address: Address) -> Iterator[None]:
    """Turn what the network does into a sentence; the details are for the administrator."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        sentence = f"{address.server} has no certificate that can be trusted; nothing was fetched."
        raise MediaError(sentence, log=repr(error)) from error
    except IncompleteRead as error:
        raise CutShort("The connection ended before the file was complete.") from error
    except ssl.SSLError as error:
        sentence = "No safe connection to the server could be made or kept."
        raise MediaError(sentence, log=repr(error)) from error
    except ConnectionError as error:
        sentence = "The server closed the connection or refused it."
        raise MediaError(sentence, log=repr(error)) from error
    except HTTPException as error:
        raise MediaError("The server's answer cannot be read.", log=repr(error)) from error
    except OSError as error:
        raise MediaError("The server cannot be reached.", log=repr(error)) from error
