"""A connection to a stranger's server: to the address that was checked, and never waited on for
long.

Every wait is cut into short ones, between which the wish to stop and the limits of time are looked
at. So a server that says nothing holds a job up no longer than one that answers.
"""

from __future__ import annotations

import errno
import io
import os
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Final

from django.conf import settings

from recordings.processing.exceptions import Cancelled, MediaError
from recordings.uploads import addresses
from recordings.uploads.addresses import Address, AddressRefused

LOOK_SECONDS: Final = 0.25  # the longest single wait
CONNECT_SECONDS: Final = 10.0  # also for finding the name
ANSWER_SECONDS: Final = 30.0  # from the request to the last line of the answer's head
MOST_TRIED: Final = 4  # addresses of one name
UNDER_WAY: Final = {errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK}

# Where a name leads: family, kind, protocol, canonical name, and address with port.
Found = tuple[int, int, int, str, tuple[Any, ...]]
Answer = list[Found] | Exception


class Patience:
    """How long a transfer is borne: as a whole, in silence, and below which pace."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._over = time.monotonic() + settings.IMPORT_TIMEOUT.total_seconds()
        self._answer_by = float("inf")
        self._pacing = False
        self._paced, self._waited = 0, 0.0

    def look(self) -> None:
        """Raises Cancelled, or MediaError when the time is over."""
        now = time.monotonic()
        if self._stop.is_set():
            raise Cancelled
        if now > self._over:
            raise MediaError("The import took too long and was ended.")
        if now > self._answer_by:
            raise MediaError("The server did not answer in time.")

    def await_answer(self) -> None:
        self._answer_by = time.monotonic() + ANSWER_SECONDS

    def await_body(self) -> None:
        self._answer_by, self._pacing = float("inf"), True

    def heard(self, size: int, waited: float) -> None:
        """Note bytes and the seconds they let us wait. Raises MediaError when that is too long."""
        if not self._pacing:
            return
        self._paced += size
        self._waited += waited
        if self._waited < settings.IMPORT_PACE_PERIOD.total_seconds():
            return
        if self._paced < settings.IMPORT_SLOWEST_BYTES * self._waited:
            raise MediaError("The server sends too slowly, so the import was ended.")
        self._paced, self._waited = 0, 0.0


class Wire(io.RawIOBase):
    """A connected socket as `http.client` wants it.

    That one closes it when the head of the answer is read; it stays open until `hang_up`.
    """

    def __init__(self, connected: socket.socket, patience: Patience) -> None:
        connected.settimeout(LOOK_SECONDS)
        self._socket, self._patience = connected, patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises Cancelled, MediaError, OSError."""
        began = time.monotonic()
        while True:
            self._patience.look()
            try:
                count = self._socket.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() - began > settings.IMPORT_SILENCE.total_seconds():
                    raise MediaError("The server fell silent, so the import was ended.") from None
            else:
                self._patience.heard(count, time.monotonic() - began)
                return count

    def sendall(self, data: bytes) -> None:
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def close(self) -> None:
        return None

    def hang_up(self) -> None:
        self._socket.close()


def connect(address: Address, patience: Patience) -> Wire:
    """Connect to where an address leads, if all of that may be fetched from.

    Raises AddressRefused, Cancelled, MediaError, OSError.
    """
    found = resolve(address, patience)
    addresses.check(address, [one[4][0] for one in found])
    connected = _first_that_answers(address, _in_turn(found)[:MOST_TRIED], patience)
    try:
        return Wire(_encrypted(connected, address, patience), patience)
    except BaseException:
        connected.close()
        raise


def _in_turn(found: list[Found]) -> list[Found]:
    """Alternate the families, the preferred one first: one of them may lead nowhere from here."""
    families = dict.fromkeys(one[0] for one in found)
    each = [[one for one in found if one[0] == family] for family in families]
    return [one for row in zip_longest(*each) for one in row if one is not None]


def resolve(address: Address, patience: Patience) -> list[Found]:
    """Ask once where a host leads; what is connected to later is taken from this answer."""
    box: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def ask() -> None:
        try:
            box.put([*socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            box.put(error)

    threading.Thread(target=ask, daemon=True, name="resolve").start()
    answer: Answer = _waited(lambda: box.get(timeout=LOOK_SECONDS), queue.Empty, patience)
    if isinstance(answer, Exception) or not answer:
        raise MediaError(f"{address.server} cannot be found: check the address.", log=repr(answer))
    return answer


def _waited(act: Callable[[], Any], not_yet: type[Exception], patience: Patience) -> Any:
    """Try again and again what takes long, as long as one may wait for a connection."""
    until = time.monotonic() + CONNECT_SECONDS
    while True:
        patience.look()
        try:
            return act()
        except not_yet:
            if time.monotonic() > until:
                raise MediaError("The server cannot be reached.", log="timed out") from None


def _first_that_answers(address: Address, found: list[Found], patience: Patience) -> socket.socket:
    failure: Exception = OSError("no address")
    for family, kind, protocol, _, place in found:
        fresh = socket.socket(family, kind, protocol)
        try:
            _dial(fresh, place, patience)
            _check_connected(address, fresh, place)
        except (OSError, MediaError) as error:
            fresh.close()
            if isinstance(error, AddressRefused):
                raise
            failure = error
        except BaseException:
            fresh.close()
            raise
        else:
            return fresh
    raise failure


def _dial(fresh: socket.socket, place: tuple[Any, ...], patience: Patience) -> None:
    fresh.setblocking(False)
    code = fresh.connect_ex(place)
    if code in UNDER_WAY:
        poll = select.poll()
        poll.register(fresh, select.POLLOUT)

        def answered() -> None:
            if not poll.poll(LOOK_SECONDS * 1000):
                raise TimeoutError

        _waited(answered, TimeoutError, patience)
        code = fresh.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _check_connected(address: Address, connected: socket.socket, place: tuple[Any, ...]) -> None:
    """Ask the kernel who is at the other end, before anything is said to him."""
    peer = connected.getpeername()[0]
    if peer != place[0]:
        raise AddressRefused("The connection did not lead where it was meant to.")
    addresses.check(address, [peer])
    if peer == connected.getsockname()[0] and not addresses.is_named(address):
        raise AddressRefused(f"{address.server} is this site itself.")


def _encrypted(connected: socket.socket, address: Address, patience: Patience) -> socket.socket:
    """Begin TLS where the address asks for it, with a certificate of that host name."""
    if address.scheme == "http":
        return connected
    connected.settimeout(LOOK_SECONDS)
    secured = ssl.create_default_context().wrap_socket(
        connected,
        server_hostname=address.host,
        do_handshake_on_connect=False,
        suppress_ragged_eofs=False,  # an end that was not said may be somebody else's
    )
    try:
        _waited(secured.do_handshake, TimeoutError, patience)
    except BaseException:
        secured.close()
        raise
    return secured
