"""Quarantine as scenes of the proofs: a file that no row knows is set aside, or put back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from recordings.ledger import names, quarantine
from recordings.ledger.models import Sighting, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.storages import storage
from tests.ledger.strays import seen

if TYPE_CHECKING:
    from tests.proofs.scenes import World

CONTENT = b"no row knows it" * 200


def orphaned(world: World) -> World:
    """Lay down a file that no row knows, as two scans saw it."""
    put_stray(names.of_kind(Kind.AUDIO, world.owner.pk, 10**6))
    return world


def put_stray(name: str) -> Sighting:
    """Bytes that nobody entered in the books, and their sighting."""
    place = storage(settings.MEDIA_STORAGE)
    part = uuid4()
    writer = place.writer(name, part)
    writer.write(CONTENT)
    writer.commit()
    writer.close()
    place.settled(part)
    return seen(name)


def quarantined(world: World) -> World:
    set_aside(orphaned(world))
    return world


def set_aside(world: World) -> None:
    quarantine.set_aside(Sighting.objects.get(), at=timezone.now(), by="policy orphans v1")


def put_back(world: World) -> None:
    quarantine.restore(quarantine.settled().get().pk, by="anna")


def check_quarantined_or_not(world: World) -> None:
    """Whole under one of its names; where it did not arrive, the same can be done again."""
    sighting = Sighting.objects.first()
    if sighting is not None:
        assert quarantine.set_aside(sighting, at=timezone.now(), by="again") == ""
    assert content_of(str(quarantine.settled().get().file.name)) == CONTENT
    assert len(list(storage(settings.MEDIA_STORAGE).listing())) == 4


def check_restored_or_not(world: World) -> None:
    for stored in quarantine.settled():
        quarantine.restore(stored.pk, by="again")
    assert not StoredFile.objects.exclude(state=StoredFile.State.READY).exists()
    stray = names.of_kind(Kind.AUDIO, world.owner.pk, 10**6)
    assert content_of(stray) == CONTENT
    assert len(list(storage(settings.MEDIA_STORAGE).listing())) == 4
    storage(settings.MEDIA_STORAGE).bulk_delete([stray])  # no row knows it, which audit would tell


def content_of(name: str) -> bytes:
    with storage(settings.MEDIA_STORAGE).open(name) as file:
        return bytes(file.read())
