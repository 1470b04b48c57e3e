"""Look through the scratch area by age, against a bare walk of the same tree.

Run: `python -m benchmarks.scratch [files]`. One in a hundred is old enough to be asked for its
lock, and in a last round every one; the bare walk is a recursive `os.scandir` that stats every
file and does nothing else.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.bench import compare, seconds, site

ROUNDS = 5
USERS = 20
INSIDE = 10  # files in the folder of a job
LIMIT = 2.4
DAY = timedelta(days=1)


def fill(root: Path, count: int, *, folders: bool) -> int:
    """Make scratch of crashed jobs, as folders of files or stray files; return how many are old."""
    old, past = 0, time.time() - 2 * DAY.total_seconds()
    for number in range(count // INSIDE if folders else count):
        area = root / f"user_{number % USERS + 1}/video/temp_processing"
        area.mkdir(parents=True, exist_ok=True)
        things = [area / f"{number}_temp_{number:08x}.mp4"]
        if folders:
            job = area / f"{number}_temp_{number:08x}"
            job.mkdir()
            things = [*(job / f"part{index}" for index in range(INSIDE)), job]
        for thing in things:
            if not thing.is_dir():
                thing.touch()
            if number % 100 == 0:
                os.utime(thing, (past, past))
        old += number % 100 == 0
    return old


def walk(folder: str) -> int:
    """Stat every file below, as the cheapest sweep by age would have to."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                count += walk(entry.path)
            else:
                entry.stat(follow_symlinks=False)
                count += 1
    return count


def measure(root: Path, what: str, old: int, *, older_than: timedelta = DAY) -> bool:
    from recordings.processing.scratch import items

    ours: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        bare.append(seconds(lambda: walk(str(root))))
        found: list[int] = []

        def sweep(found: list[int] = found) -> None:
            found.append(sum(1 for _ in items(older_than=older_than)))

        ours.append(seconds(sweep))
        assert found == [old]
    return compare(what, ours, bare, limit=LIMIT)


def main(count: int) -> int:
    with site() as folder:
        from django.conf import settings

        holds = []
        for folders in (False, True):
            settings.SCRATCH_ROOT = folder / ("folders" if folders else "files")
            old = fill(settings.SCRATCH_ROOT, count, folders=folders)
            kind = f"jobs' folders with {INSIDE} files each" if folders else "stray files"
            what = f"{count} files, {kind}, {old} of them old"
            holds.append(measure(settings.SCRATCH_ROOT, what, old))
        jobs = count // INSIDE
        what = f"{count} files in {jobs} jobs' folders, all of them asked for"
        holds.append(measure(settings.SCRATCH_ROOT, what, jobs, older_than=timedelta(0)))
        return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
