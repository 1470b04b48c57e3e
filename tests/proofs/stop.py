"""Freeze a process past its lease at every moment, let another take over, and let it go on.

`python -m tests.proofs.stop [--storage disk|s3] [--scene NAME] [--lines]` prints a line for each
scene. The lease is set back in the row instead of waited for. Moments inside a database transaction
are left out: there the frozen process holds its locks, and the others wait for it.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now

from recordings.ledger import publish
from recordings.ledger.exceptions import Busy
from recordings.ledger.models import Lease, StoredFile
from recordings.ledger.purge import purge
from recordings.models import ResumableUpload
from recordings.uploads.exceptions import Locked
from tests.proofs import children
from tests.proofs.moments import Moments, numbers, stop
from tests.proofs.scenes import SCENES, Scene, World, assert_recovered, strays, wipe

UPLOADS = ("end of an upload", "give up an upload")
STOPPED = (
    "publish", "publish from a budget", "replace", "abandon", "purge", "recover and purge",
    *UPLOADS,
)  # fmt: skip


@dataclass(frozen=True)
class Tally:
    """At how many moments a process was frozen, and how often it was refused when it woke."""

    frozen: int
    refused: int


def freeze_at(scene: Scene, world: World, at: int, *, lines: bool) -> int | None:
    """Freeze a child at its moment `at` and return its process id; None when it was through."""

    def act() -> None:
        moments = Moments(at, stop, lines=lines, between_transactions=True)
        with moments.watched():
            scene.act(world)

    pid = children.fork(act)
    return pid if children.stopped(pid) else None


def take_over() -> bool:
    """End every lease by the database's clock, as time would, and do the tick's work.

    True when a writer lost its file by that.
    """
    for table in (StoredFile, Lease):
        table.objects.exclude(claim=None).update(lease_until=Now() - timedelta(seconds=1))
    taken = publish.recover()
    purge()
    return bool(taken)


def go_on(scene: Scene, world: World) -> bool:
    """Go on with an upload whose writer is frozen, where his file is not still open."""
    ResumableUpload.objects.exclude(claim=None).update(lease_until=Now() - timedelta(seconds=1))
    with suppress(Busy, Locked):
        scene.go_on(world)
    return False


def wake(scene: Scene, pid: int) -> int:
    os.kill(pid, signal.SIGCONT)
    status = children.ended(pid)
    assert status in {0, children.REFUSED}, f"{scene.name}: the woken process fell over"
    return status


def walk(scene: Scene, *, lines: bool = False, every: int = 1) -> Tally:
    """Freeze at moment 1, 2, 3 ... until the act gets through; check after each.

    With `every` only at each so-manyth moment, from a first one that differs from day to day.
    """
    frozen = refused = 0
    for at in numbers(every):
        world = scene.prepare()
        pid = freeze_at(scene, world, at, lines=lines)
        if pid is None:
            wipe()
            break
        frozen += 1
        try:
            taken = go_on(scene, world) if scene.name in UPLOADS else take_over()
            before = ready()
            refused += wake(scene, pid) == children.REFUSED
            assert not taken or ready() == before, "it published or deleted on a lost claim"
            assert scene.name in UPLOADS or list(strays()) == []  # an upload may still rest
            assert_recovered(scene, world)
        except Exception as error:
            with suppress(ProcessLookupError):  # a frozen one would keep its locks for ever
                os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"{scene.name}, frozen at moment {at}") from error
        wipe()
    return Tally(frozen, refused)


def ready() -> set[int]:
    return set(StoredFile.objects.ready().values_list("pk", flat=True))


def main() -> None:
    from tests.proofs import site

    options = site.options(__doc__, scenes=STOPPED, lines=True)
    frozen = 0
    with site.made(options.storage):
        for scene in SCENES:
            if scene.name in ([options.scene] if options.scene else STOPPED):
                began = time.monotonic()
                tally = walk(scene, lines=options.lines)
                frozen += tally.frozen
                print(
                    f"{scene.name}: frozen at {tally.frozen} moments, refused on waking "
                    f"{tally.refused} times, each clean, {time.monotonic() - began:.0f} s",
                    flush=True,
                )
    print(f"{site.described(options.storage)}: {frozen} processes frozen, nothing done twice")


if __name__ == "__main__":
    main()
