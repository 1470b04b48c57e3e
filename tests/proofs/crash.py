"""Kill a process at every moment of every act of the ledger, and look at what recovery makes of it.

`python -m tests.proofs.crash [--storage disk|s3] [--scene NAME] [--lines]` prints a line for each
scene; the database is the one of DATABASE_URL, in a test database of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.proofs import children
from tests.proofs.moments import Moments, die, numbers
from tests.proofs.scenes import SCENES, Scene, World, assert_recovered, wipe


@dataclass(frozen=True)
class Tally:
    """How many moments a scene has, and at how many of them a child was killed."""

    moments: int
    killed: int


def count(scene: Scene, world: World, *, lines: bool) -> int:
    """Let a child act undisturbed and return how many moments that took."""

    def act() -> int:
        moments = Moments(0, die, lines=lines)
        with moments.watched():
            scene.act(world)
        return moments.count

    return children.told(act)


def kill_at(scene: Scene, world: World, at: int, *, lines: bool) -> bool:
    """Kill a child at its moment `at`; False when it was through before."""

    def act() -> None:
        with Moments(at, die, lines=lines).watched():
            scene.act(world)

    status = children.ended(children.fork(act))
    assert status in {0, -9}, f"{scene.name} failed on its own at moment {at}"
    return status == -9


def walk(scene: Scene, *, lines: bool = False, every: int = 1) -> Tally:
    """Kill at moment 1, 2, 3 ... until the act survives; each time recover and check.

    With `every` only at each so-manyth moment, from a first one that differs from day to day.
    """
    world = scene.prepare()
    total = count(scene, world, lines=lines)
    assert_recovered(scene, world)
    wipe()
    kills = 0
    for at in numbers(every):
        world = scene.prepare()
        killed = kill_at(scene, world, at, lines=lines)
        try:
            assert_recovered(scene, world)
        except AssertionError as error:
            raise AssertionError(f"{scene.name}, killed at moment {at} of {total}") from error
        wipe()
        if not killed:
            break
        kills += 1
    return Tally(total, kills)


def main() -> None:
    from tests.proofs import site

    options = site.options(__doc__, scenes=[scene.name for scene in SCENES], lines=True)
    chosen = [scene for scene in SCENES if options.scene in {None, scene.name}]
    kills = 0
    with site.made(options.storage):
        for scene in chosen:
            began = time.monotonic()
            tally = walk(scene, lines=options.lines)
            kills += tally.killed
            print(
                f"{scene.name}: {tally.moments} moments, {tally.killed} kills, each recovered "
                f"clean, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    print(f"{site.described(options.storage)}: {kills} kills, all recovered clean")


if __name__ == "__main__":
    main()
