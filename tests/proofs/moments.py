"""Stop a process at the k-th moment at which the world outside it changes.

A moment is just before a storage call of the operating system, an SQL statement, a commit or
rollback, or a request to S3 (so the next moment is just after it); with `lines` also each line of
the product's own code. The interpreter reports them (`sys.setprofile`, `sys.settrace`), so the
product needs no hooks for its own killing.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from botocore.client import BaseClient
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

PRODUCT = str(Path(__file__).resolve().parents[2] / "recordings")
SYSTEM_CALLS = {"open", "write", "fsync", "link", "unlink", "mkdir", "rmdir", "rename", "replace"}
STATEMENTS: set[CodeType] = {
    CursorWrapper._execute.__code__,
    CursorWrapper._executemany.__code__,
    BaseDatabaseWrapper._commit.__code__,
    BaseDatabaseWrapper._rollback.__code__,
}
REQUEST: CodeType = BaseClient._make_api_call.__code__


def numbers(every: int = 1) -> Iterator[int]:
    """Count moments from 1; or every so-manyth, from a first one that differs from day to day."""
    return count(1 + datetime.now(UTC).toordinal() % every, every)


class Moments:
    """Count moments, and do `act` at number `at` (from 1; 0 counts only).

    With `between_transactions` those inside a database transaction do not count: nobody else gets
    anywhere while the locks of a stopped process stand.
    """

    def __init__(
        self,
        at: int,
        act: Callable[[], None],
        *,
        lines: bool = False,
        between_transactions: bool = False,
    ) -> None:
        self.at, self.act = at, act
        self.lines, self.between_transactions = lines, between_transactions
        self.count = 0
        self._lock = threading.Lock()
        self._connection = connections[DEFAULT_DB_ALIAS]  # of the thread that acts
        self._asking = 0  # statements and commits it is in

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count in this thread and in those it starts."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        if self.lines:
            threading.settrace(self._trace)
            sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]

    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call" and frame.f_code in STATEMENTS:
            self._pass(asking=True)
        elif event == "call" and frame.f_code is REQUEST:
            self._pass()
        elif event == "return" and frame.f_code in STATEMENTS:
            with self._lock:
                self._asking -= 1
        elif event == "c_call" and arg.__module__ == "posix" and arg.__name__ in SYSTEM_CALLS:
            self._pass()

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PRODUCT):
            return None
        if event == "line":
            self._pass()
        return self._trace

    def _pass(self, *, asking: bool = False) -> None:
        with self._lock:
            if not self.between_transactions or not self._in_transaction():
                self.count += 1
                if self.count == self.at:
                    self.act()
            self._asking += asking

    def _in_transaction(self) -> bool:
        """Ask the driver: Django says it has left the block before it commits.

        A statement under way in another thread is one too: purge deletes bytes beside them.
        """
        raw = self._connection.connection
        if raw is None:
            return False
        if self._connection.vendor == "sqlite":
            return bool(raw.in_transaction or self._asking)
        return bool(raw.info.transaction_status or self._asking)


def die() -> None:
    os.kill(os.getpid(), 9)


def stop() -> None:
    """Freeze until someone sends SIGCONT."""
    os.kill(os.getpid(), 19)
