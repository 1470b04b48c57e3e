"""A process frozen past its lease publishes nothing and deletes nothing when it wakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.scenes import SCENES, Scene
from tests.proofs.stop import STOPPED, walk

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = 4  # `python -m tests.proofs.stop` takes every moment


@pytest.mark.parametrize(
    "scene", [scene for scene in SCENES if scene.name in STOPPED], ids=lambda scene: scene.name
)
def test_frozen_at_every_moment(anywhere: str, ground: Path, scene: Scene) -> None:
    tally = walk(scene, every=EVERY)

    assert tally.frozen >= 2
    if scene.name.startswith("publish"):
        assert tally.refused >= 1
