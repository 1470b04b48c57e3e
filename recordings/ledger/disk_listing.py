"""A listing of the media folder, read by a process of its own while ours compares it with rows.

Two threads would not do: reading a folder hands Python's lock over at every entry. What fits into
one page is read here, since a process costs more than that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from recordings.ledger import walk
from recordings.ledger.exceptions import StorageFault


def pages(root: Path, *, after: str, size: int, hidden: Collection[str]) -> Iterator[list[str]]:
    """Yield names of files below `root` behind `after`, in byte order, `size` at a time.

    Raises StorageFault where a folder cannot be read or the listing breaks off: half of one would
    make orphans of live files.
    """
    above = [os.fsencode(name) for name in hidden]
    try:
        tree = walk.Tree(os.fsencode(root))
        here = walk.pages(tree, after=os.fsencode(after), size=size, hidden=above)
        first = [_split(page) for page in islice(here, 1)]
    except (OSError, RecursionError) as error:
        raise _half(walk.unreadable(error)) from error
    yield from first
    if first and len(first[0]) == size:
        yield from _read_elsewhere(root, tree.identity, first[0][-1], size, hidden)


def _read_elsewhere(
    root: Path, identity: bytes, after: str, size: int, hidden: Collection[str]
) -> Iterator[list[str]]:
    asked: list[str | bytes] = [str(root), identity, after, str(size), *hidden]
    command = [sys.executable, "-I", "-S", walk.__file__, *asked]
    try:
        # What it says of itself goes where ours goes: a second pipe could fill, and stop it.
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
    except OSError as error:
        raise _half(f"No process could be started to read {root} ({error.strerror})") from error
    with child:
        assert child.stdout
        try:
            while page := _next(child.stdout):
                yield _split(page)
        finally:
            child.kill()


def _next(pipe: IO[bytes]) -> bytes:
    """Return a page, an empty one behind the last. Raises StorageFault where it ends otherwise."""
    header = pipe.read(walk.HEADER)
    if header == walk.BROKEN:
        raise _half(pipe.read().decode(errors="replace"))
    length = int.from_bytes(header, "big")
    page = pipe.read(length)
    if (len(header), len(page)) != (walk.HEADER, length):
        raise _half("")
    return page


def _split(page: bytes) -> list[str]:
    return os.fsdecode(page).split("\0")


def _half(why: str) -> StorageFault:
    return StorageFault(f"{why or 'The listing broke off'}, and half a listing is none.")
