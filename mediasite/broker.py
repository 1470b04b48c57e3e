"""The broker that needs no server: messages are files below BROKER_ROOT, for one machine.

kombu's own file transport loses messages (readers meet half-written files, two first bindings
overwrite each other) and stops at the first bad one. Here:

- a message is written aside and renamed into its queue's folder, so nobody meets half of it;
- a rename into the claims folder takes it, so of many consumers exactly one gets it;
- what is no message is set aside, and the next one is delivered;
- exchange tables are read whole or not at all, and changed under one lock.

A worker that is killed loses the message it had taken; tasks are doorbells and rows bring the work
back. For the same reason whatever lies about for a day, taken or waiting, is cleared.

Layout: `data_folder_in/{queue}.queue/{nanoseconds}_{uuid}.msg`, `processed_folder/` for what was
taken (`*.bad`: what could not be read), `control_folder/{exchange}.exchange`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from kombu.transport import virtual
from kombu.utils.json import dumps, loads

from recordings.ledger import unlink

logger = logging.getLogger(__name__)

Binding = tuple[str, str, str]  # routing key, pattern, queue

CLEAR_AFTER = 24 * 3600  # seconds; older messages ring for work that rows have long brought back
CLEAR_EVERY = 3600  # seconds, in every process that consumes


class Channel(virtual.Channel):
    """Queues as folders, exchanges as files, each change by one rename."""

    supports_fanout = True

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        options = connection.client.transport_options
        self._messages = Path(options["data_folder_in"])
        self._claims = Path(options["processed_folder"])
        self._control = Path(options["control_folder"])
        self._listed: dict[str, deque[str]] = {}
        self._next_clearing = 0.0  # on the monotonic clock; the first look clears

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.msg"
        write_aside(self._folder(queue) / name, dumps(message).encode())

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        if time.monotonic() >= self._next_clearing:
            self._clear_old()
        names = self._listed.setdefault(queue, deque())
        if not names:
            names.extend(self._waiting(queue))
        while names:
            if (payload := self._take(queue, names.popleft())) is not None:
                return payload
        raise Empty

    def _take(self, queue: str, name: str) -> dict[str, Any] | None:
        """Claim one message and read it; None when another consumer was first or it is bad."""
        claimed = self._claims / name
        try:
            os.rename(self._folder(queue) / name, claimed)
            content = claimed.read_bytes()
        except FileNotFoundError:
            return None
        if (payload := parse(content)) is None:
            logger.warning("broker: %s in queue %s is no message; set aside", name, queue)
            os.rename(claimed, claimed.with_suffix(".bad"))
            return None
        unlink.remove_file(self._claims, name)
        return payload

    def _size(self, queue: str) -> int:
        return len(self._waiting(queue))

    def _purge(self, queue: str) -> int:
        folder = self._folder(queue)
        return sum(unlink.remove_file(folder, name) for name in self._waiting(queue))

    def _waiting(self, queue: str) -> list[str]:
        """Names of whole messages, oldest first."""
        try:
            names = os.listdir(self._folder(queue))
        except FileNotFoundError:
            return []
        return sorted(name for name in names if name.endswith(".msg"))

    def get_table(self, exchange: str) -> list[Binding]:
        try:
            return [tuple(entry) for entry in loads(self._table_file(exchange).read_text())]
        except FileNotFoundError:
            return []

    def _put_fanout(self, exchange: str, message: Any, routing_key: str, **kwargs: Any) -> None:
        for _, _, queue in self.get_table(exchange):
            self._put(queue, message)

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str
    ) -> None:
        binding = (routing_key or "", pattern or "", queue)
        with self._bindings_locked():
            self._folder(queue).mkdir(parents=True, exist_ok=True)
            table = self.get_table(exchange)
            if binding not in table:
                self._write_table(exchange, [binding, *table])

    def _delete(
        self,
        queue: str,
        exchange: str,
        routing_key: str | None,
        pattern: str | None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        binding = (routing_key or "", pattern or "", queue)
        with self._bindings_locked():
            self._write_table(exchange, [e for e in self.get_table(exchange) if e != binding])
        self._purge(queue)
        # A late message keeps the folder; a day later both are cleared.
        unlink.remove_empty(self._messages, self._folder(queue).name)

    def _write_table(self, exchange: str, table: list[Binding]) -> None:
        """Replace a table, under the lock."""
        file = self._table_file(exchange)
        part = file.with_suffix(".part")
        part.write_text(dumps(table))
        os.replace(part, file)

    @contextmanager
    def _bindings_locked(self) -> Iterator[None]:
        self._control.mkdir(parents=True, exist_ok=True)
        with open(self._control / "bindings.lock", "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed
            yield

    def _clear_old(self) -> None:
        """Remove messages and queues that nobody touched for a day; keep our own queues alive."""
        self._next_clearing = time.monotonic() + CLEAR_EVERY
        before = time.time() - CLEAR_AFTER
        with self._bindings_locked():
            self._claims.mkdir(parents=True, exist_ok=True)
            for queue in self._active_queues:
                self._folder(queue).mkdir(parents=True, exist_ok=True)
                os.utime(self._folder(queue))
            folders = list(self._messages.glob("*.queue"))
            idle = [folder for folder in folders if is_older(folder, before)]
            cleared = sum(clear_files(folder, before=before) for folder in [*folders, self._claims])
            self._forget_queues(idle)
        if cleared:
            logger.info("broker: %s messages older than a day cleared", cleared)

    def _forget_queues(self, idle: list[Path]) -> None:
        """Drop the folders of abandoned queues, and the bindings that lead to none."""
        for folder in idle:
            unlink.remove_empty(folder.parent, folder.name)  # stays when a message came in
        for file in self._control.glob("*.exchange"):
            exchange = unquote(file.stem)
            table = self.get_table(exchange)
            kept = [entry for entry in table if self._folder(entry[2]).is_dir()]
            if kept != table:
                self._write_table(exchange, kept)

    def _folder(self, queue: str) -> Path:
        return self._messages / f"{quote(queue, safe='@')}.queue"

    def _table_file(self, exchange: str) -> Path:
        return self._control / f"{quote(exchange, safe='')}.exchange"


class Transport(virtual.Transport):
    """`files://`, with its folders as options."""

    Channel = Channel
    implements = virtual.Transport.implements.extend(
        exchange_type=frozenset(["direct", "topic", "fanout"])
    )
    driver_type = driver_name = "files"
    default_connection_params: ClassVar[dict[str, Any]] = {}  # no host, so none to warn about
    states: ClassVar[defaultdict[str, virtual.BrokerState]] = defaultdict(virtual.BrokerState)

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        # What this process has declared, folder by folder.
        self.state = self.states[client.transport_options["data_folder_in"]]


def parse(content: bytes) -> dict[str, Any] | None:
    """Return the message in `content`; None when it is empty, cut off or something else."""
    try:
        payload = loads(content.decode())
        tagged = "delivery_tag" in payload["properties"] and "body" in payload
    except (ValueError, KeyError, TypeError):
        return None
    return payload if tagged else None


def write_aside(path: Path, content: bytes) -> None:
    """Put a whole file at `path`; readers see all of it or nothing."""
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
    except FileNotFoundError:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
    os.replace(part, path)


def clear_files(folder: Path, *, before: float) -> int:
    """Remove the files last written before a moment (seconds of the epoch)."""
    old = [found for found in unlink.walk(folder) if found.modified_ns < before * 1e9]
    return sum(unlink.remove_file(folder, found.name) for found in old)


def is_older(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:
        return False
