"""Resumable uploads through histories made up by chance: whatever happens, the bytes are those."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from recordings.ledger import publish
from recordings.ledger.exceptions import Lost
from recordings.ledger.publish import LEASE
from recordings.models import ResumableUpload
from recordings.uploads import intake, receiving, resumable
from recordings.uploads.exceptions import WrongChecksum
from recordings.uploads.writing import Turn
from tests.recordings import resuming as scene
from tests.recordings.resuming import CONTENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("anywhere")]

STEPS = 40


class History:
    """One upload and everything that may happen to it."""

    def __init__(self, owner: Any, seed: int) -> None:
        self.chance = random.Random(seed)
        self.upload = scene.begin(owner)
        self.sleepers: list[ResumableUpload] = []

    @property
    def row(self) -> ResumableUpload:
        return ResumableUpload.objects.get(pk=self.upload.pk)

    def piece(self) -> bytes:
        at = self.row.offset
        return CONTENT[at : at + self.chance.choice([1, 500, 20_000, 70_000])]

    def send(self) -> None:
        scene.send(self.upload, self.piece())

    def send_damaged(self) -> None:
        at, piece = self.row.offset, self.piece()
        checksum = receiving.Checksum(b"something else", receiving.ALGORITHMS["sha1"]())
        came = (b"fLaC" + b"?" * len(piece))[: len(piece)]  # at the start another type of file
        with suppress(WrongChecksum):
            receiving.receive(self.upload, [came], offset=at, size=len(piece), checksum=checksum)

    def die(self) -> None:
        """Write, and be killed before it counts; the claim stays behind and lapses."""
        with resumable.claimed(self.upload) as mine, Turn(mine) as turn:
            turn.write(self.piece())
            ResumableUpload.objects.update(
                claim=uuid4(), claimed_by=scene.DEAD, lease_until=Now() - LEASE
            )

    def fall_asleep(self) -> None:
        with resumable.claimed(self.upload) as mine:
            self.sleepers.append(mine)
            scene.claim_lapses()
            self.send()

    def wake(self) -> None:
        if self.sleepers:
            with suppress(Lost):
                receiving.carry_on(self.sleepers.pop(), [b"z" * 30_000])

    def tick(self) -> None:
        for recover in (publish.recover, publish.sweep_parts, intake.recover, receiving.recover):
            recover()


@pytest.mark.parametrize("seed", range(6))
def test_every_history_ends_with_the_bytes_that_were_sent(owner: Any, seed: int) -> None:
    history = History(owner, seed)
    happenings = ["send", "send", "send_damaged", "die", "fall_asleep", "wake", "tick"]

    for _ in range(STEPS):
        if history.row.finished_at is None:
            getattr(history, history.chance.choice(happenings))()
    while history.row.finished_at is None:
        history.send()
    for _ in list(history.sleepers):
        history.wake()

    history.tick()
    scene.assert_arrived(history.upload)
