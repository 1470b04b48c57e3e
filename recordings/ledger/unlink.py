"""recordings/ledger/unlink.py: the only removing of files outside storage.

Scratch, logs and managed folders go through here, at times by rules an administrator wrote, so
the worst that could happen is a path that leads elsewhere. What prevents it:

- a name is walked component by component through directory descriptors, each opened without
  following a link, so nothing swapped in between can lead out of the root;
- `..`, absolute names, the empty name and so the root itself are refused;
- single files are removed only when they are regular; links, devices and pipes are left;
- another filesystem mounted below the root is not entered;
- what is gone already is no error: False, and nothing to do;
- a file gets another name only where none stands.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recordings.ledger.exceptions import LedgerError
from recordings.ledger.folders import open_below

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(LedgerError):
    """What was to be removed is no regular file or folder below its root."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file below a root; `modified_ns` is its mtime in nanoseconds."""

    name: str
    size: int
    modified_ns: int


def remove_file(root: Path, name: str, *, modified_ns: int | None = None) -> bool:
    """Unlink a regular file below `root`; False when it is gone.

    With `modified_ns` only a file that has not changed since then, also False. Raises Refused
    when it is a link, a folder or the like, and OSError.
    """
    with _parent(root, name) as (folder, last):
        if folder is None:
            return False
        try:
            facts = os.stat(last, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(facts.st_mode):
            raise Refused(f"{name} is no regular file, so it was left.")
        if modified_ns not in {None, facts.st_mtime_ns}:
            return False
        os.unlink(last, dir_fd=folder)
    return True


def look(root: Path, name: str) -> Found | None:
    """Look at one regular file below `root`; None when there is none by that name."""
    try:
        with _parent(root, name) as (folder, last):
            if folder is None:
                return None
            facts = os.stat(last, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, Refused):
        return None
    return Found(name, facts.st_size, facts.st_mtime_ns) if stat.S_ISREG(facts.st_mode) else None


def set_aside(root: Path, name: str, other: str) -> bool:
    """Give a regular file in `root` another name in it; False when that one is taken.

    Never over anything. Who writes to the file goes on doing so under the new name. One that a
    crash left under both names loses the old one.
    """
    with _parent(root, name) as (folder, last):
        if folder is None:
            raise FileNotFoundError(name)
        facts = os.stat(last, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused(f"{name} is no regular file, so it was left.")
        try:
            os.link(last, other, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            if not os.path.samestat(facts, os.stat(other, dir_fd=folder, follow_symlinks=False)):
                return False
        os.unlink(last, dir_fd=folder)
    return True


def remove_tree(root: Path, name: str) -> bool:
    """Remove a folder below `root` with all that is in it; False when it is gone.

    Links in it go as links, what they point at stays. Raises Refused when `name` is no folder or
    holds another filesystem, and OSError.
    """
    with _parent(root, name) as (folder, last):
        if folder is None:
            return False
        try:
            inside = os.open(last, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            return False
        except NotADirectoryError as error:  # a link to a folder also ends here
            raise Refused(f"{name} is no folder, so it was left.") from error
        try:
            _refuse_mounts(inside, name, os.fstat(folder).st_dev)
        finally:
            os.close(inside)
        with suppress(FileNotFoundError):  # someone was faster
            shutil.rmtree(last, dir_fd=folder)
    return True


def remove_empty(root: Path, name: str) -> bool:
    """Remove a folder below `root` if nothing is in it; False when it stays or is gone."""
    with _parent(root, name) as (folder, last):
        if folder is None:
            return False
        try:
            os.rmdir(last, dir_fd=folder)
        except OSError:  # not empty, no folder, or gone: all three leave things as they are
            return False
    return True


def walk(
    root: Path,
    name: str = "",
    *,
    recursive: bool = True,
    on_error: Callable[[OSError], None] | None = None,
) -> Iterator[Found]:
    """Yield the regular files below a folder of `root`, names relative to `root`, in name order.

    Links are not followed and not yielded; other filesystems are not entered. A folder that
    cannot be read goes to `on_error` and does not stop the walk; a missing one is empty.
    """
    try:
        folder = open_below(root, _parts(name) if name else [])
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        yield from _walk(folder, f"{name}/" if name else "", recursive, on_error)
    finally:
        os.close(folder)


def _walk(
    folder: int, prefix: str, recursive: bool, on_error: Callable[[OSError], None] | None
) -> Iterator[Found]:
    device = os.fstat(folder).st_dev
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for last in names:
        try:
            facts = os.stat(last, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode):
                yield Found(prefix + last, facts.st_size, facts.st_mtime_ns)
            elif recursive and stat.S_ISDIR(facts.st_mode) and facts.st_dev == device:
                inside = os.open(last, _FOLDER, dir_fd=folder)
                try:
                    yield from _walk(inside, f"{prefix}{last}/", recursive, on_error)
                finally:
                    os.close(inside)
        except FileNotFoundError:  # gone since the listing
            continue
        except OSError as error:
            if on_error:
                on_error(error)


def _refuse_mounts(folder: int, name: str, device: int) -> None:
    for _, _, _, inside in os.fwalk(dir_fd=folder):
        if os.fstat(inside).st_dev != device:
            raise Refused(f"{name} holds another filesystem, so it was left.")


@contextmanager
def _parent(root: Path, name: str) -> Iterator[tuple[int | None, str]]:
    """Open the folder that `name` is in; None when that is missing."""
    *above, last = _parts(name)
    try:
        folder = open_below(root, above)
    except FileNotFoundError:
        yield None, last
        return
    except NotADirectoryError as error:
        raise Refused(f"{name} leads through something that is no folder.") from error
    try:
        yield folder, last
    finally:
        os.close(folder)


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\0" in name:
        raise Refused(f"{name!r} is no name below a root.")
    return parts
