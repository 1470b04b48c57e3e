"""Listing a folder in byte order: a sorted walk that stats nothing and keeps a page in memory.

As fast as reading the folders allows: of each entry only name and type are looked at, and both
came with the reading.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LONGEST: Final = 5000  # names carried along before they are handed on


def pages(root: Path, *, after: str, size: int, hidden: frozenset[str]) -> Iterator[list[str]]:
    """Yield names of what is no folder below `root`, in byte order, `size` at a time.

    `hidden` are entries of the root itself that are left out. A folder that goes away meanwhile
    was empty; any other error is raised, since half a listing is none.
    """
    behind = os.fsencode(after)
    page: list[str] = []
    bases, _ = _sorted(root, "")
    for run in _runs(root, "", [base for base in bases if base.rstrip("/") not in hidden], behind):
        page += run if not behind else [name for name in run if os.fsencode(name) > behind]
        while len(page) >= size:
            yield page[:size]
            del page[:size]
    if page:
        yield page


def _runs(root: Path, folder: str, bases: list[str], behind: bytes) -> Iterator[list[str]]:
    """Yield names that follow each other, going down where a folder comes between.

    A folder without folders is read in passing: most are, and a generator for each would cost as
    much as reading it.
    """
    run: list[str] = []
    for base in bases:
        name = folder + base
        if base[-1] != "/":
            run.append(name)
        elif not behind or _leads_behind(os.fsencode(name), behind):
            inside, is_deep = _sorted(root, name)
            if not is_deep:
                run += [name + last for last in inside]
            if is_deep or len(run) > LONGEST:
                yield run
                run = []
            if is_deep:
                yield from _runs(root, name, inside, behind)
    yield run


def _leads_behind(folder: bytes, behind: bytes) -> bool:
    return folder > behind or behind.startswith(folder)


def _sorted(root: Path, folder: str) -> tuple[list[str], bool]:
    """Read one folder, and tell whether others are in it.

    A folder sorts as `name/`, so that `a-b/` comes before `a/`.
    """
    try:
        with os.scandir(f"{root}/{folder}") as found:
            bases = [
                entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in found
            ]
    except FileNotFoundError:
        if folder:  # removed, empty, since its parent was read
            return [], False
        raise
    joined = "".join(bases)
    if joined.isascii():
        bases.sort()
    else:
        bases.sort(key=os.fsencode)
    return bases, "/" in joined
