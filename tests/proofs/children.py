"""Child processes that share this one's settings, database and storage, but no connection."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from django.core.files.storage import storages
from django.db import connections

from recordings.ledger.exceptions import LedgerError
from recordings.uploads.exceptions import UploadRefused

REFUSED = 3  # the ledger or an upload said no, in a sentence
BROKEN = 4  # anything else was raised


def let_go() -> None:
    """Close what a child must not inherit open: connections to the database and to S3."""
    connections.close_all()
    for place in getattr(storages, "_storages", {}).values():
        if client := getattr(place, "client", None):
            client.close()


def fork(work: Callable[[], object]) -> int:
    """Do `work` in a child and return its process id; it ends by exit status, never by return."""
    let_go()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = BROKEN
    try:
        work()
        connections.close_all()
        status = 0
    except (LedgerError, UploadRefused) as refusal:
        print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
        status = REFUSED
    except BaseException:  # noqa: BLE001  (the status says so; nothing may return from a fork)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def ended(pid: int) -> int:
    """Wait for a child; return its exit status, or minus the signal that ended it."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def stopped(pid: int) -> bool:
    """Wait until a child has stopped itself; False when it ended first (and is reaped)."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    return os.WIFSTOPPED(status)


def told(work: Callable[[], int]) -> int:
    """Do `work` in a child and return the number it came to."""
    source, sink = os.pipe()

    def tell() -> None:
        os.write(sink, str(work()).encode())

    pid = fork(tell)
    os.close(sink)
    with os.fdopen(source) as answer:
        said = answer.read()
    assert ended(pid) == 0, "the child failed on its own; see its traceback above"
    return int(said)
