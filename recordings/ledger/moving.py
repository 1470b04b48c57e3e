"""Giving a file on disk another name: a second link first, then the former one goes.

Nothing is ever replaced, no step follows a link, and a crash between the two leaves both names on
the same bytes, which `finish` tells from two files.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recordings.ledger.entries import INCOMING, Entry, Moved
from recordings.ledger.exceptions import NameTaken, StorageFault
from recordings.ledger.folders import make_below, open_below

ATTEMPTS = 20  # purge removes folders that are empty, between their making and our link too


@dataclass(frozen=True, slots=True)
class DiskPage:
    """A page of a walk; the file is looked at when its entry is asked for."""

    root: Path
    names: list[str]

    def entry(self, name: str) -> Entry | None:
        try:
            return described(name, os.lstat(f"{self.root}/{name}"))
        except (FileNotFoundError, NotADirectoryError):
            return None


def described(name: str, facts: os.stat_result) -> Entry:
    """A file's clock is the later of mtime, which survives a move, and ctime, which does not."""
    modified = max(facts.st_mtime, facts.st_ctime)
    return Entry(name, facts.st_size, datetime.fromtimestamp(modified, UTC))


def entry(root: Path, name: str) -> Entry | None:
    """Describe the regular file under a name that leads through real folders; else None."""
    with _at(root, name) as (folder, last):
        facts = None if folder is None else _look(folder, last)
    return described(name, facts) if facts and stat.S_ISREG(facts.st_mode) else None


def link(root: Path, known: Entry, to: str) -> bool:
    """Link a file to a second name; False when it is not as `known` any more. Raises NameTaken."""
    with _at(root, known.name) as (folder, last):
        facts = None if folder is None else _look(folder, last)
        if folder is None or facts is None or not stat.S_ISREG(facts.st_mode):
            return False
        if described(known.name, facts) != known:
            return False
        _link(root, folder, last, to)
    return True


def _link(root: Path, folder: int, last: str, to: str) -> None:
    *above, base = to.split("/")
    for _ in range(ATTEMPTS):
        target = make_below(root, above)
        try:
            os.link(last, base, src_dir_fd=folder, dst_dir_fd=target, follow_symlinks=False)
            os.fsync(target)
        except FileExistsError:
            raise NameTaken(f"Something stands at {to} already.") from None
        except FileNotFoundError:
            continue
        else:
            return
        finally:
            os.close(target)
    raise StorageFault(f"The folder of {to} was removed again and again.")


def finish(root: Path, name: str, to: str) -> Moved:
    """Unlink the former name where both are the same file, and say what stands then."""
    with _at(root, name) as (folder, last), _at(root, to) as (target, base):
        left = None if folder is None else _look(folder, last)
        arrived = None if target is None else _look(target, base)
        if folder is not None and left and arrived and os.path.samestat(left, arrived):
            os.unlink(last, dir_fd=folder)
            os.fsync(folder)
            left = None
        return Moved(left is not None, arrived is not None)


def write_whole(root: Path, name: str, content: bytes) -> None:
    """Write a small file aside, sync it and rename it over the one before."""
    folder = open_below(root, ())
    # Not a part's name: the sweep of the upload area would take it for a leftover.
    aside = f"{name.lstrip('.')}.{os.getpid()}.{threading.get_native_id()}"
    try:
        incoming = make_below(root, [INCOMING])
        try:
            _write(incoming, aside, content)
            os.rename(aside, name, src_dir_fd=incoming, dst_dir_fd=folder)
        finally:
            os.close(incoming)
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(folder: int, name: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o640, dir_fd=folder)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)


def _look(folder: int, last: str) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return os.stat(last, dir_fd=folder, follow_symlinks=False)
    return None


@contextmanager
def _at(root: Path, name: str) -> Iterator[tuple[int | None, str]]:
    """Open the folder of a name; None where it is missing, or no folder but a link to one."""
    *above, last = name.split("/")
    try:
        folder = open_below(root, above)
    except (FileNotFoundError, NotADirectoryError):
        yield None, last
        return
    try:
        yield folder, last
    finally:
        os.close(folder)
