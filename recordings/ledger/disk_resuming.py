"""Going on with a part on a local disk.

The lock on the part lives as long as its descriptor, so a process that was stopped and taken for
dead keeps others away from the bytes for as long as it could still write; a killed one does not.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from recordings.ledger.entries import INCOMING
from recordings.ledger.exceptions import Busy, Damaged, NameTaken
from recordings.ledger.folders import make_below, open_below
from recordings.ledger.resuming import Rest
from recordings.ledger.storages import DiskWriter, part_name, told

STRIDE: Final = 32 * 1024 * 1024  # bytes between two syncs
_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


class DiskResumed(DiskWriter):
    """Write on behind the bytes that are safe; what a killed writer left behind those is cut."""

    def __init__(self, root: Path, name: str, part: UUID, rest: Rest) -> None:
        self._root, self._part = root, part_name(part)
        self._folder, _, self._base = name.rpartition("/")
        self._size, self._fd, self._incoming = rest.offset, -1, -1
        with told():
            with suppress(FileExistsError):
                root.mkdir(mode=0o750)
            self._incoming = make_below(root, [INCOMING])
            try:
                self._open(rest)
            except BaseException:
                self.close()
                raise

    def _open(self, rest: Rest) -> None:
        create = 0 if rest.offset else os.O_CREAT
        try:
            self._fd = os.open(self._part, _FLAGS | create, 0o640, dir_fd=self._incoming)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            raise Damaged("What had come of this file is no longer there.") from None
        except BlockingIOError:
            raise Busy("Another request is still writing this file; wait a moment.") from None
        rest.note(rest.state)  # under the lock: who slept until now must not cut another's bytes
        self._cut(rest.offset)
        os.lseek(self._fd, rest.offset, os.SEEK_SET)

    def _cut(self, offset: int) -> None:
        found = os.fstat(self._fd)
        if found.st_size < offset:
            raise Damaged("The disk kept less of this file than was written to it.")
        if found.st_size > offset and found.st_nlink > 1:
            # We slept: another brought it to its end, and these are the bytes of a verified file.
            raise Busy("Another request has completed this file.")
        if found.st_size > offset:
            os.ftruncate(self._fd, offset)

    @property
    def room(self) -> int:
        return STRIDE - self._size % STRIDE

    def rest(self, *, complete: bool) -> dict[str, Any]:
        with told():
            os.fsync(self._fd)
        return {}

    def rested(self) -> None:
        """Nothing was replaced: there is one part."""

    def _link_once(self) -> int:
        """As every writer, where the name may be ours already from a try that came to no end."""
        try:
            return super()._link_once()
        except NameTaken:
            folder = open_below(self._root, self._folder.split("/"))
            try:
                found = os.stat(self._base, dir_fd=folder, follow_symlinks=False)
                if os.path.samestat(os.fstat(self._fd), found):
                    return folder
            except BaseException:
                os.close(folder)
                raise
            os.close(folder)
            raise
