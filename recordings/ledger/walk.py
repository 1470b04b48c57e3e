"""Reading a folder in byte order: a sorted walk that stats nothing and keeps a page in memory.

As fast as reading the folders allows: of each entry only name and type are looked at, and both
came with the reading. `python walk.py ROOT IDENTITY AFTER SIZE [HIDDEN ...]` does it in a process
of its own for `disk_listing`, and needs nothing but the standard library: each page goes out as its
length in eight bytes and its names with zeros between them. A length of 0 says that this was all,
and one that no page has that what follows is why there is no more.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Collection, Iterator
from typing import Final

LONGEST: Final = 5000  # names carried along before they are handed on
HEADER: Final = 8  # bytes
BROKEN: Final = b"\xff" * HEADER


def pages(tree: Tree, *, after: bytes, size: int, hidden: Collection[bytes]) -> Iterator[bytes]:
    """Yield names of what is no folder in a tree, in byte order, `size` at a time.

    `hidden` are entries of the root itself that are left out. A folder that goes away meanwhile
    was empty; any other error is raised, since half a listing is none, and so it is where the root
    itself went away.
    """
    page: list[bytes] = []
    top, _ = tree.folder(b"")
    tree.refuse_another()
    for run in _runs(tree, [name for name in top if name.rstrip(b"/") not in hidden], after):
        page += run if not after else [name for name in run if name > after]
        while len(page) >= size:
            yield b"\0".join(page[:size])
            del page[:size]
    if page:
        yield b"\0".join(page)


class Tree:
    """A folder with all below it, and which one that is: another may stand there meanwhile."""

    def __init__(self, root: bytes, identity: bytes = b"") -> None:
        self._root = root + b"/"
        self.identity = identity or self._seen()

    def folder(self, name: bytes) -> tuple[list[bytes], bool]:
        """Read one folder, sorted, and tell whether others are in it.

        A folder sorts as `name/`, so that `a-b/` comes before `a/`.
        """
        is_deep = False
        names: list[bytes] = []
        try:
            with os.scandir(self._root + name) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        names.append(name + entry.name + b"/")
                        is_deep = True
                    else:
                        names.append(name + entry.name)
        except FileNotFoundError:  # removed, empty, since its parent was read
            self.refuse_another()
            return [], False
        names.sort()
        return names, is_deep

    def refuse_another(self) -> None:
        """Raise an OSError where the folder is gone, or another is in its place."""
        if self._seen() != self.identity:
            raise FileNotFoundError(errno.ENOENT, "another is there now", self._root)

    def _seen(self) -> bytes:
        root = os.stat(self._root)
        return b"%d:%d" % (root.st_dev, root.st_ino)


def _runs(tree: Tree, names: list[bytes], after: bytes) -> Iterator[list[bytes]]:
    """Yield names that follow each other, going down where a folder comes between.

    A folder without folders is read in passing: most are, and a generator for each would cost as
    much as reading it.
    """
    run: list[bytes] = []
    for name in names:
        if not name.endswith(b"/"):
            run.append(name)
        elif not after or name > after or after.startswith(name):
            inside, is_deep = tree.folder(name)
            if not is_deep:
                run += inside
            if is_deep or len(run) > LONGEST:
                yield run
                run = []
            if is_deep:
                yield from _runs(tree, inside, after)
    yield run


def main(root: bytes, identity: bytes, after: bytes, size: bytes, *hidden: bytes) -> None:
    """Write the pages to standard output, and a sentence where they end early."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody listens any more
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    out = sys.stdout.buffer
    try:
        for page in pages(Tree(root, identity), after=after, size=int(size), hidden=hidden):
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
