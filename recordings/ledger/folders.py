"""Folders below a root, opened step by step: by descriptor, through no link."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from recordings.ledger.exceptions import StorageFault

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_below(root: Path, steps: Sequence[str]) -> int:
    """Open a folder below `root`, refusing links, and make what is missing of it.

    Each parent that gained a folder is synced. The caller closes what is returned. Raises
    FileNotFoundError when a step is removed under our hands.
    """
    return _descend(root, steps, make=True)


def open_below(root: Path, steps: Sequence[str]) -> int:
    """As `make_below`, of what is there; raises FileNotFoundError, NotADirectoryError."""
    return _descend(root, steps, make=False)


def _descend(root: Path, steps: Sequence[str], *, make: bool) -> int:
    fd = os.open(root, _FOLDER & ~os.O_NOFOLLOW)  # the root itself may be a link: it is configured
    try:
        for step in steps:
            deeper = _step(fd, step, make=make)
            os.close(fd)
            fd = deeper
    except BaseException:
        os.close(fd)
        raise
    return fd


def _step(fd: int, step: str, *, make: bool) -> int:
    if step in {"", ".", ".."}:
        raise StorageFault(f"{step!r} is no folder of a stored name.")
    try:
        return os.open(step, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(step, mode=0o750, dir_fd=fd)
        os.fsync(fd)
    return os.open(step, _FOLDER, dir_fd=fd)
