"""An administrator keeps a recording while its policy removes it, in both orders, at every step."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction

from recordings.models import Recording
from retention import keeping
from retention.clock import database_now
from retention.exceptions import RetentionError
from retention.models import KeepRequest, RetentionPolicy
from retention.targets.base import Work
from retention.targets.recordings import Recordings
from tests.proofs.pairs import Pair
from tests.proofs.races import walk
from tests.proofs.scenes import World, full

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

POLICY = RetentionPolicy(
    slug="all", name="All", target="recordings", action="delete", clock="uploaded",
    max_age_seconds=0,
)  # fmt: skip


def asked_for() -> World:
    world = full()
    KeepRequest.objects.all().delete()
    keeping.ask(world.recording, reason="Exam", by="olga")
    return world


def grant(world: World) -> None:
    request = KeepRequest.objects.get(recording_id=world.recording.pk)
    keeping.grant(request, by="anna", until=None)


def sweep(world: World) -> None:
    keys = [world.recording.pk]
    with transaction.atomic():
        Recordings().remove(Work(policy=POLICY, keys=keys, at=database_now(), by="policy"))


def check_granted_or_gone(world: World) -> None:
    """What was granted stands; the request about what went says so."""
    state = KeepRequest.objects.get(recording_id=world.recording.pk).state
    stands = Recording.objects.filter(pk=world.recording.pk, keep=True).exists()
    assert (state, stands) in {("granted", True), ("gone", False)}


def test_granted_recording_never_goes(ground: Path) -> None:
    pair = Pair("grant or sweep", asked_for, grant, sweep, (RetentionError,), check_granted_or_gone)

    assert walk(pair, every=5) >= 2
