"""Scratch: a private folder per job on the local disk, gone when the job is, however it ends.

The folder is `user_{uid}/video/temp_processing/{rid}_temp_{uuid}/` below SCRATCH_ROOT. In it,
`source/` holds the one file that untrusted decoders are pointed at, and `work/` what they make.

The lease is a lock (`flock`) on the folder itself, held through an open descriptor: the kernel
drops it the moment its process is gone, by whatever death, so there is no marker to go stale and
no clock to trust. What a crash leaves has no lock, and its policy removes it.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Final
from uuid import uuid4

from django.conf import settings

from recordings.ledger import unlink
from recordings.processing.exceptions import Cancelled, SiteFault

_AREA: Final = re.compile(r"user_\d{1,18}/video/temp_processing")
_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Scratch:
    """A job's own folder: `source` is a file yet to be filled, `work` an empty folder."""

    name: str
    source: Path
    work: Path

    def fill(self, original: Iterable[bytes], *, stop: Event) -> None:
        """Copy the recording in. Raises Cancelled, and SiteFault when the disk is full."""
        try:
            with self.source.open("xb") as copy:
                for chunk in original:
                    if stop.is_set():
                        raise Cancelled
                    copy.write(chunk)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise SiteFault("The site's disk is full, so this cannot start.") from error
            raise


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the scratch area: a job's folder or a stray file; `age` by its last change."""

    name: str
    size: int
    age: timedelta
    live: bool
    folder: bool


@contextmanager
def scratch(owner_id: int, recording_id: int, extension: str) -> Iterator[Scratch]:
    """Give a locked private folder and remove it on the way out, whatever happened inside."""
    area = f"user_{owner_id}/video/temp_processing"
    name, lock = _claim(area, recording_id)
    folder = settings.SCRATCH_ROOT / name
    try:
        for inside in ("source", "work"):
            (folder / inside).mkdir(mode=0o700)
        source = folder / "source" / f"{folder.name}.{extension}"
        yield Scratch(name, source, folder / "work")
    finally:
        try:
            unlink.remove_tree(settings.SCRATCH_ROOT, name)
        finally:
            os.close(lock)


def _claim(area: str, recording_id: int) -> tuple[str, int]:
    """Make and lock a folder; a sweep may take it in between, then another is made."""
    for _ in range(_TRIES):
        name = f"{area}/{recording_id}_temp_{uuid4().hex}"
        folder = settings.SCRATCH_ROOT / name
        with suppress(FileNotFoundError):
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits out a sweep that is just looking
            if os.fstat(lock).st_nlink:
                return name, lock
            os.close(lock)
    raise SiteFault("The site's scratch folder is cleared faster than it can be used.")


def _lock(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def items(at: float | None = None, *, older_than: timedelta = timedelta(0)) -> Iterator[Item]:
    """Yield what is old enough at `at` (seconds since 1970, or now), in the order of names.

    Locks are asked of these alone: most of what is found is young, and stays whoever holds it.
    """
    at = time.time() if at is None else at
    for user in _names(settings.SCRATCH_ROOT):
        area = f"{user}/video/temp_processing"
        if _AREA.fullmatch(area):
            for last in _names(settings.SCRATCH_ROOT / area):
                if item := look(f"{area}/{last}", at, older_than=older_than):
                    yield item


def _names(folder: Path) -> list[str]:
    """List a folder, unless it is missing or reached through a link below the root."""
    root: Path = settings.SCRATCH_ROOT
    if folder.resolve() != root.resolve() / folder.relative_to(root):
        return []
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def look(name: str, at: float, *, older_than: timedelta = timedelta(0)) -> Item | None:
    """Look at one thing in the scratch area; None when it is gone, a link, or too young."""
    if not _AREA.fullmatch(name.rpartition("/")[0]):
        return None
    path = f"{settings.SCRATCH_ROOT}/{name}"
    try:
        facts = os.stat(path, follow_symlinks=False)
        folder = stat.S_ISDIR(facts.st_mode)
        latest = at - older_than.total_seconds() if older_than else math.inf
        if not (folder or stat.S_ISREG(facts.st_mode)) or facts.st_mtime > latest:
            return None
        size, changed = facts.st_size, facts.st_mtime
        if folder:
            size, changed = _inside(name, changed, latest)
        if changed > latest:
            return None
        age = timedelta(seconds=max(at - changed, 0))
        return Item(name, size, age, _is_live(path), folder)
    except FileNotFoundError:
        return None


def _inside(name: str, changed: float, latest: float) -> tuple[int, float]:
    """Add up a folder and find its last change, or one that makes it too young anyway."""
    size = 0
    for one in unlink.walk(settings.SCRATCH_ROOT, name):
        size += one.size
        changed = max(changed, one.modified_ns / 1e9)
        if changed > latest:
            break
    return size, changed


def _is_live(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:  # nobody can tell, so it stays
        return True
    try:
        return not _lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def remove(item: Item) -> bool:
    """Remove what nobody holds, under its lock; False when it is gone or live by now.

    Raises Refused and OSError, as `unlink` does.
    """
    try:
        lock = os.open(settings.SCRATCH_ROOT / item.name, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        if not _lock(lock):
            return False
        take = unlink.remove_tree if item.folder else unlink.remove_file
        return take(settings.SCRATCH_ROOT, item.name)
    finally:
        os.close(lock)
