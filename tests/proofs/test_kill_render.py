"""A worker killed while it renders, and a session killed while it is cleaned, lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs import crash, kill_render
from tests.proofs.editing import CLEANING

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = 5  # moments


def test_killed_at_moments_of_cleaning_a_session(ground: Path) -> None:
    assert crash.walk(CLEANING, every=EVERY).killed >= 1


@pytest.mark.media
def test_killed_at_random_points_of_rendering(ground: Path, tmp_path: Path) -> None:
    tally = kill_render.run(6, seed=20261121, folder=tmp_path)

    assert tally["kills"] == 6
