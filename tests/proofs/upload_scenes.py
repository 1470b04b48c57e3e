"""Uploads over several requests as scenes of the proofs: brought to their end, or given up."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from recordings.models import Recording, ResumableUpload
from recordings.uploads import receiving, resumable
from recordings.uploads.details import Details
from recordings.uploads.exceptions import Expired, WrongChecksum
from tests.api.conftest import mp4

if TYPE_CHECKING:
    from tests.proofs.scenes import World

CONTENT = mp4(90_000)
FIRST = 70_000  # more than the head, so that a file has begun
DETAILS = Details(process=False)


def begin(world: World) -> ResumableUpload:
    return resumable.create(
        world.owner, name="a.mp4", length=len(CONTENT), details=DETAILS, metadata=""
    )


def send(upload: ResumableUpload, most: int = len(CONTENT)) -> None:
    """Go on with up to so many bytes, in pieces as they come over a line."""
    at = ResumableUpload.objects.get(pk=upload.pk).offset
    rest = CONTENT[at : at + most]
    pieces = [rest[:30_000], rest[30_000:]]
    receiving.receive(upload, filter(None, pieces), offset=at, size=len(rest))


def half(world: World) -> World:
    send(begin(world), FIRST)
    return world


def half_damaged(world: World) -> World:
    """Have bytes come that were damaged on their way, and named another type of file."""
    checksum = receiving.Checksum(b"that of what was sent", receiving.ALGORITHMS["sha1"]())
    came = b"fLaC" + bytes(FIRST)
    with suppress(WrongChecksum):
        receiving.receive(begin(world), [came], offset=0, size=len(came), checksum=checksum)
    return world


def upload(world: World) -> None:
    send(begin(world), FIRST)
    finish(world)


def finish(world: World) -> None:
    send(ResumableUpload.objects.get())


def go_on(world: World) -> None:
    """Do as the tick and the client do: finish what is whole, and send what is missing."""
    receiving.recover()
    for row in ResumableUpload.objects.filter(finished_at=None):
        with suppress(Expired):
            send(row)


def give_up(world: World) -> None:
    for row in ResumableUpload.objects.all():
        resumable.cancel(row)


def check_arrived_or_never_began(world: World) -> None:
    for row in ResumableUpload.objects.all():
        stored = row.recording.files.get().stored
        assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert row.recording.state == Recording.State.READY
    assert Recording.objects.count() == 1 + ResumableUpload.objects.count()


def check_arrived(world: World) -> None:
    assert ResumableUpload.objects.filter(finished_at__isnull=False).count() == 1
    check_arrived_or_never_began(world)


def check_given_up(world: World) -> None:
    assert not ResumableUpload.objects.exists()
    assert Recording.objects.count() == 1
    assert (world.account.used, world.account.reserved) == (0, 0)
