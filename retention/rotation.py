"""The maintenance log, a file a day: set aside after midnight, the last thirty kept.

Many processes write to it, so only one may rotate: whoever holds the lock on the folder. Those who
write notice that the name points elsewhere and open it anew; what they had begun to write lands in
the file set aside, so no line is lost.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone

from recordings.ledger import unlink

maintenance = logging.getLogger("mediasite.maintenance")

NAME: Final = "maintenance.log"
KEPT: Final = 30  # days
_ROTATED: Final = re.compile(rf"{re.escape(NAME)}\.\d{{4}}-\d\d-\d\d(?:\.\d+)?")


def rotate(today: date | None = None) -> str | None:
    """Set the log aside when it was begun on an earlier day; return its new name."""
    today = today or timezone.localdate()
    with _alone() as alone:
        begun = _begun() if alone else None
        if begun is None or begun >= today:
            return None
        name = _set_aside(begun)
        _forget_old()
        return name


@contextmanager
def _alone() -> Iterator[bool]:
    """Lock the folder of logs; False where another process has it, or there is none yet."""
    try:
        folder = os.open(settings.LOG_ROOT, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock(folder)
    finally:
        os.close(folder)


def _lock(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begun() -> date | None:
    """Read the day of the log's first line, or of its last change where that has none."""
    path = Path(settings.LOG_ROOT) / NAME
    if not unlink.look(settings.LOG_ROOT, NAME):
        return None
    with path.open(errors="replace") as log:
        first = log.read(10)
    if not first:
        return None
    try:
        return date.fromisoformat(first)
    except ValueError:
        changed = datetime.fromtimestamp(path.stat().st_mtime, timezone.get_default_timezone())
        return changed.date()


def _set_aside(begun: date) -> str:
    """Name the file after its day; a second one of a day, as after a change of clocks, `.2`."""
    names = (f"{NAME}.{begun}" + (f".{n}" if n > 1 else "") for n in count(1))
    return next(name for name in names if unlink.set_aside(settings.LOG_ROOT, NAME, name))


def _forget_old() -> None:
    found = rotated()
    days = sorted({_day(one) for one in found})
    for one in found:
        old = _day(one) in days[:-KEPT]
        if old and unlink.remove_file(settings.LOG_ROOT, one.name, modified_ns=one.modified_ns):
            maintenance.info("rotation deleted %s (%s bytes)", one.name, one.size)


def rotated() -> list[unlink.Found]:
    """List the files set aside."""
    found = unlink.walk(settings.LOG_ROOT, recursive=False)
    return [one for one in found if _ROTATED.fullmatch(one.name)]


def _day(found: unlink.Found) -> str:
    return found.name.removeprefix(f"{NAME}.")[:10]
