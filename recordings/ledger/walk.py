"""Reading a folder in byte order: a sorted walk that stats nothing and keeps a page in memory.

As fast as reading the folders allows: of each entry only name and type are looked at, and both
came with the reading. `python walk.py ROOT AFTER SIZE [HIDDEN ...]` does it in a process of its
own for `disk_listing`, and needs nothing but the standard library: each page goes out as its
length in eight bytes and its names with zeros between them. A length of 0 says that this was all,
and one that no page has that what follows is why there is no more.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection, Iterator
from typing import Final

LONGEST: Final = 5000  # names carried along before they are handed on
HEADER: Final = 8  # bytes
BROKEN: Final = b"\xff" * HEADER


def pages(root: bytes, *, after: bytes, size: int, hidden: Collection[bytes]) -> Iterator[bytes]:
    """Yield names of what is no folder below `root`, in byte order, `size` at a time.

    `hidden` are entries of the root itself that are left out. A folder that goes away meanwhile
    was empty; any other error is raised, since half a listing is none.
    """
    page: list[bytes] = []
    top, _ = _sorted(root + b"/", b"")
    for run in _runs(root + b"/", [name for name in top if name.rstrip(b"/") not in hidden], after):
        page += run if not after else [name for name in run if name > after]
        while len(page) >= size:
            yield b"\0".join(page[:size])
            del page[:size]
    if page:
        yield b"\0".join(page)


def _runs(root: bytes, names: list[bytes], after: bytes) -> Iterator[list[bytes]]:
    """Yield names that follow each other, going down where a folder comes between.

    A folder without folders is read in passing: most are, and a generator for each would cost as
    much as reading it.
    """
    run: list[bytes] = []
    for name in names:
        if not name.endswith(b"/"):
            run.append(name)
        elif not after or name > after or after.startswith(name):
            inside, is_deep = _sorted(root, name)
            if not is_deep:
                run += inside
            if is_deep or len(run) > LONGEST:
                yield run
                run = []
            if is_deep:
                yield from _runs(root, inside, after)
    yield run


def _sorted(root: bytes, folder: bytes) -> tuple[list[bytes], bool]:
    """Read one folder, and tell whether others are in it.

    A folder sorts as `name/`, so that `a-b/` comes before `a/`.
    """
    is_deep = False
    names: list[bytes] = []
    try:
        with os.scandir(root + folder) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    names.append(folder + entry.name + b"/")
                    is_deep = True
                else:
                    names.append(folder + entry.name)
    except FileNotFoundError:
        if folder:  # removed, empty, since its parent was read
            return [], False
        raise
    names.sort()
    return names, is_deep


def main(root: bytes, after: bytes, size: bytes, *hidden: bytes) -> None:
    """Write the pages to standard output, and a sentence where they end early."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody listens any more
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    out = sys.stdout.buffer
    try:
        for page in pages(root, after=after, size=int(size), hidden=hidden):
            out.write(len(page).to_bytes(HEADER, "big") + page)
    except (OSError, RecursionError) as error:
        out.write(BROKEN + os.fsencode(unreadable(error)))
        return
    out.write(bytes(HEADER))


def unreadable(error: OSError | RecursionError) -> str:
    """Say what could not be read, and why."""
    if isinstance(error, RecursionError):
        return "Folders lie too deep in each other"
    return f"{os.fsdecode(error.filename)} cannot be read ({error.strerror})"


if __name__ == "__main__":
    main(*map(os.fsencode, sys.argv[1:]))
