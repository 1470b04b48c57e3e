"""Removing many names below a folder: by directory descriptor, each folder opened once.

Names are taken in order, so the chain of open folders only ever changes at its end. No step
follows a link, so nothing below the root can lead out of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Descent:
    """A chain of open folders from the root down, and what came of the names removed so far.

    `errors` says what went wrong by name; `changed` names the folders that lost an entry and
    still stand, which the caller syncs.
    """

    root: Path
    errors: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    _steps: list[str] = field(default_factory=list)
    _open: list[int] = field(default_factory=list)

    def remove(self, names: Iterable[str]) -> None:
        """Unlink each name; what is gone is success. Empty folders go with their last file."""
        self._open = [os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)]
        try:
            for name in sorted(names):
                self._remove(name)
            self._climb([])
        finally:
            for descriptor in self._open:
                os.close(descriptor)

    def _remove(self, name: str) -> None:
        *folders, last = name.split("/")
        try:
            self._reach(folders)
            os.unlink(last, dir_fd=self._open[-1])
            self.changed.add("/".join(folders))
        except FileNotFoundError:
            return
        except OSError as error:
            self.errors[name] = error.strerror or str(error)

    def _reach(self, folders: list[str]) -> None:
        if ".." in folders:
            raise NotADirectoryError(0, "the name leaves its root")
        self._climb(folders)
        for step in folders[len(self._steps) :]:
            self._open.append(os.open(step, _FOLDER, dir_fd=self._open[-1]))
            self._steps.append(step)

    def _climb(self, folders: list[str]) -> None:
        """Leave the folders that are no part of `folders`, removing those that are empty."""
        while self._steps != folders[: len(self._steps)]:
            folder, step = "/".join(self._steps), self._steps.pop()
            os.close(self._open.pop())
            if folder not in self.changed:
                continue
            with suppress(OSError):  # not empty, or gone already: either is fine
                os.rmdir(step, dir_fd=self._open[-1])
                self.changed.discard(folder)
                self.changed.add("/".join(self._steps))

    def sync(self) -> None:
        """Make the removals durable, a call for each folder that still stands."""
        for folder in self.changed:
            with suppress(FileNotFoundError, NotADirectoryError):
                descriptor = os.open(self.root / folder, _FOLDER)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
