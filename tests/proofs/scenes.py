"""What the proofs interrupt: one act of the ledger each, and what must be true after recovery.

`prepare` makes the world, `act` is what a child does while it is killed or stopped, `check` says
that the act happened as a whole or not at all. Everything goes through the product's own code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from recordings import trash
from recordings.editing.models import EditingSession
from recordings.ledger import names, publish, quarantine, reservations
from recordings.ledger.entries import MARKER
from recordings.ledger.models import (
    Account,
    Clock,
    Hold,
    Lease,
    Receipt,
    Reservation,
    Scan,
    Sighting,
    StorageBond,
    StoredFile,
)
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from recordings.ledger.storages import places, storage
from recordings.ledger.transactions import retried
from recordings.models import (
    ArchivedFile,
    ArchivedRecording,
    Job,
    Recording,
    RecordingFile,
    ResumableUpload,
)
from tests.conftest import assert_clean, store
from tests.proofs import archive_scenes, children, moments, quarantine_scenes, upload_scenes
from thumbnails.models import OwnerDefault, Thumbnail, ThumbnailTemplate

FILES = (Kind.ORIGINAL, Kind.TRIMMED, Kind.AUDIO)
CONTENT = bytes(range(256)) * 12
HALF = len(CONTENT) // 2
TABLES = (
    EditingSession, Thumbnail, OwnerDefault, ThumbnailTemplate, Job, ResumableUpload, ArchivedFile,
    ArchivedRecording, RecordingFile, Recording, StoredFile, Receipt, Reservation, Hold, Lease,
    Clock, Account, Scan, Sighting, StorageBond,
)  # fmt: skip


@dataclass
class World:
    """One owner, what he has, and what the check wants to remember."""

    owner: Any
    recording: Recording
    others: list[Recording] = field(default_factory=list)
    budget: Reservation | None = None
    publication: Publication | None = None

    @property
    def account(self) -> Account:
        return Account.objects.get(owner_id=self.owner.pk)

    def files(self) -> list[RecordingFile]:
        return list(RecordingFile.objects.select_related("stored").order_by("pk"))


def make_owner() -> Any:
    return get_user_model().objects.create(username=f"owner-{uuid4().hex[:12]}")


def make_recording(owner: Any, *kinds: Kind) -> Recording:
    recording = Recording.objects.create(owner=owner, title="x", state=Recording.State.READY)
    for index, kind in enumerate(kinds):
        store(recording, kind, os.urandom(1000 + index))
    return recording


def empty() -> World:
    owner = make_owner()
    return World(owner, make_recording(owner))


def full() -> World:
    owner = make_owner()
    return World(owner, make_recording(owner, *FILES))


def in_trash() -> World:
    world = full()
    trash.move_to_trash([world.recording.pk], by="anna")
    return world


def two_owners() -> World:
    world = full()
    world.others.append(make_recording(make_owner(), *FILES))
    return world


def erased() -> World:
    world = full()
    trash.erase([world.recording.pk], by="anna")
    return world


def with_budget() -> World:
    world = empty()
    world.budget = reservations.set_aside(world.owner.pk, len(CONTENT), purpose="processing")
    Job.objects.create(recording=world.recording, owner_id=world.owner.pk, reservation=world.budget)
    Recording.objects.filter(pk=world.recording.pk).update(state=Recording.State.QUEUED)
    return world


def left_half_written() -> World:
    """A writer was killed between two chunks."""
    world = empty()

    def write() -> None:
        begin(world, Kind.ORIGINAL).write(CONTENT)
        moments.die()

    assert children.ended(children.fork(write)) == -9
    return world


def begin(world: World, kind: Kind, *, size: int = HALF) -> Publication:
    """Begin a publication that asks for too little room, so that it has to grow."""
    recording = world.recording
    number = retried(lambda: take_number(recording.pk, kind))
    if kind == Kind.ORIGINAL:
        name = names.original(recording.owner_id, recording.pk, "mp4", number)
    else:
        name = names.of_kind(kind, recording.owner_id, recording.pk, number)
    return Publication.begin(
        name=name,
        kind=kind,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=size,
        budget=world.budget,
    )


def take_number(pk: int, kind: Kind) -> int:
    with transaction.atomic():
        return Recording.objects.select_for_update().get(pk=pk).take_number(kind)


def put(
    world: World, kind: Kind = Kind.ORIGINAL, *, size: int = HALF, replacing: bool = False
) -> None:
    """Publish, in the end letting go of the file it replaces, as processing does."""
    with begin(world, kind, size=size) as publication:
        publication.write(CONTENT[:HALF])
        publication.write(CONTENT[HALF:])
        publication.finish()
        retried(lambda: show(world, kind, publication, replacing=replacing))


def show(world: World, kind: Kind, publication: Publication, *, replacing: bool) -> None:
    with transaction.atomic():
        stored = publication.settle()
        if replacing:
            RecordingFile.objects.get(recording=world.recording, kind=kind).delete()
        RecordingFile.objects.create(recording=world.recording, kind=kind, stored=stored)


def give_up(world: World) -> None:
    class Cancelled(Exception):
        pass

    try:
        with begin(world, Kind.ORIGINAL) as publication:
            publication.write(CONTENT)
            publication.finish()
            raise Cancelled
    except Cancelled:
        pass


def check_published_or_not(world: World) -> None:
    files = world.files()
    assert len(files) == StoredFile.objects.count() <= 1
    assert world.account.used == len(CONTENT) * len(files)
    for file in files:
        assert file.stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    left = 0 if world.budget is None else Reservation.objects.get(pk=world.budget.pk).size
    assert world.account.reserved == left


def check_one_version(world: World) -> None:
    current = [file for file in world.files() if file.kind == Kind.TRIMMED]
    assert len(current) == 1
    assert len(world.files()) == StoredFile.objects.count() == 3


def check_nothing_left(world: World) -> None:
    assert StoredFile.objects.count() == world.account.used == world.account.reserved == 0


def check_receipts(world: World) -> None:
    check_nothing_left(world)
    assert Receipt.objects.count() == 3


def check_all_or_none(world: World) -> None:
    """Each recording is there with all its files, or is gone with a receipt for each of them."""
    there = Recording.objects.count()
    assert there in {0, 1 + len(world.others)}
    assert StoredFile.objects.count() == RecordingFile.objects.count() == 3 * there
    assert Receipt.objects.count() == 3 * (1 + len(world.others) - there)
    assert world.account.used == (3003 if there else 0)


def check_file_gone_or_not(world: World) -> None:
    assert StoredFile.objects.count() == RecordingFile.objects.count()
    assert StoredFile.objects.count() + Receipt.objects.count() == 3
    assert StoredFile.objects.count() >= 2


def check_in_trash_or_not(world: World) -> None:
    recording = Recording.objects.get()
    trashed = recording.trashed_at is not None
    assert world.account.used == 3003
    assert world.account.in_trash == (3003 if trashed else 0)
    assert StoredFile.objects.filter(trashed=trashed).count() == 3


def check_user_gone_or_not(world: World) -> None:
    exists = get_user_model().objects.filter(pk=world.owner.pk).exists()
    assert Recording.objects.count() == int(exists)
    check_all_or_none(world)


@dataclass(frozen=True)
class Scene:
    name: str
    prepare: Callable[[], World]
    act: Callable[[World], object]
    check: Callable[[World], None]
    go_on: Callable[[World], object] = lambda world: None  # before anything else is recovered


def recover_and_purge(world: World) -> None:
    publish.recover()
    publish.sweep_parts()
    purge()


SCENES = [
    Scene("publish", empty, put, check_published_or_not),
    Scene("publish from a budget", with_budget, put, check_published_or_not),
    Scene("replace", full, lambda w: put(w, Kind.TRIMMED, replacing=True), check_one_version),
    Scene("abandon", empty, give_up, check_nothing_left),
    Scene("release one file", full, lambda w: w.files()[0].delete(), check_file_gone_or_not),
    Scene(
        "erase for two owners",
        two_owners,
        lambda w: trash.erase([w.recording.pk, w.others[0].pk], by="anna"),
        check_all_or_none,
    ),
    Scene("delete by cascade", full, lambda w: w.recording.delete(), check_all_or_none),
    Scene("delete the user", in_trash, lambda w: w.owner.delete(), check_user_gone_or_not),
    Scene(
        "trash",
        full,
        lambda w: trash.move_to_trash([w.recording.pk], by="anna"),
        check_in_trash_or_not,
    ),
    Scene("restore", in_trash, lambda w: trash.restore([w.recording.pk]), check_in_trash_or_not),
    Scene("purge", erased, lambda w: purge(), check_receipts),
    Scene(
        "quarantine",
        lambda: quarantine_scenes.orphaned(full()),
        quarantine_scenes.set_aside,
        quarantine_scenes.check_quarantined_or_not,
    ),
    Scene(
        "put back",
        lambda: quarantine_scenes.quarantined(full()),
        quarantine_scenes.put_back,
        quarantine_scenes.check_restored_or_not,
    ),
    Scene("archive", full, archive_scenes.put_away, archive_scenes.check_in_one_place),
    Scene(
        "restore from the archive",
        lambda: archive_scenes.archived(full()),
        archive_scenes.bring_back,
        archive_scenes.check_in_one_place,
    ),
    Scene(
        "upload over several requests",
        empty,
        upload_scenes.upload,
        upload_scenes.check_arrived_or_never_began,
        upload_scenes.go_on,
    ),
    Scene(
        "end of an upload",
        lambda: upload_scenes.half(empty()),
        upload_scenes.finish,
        upload_scenes.check_arrived,
        upload_scenes.go_on,
    ),
    Scene(
        "begin an upload anew",
        lambda: upload_scenes.half_damaged(empty()),
        upload_scenes.finish,
        upload_scenes.check_arrived,
        upload_scenes.go_on,
    ),
    Scene(
        "give up an upload",
        lambda: upload_scenes.half(empty()),
        upload_scenes.give_up,
        upload_scenes.check_given_up,
        upload_scenes.give_up,
    ),
    Scene("recover and purge", left_half_written, recover_and_purge, check_nothing_left),
]


def assert_recovered(scene: Scene, world: World) -> None:
    """Recover as the tick does; then nothing pends, the act is whole or void, the audit clean."""
    scene.go_on(world)
    publish.recover()
    quarantine.recover()
    publish.sweep_parts()
    purge()
    purge()
    pending = StoredFile.objects.exclude(state=StoredFile.State.READY)
    pending = pending.exclude(pk__in=quarantine.settled())
    assert not pending.exists(), list(pending.values())
    assert list(strays()) == []
    scene.check(world)
    assert_clean()


def strays() -> list[Any]:
    """Parts, unfinished uploads and markers."""
    return [left for alias in places() for left in storage(alias).leftovers()]


def wipe() -> None:
    """Leave an empty site, without the product's help."""
    for table in TABLES:
        rows = table._base_manager.all()
        rows._raw_delete(rows.db)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {get_user_model()._meta.db_table}")
    for place in map(storage, places()):
        place.bulk_delete([MARKER, *(entry.name for entry in place.listing())])
        for left in list(place.leftovers()):
            place.forget("" if left.part else left.name, left.part)
