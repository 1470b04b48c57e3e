"""A process frozen past its lease publishes nothing and deletes nothing when it wakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.scenes import SCENES, Scene
from tests.proofs.stop import STOPPED, walk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "scene", [scene for scene in SCENES if scene.name in STOPPED], ids=lambda scene: scene.name
)
def test_frozen_at_every_moment(anywhere: str, ground: Path, scene: Scene) -> None:
    tally = walk(scene)

    assert tally.frozen > 5
    if scene.name.startswith("publish"):
        assert tally.refused > 5
