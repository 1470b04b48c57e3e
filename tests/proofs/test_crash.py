"""A process killed at any moment of any act leaves it whole or undone, once recovery has run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.crash import walk
from tests.proofs.scenes import SCENES, Scene

pytestmark = pytest.mark.django_db(transaction=True)

# `python -m tests.proofs.crash` takes every moment; here every so-manyth, another one each day.
EVERY_ON_DISK, EVERY_ON_S3 = 9, 7

# Every file of a recording, twice through the act that a publication is once.
LONG = {
    "archive",
    "restore from the archive",
    "upload over several requests",
    "begin an upload anew",
}

# Where bytes move, storage and database matter; the other acts are the same statements anywhere.
MOVING = {
    "publish",
    "replace",
    "abandon",
    "purge",
    "recover and purge",
    "quarantine",
    "put back",
} | {
    "end of an upload",
    "give up an upload",
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_killed_at_every_moment_on_disk(ground: Path, scene: Scene) -> None:
    tally = walk(scene, every=EVERY_ON_DISK * (5 if scene.name in LONG else 1))

    assert tally.killed >= 1


@pytest.mark.s3
@pytest.mark.parametrize(
    "scene", [scene for scene in SCENES if scene.name in MOVING], ids=lambda scene: scene.name
)
def test_killed_at_every_moment_on_s3(s3: object, ground: Path, scene: Scene) -> None:
    tally = walk(scene, every=EVERY_ON_S3)

    assert tally.killed >= 1
