"""Retry of transactions that lost to another: deadlock, serialization failure, a busy SQLite.

Or to a full disk, once there is room again; see spare.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

from recordings.ledger import spare

Result = TypeVar("Result")

ATTEMPTS = 6
_RETRIED = {"40P01", "40001"}  # deadlock detected, serialization failure


def retried(work: Callable[[], Result]) -> Result:
    """Run one whole transaction again where the database asked for that.

    Inside an outer transaction it runs once: only the outermost can be retried.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except OperationalError as error:
            if connection.in_atomic_block:
                raise
            if spare.is_full(error) and spare.give_up():
                continue
            if not is_transient(error):
                raise
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
    return work()


def is_transient(error: OperationalError) -> bool:
    """Tell whether the database only asked to try again."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state in _RETRIED or "database is locked" in str(error)
