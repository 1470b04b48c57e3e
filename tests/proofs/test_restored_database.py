"""Yesterday's database over today's storage: nothing of today is overwritten or removed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from recordings.ledger import identity, publish
from recordings.ledger.exceptions import NameTaken, NotOurs
from recordings.ledger.models import Sighting, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.ledger.scan import scan
from recordings.ledger.storages import storage
from recordings.models import Recording
from tests.conftest import is_sqlite
from tests.proofs.scenes import CONTENT, World, begin, empty, full, make_recording, put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def yesterday(ground: Path, tmp_path: Path) -> Callable[[], Callable[[], None]]:
    """Back the database up; what is returned restores it, rows and sequences alike."""
    if not is_sqlite():
        pytest.skip("the backup is a copy of SQLite's file; the rows are the same anywhere")

    def back_up() -> Callable[[], None]:
        connections.close_all()
        live, copy = str(connection.settings_dict["NAME"]), str(tmp_path / "yesterday.sqlite3")
        duplicate(live, copy)

        def restore() -> None:
            connections.close_all()
            duplicate(copy, live)

        return restore

    return back_up


def duplicate(source: str, target: str) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def today() -> dict[str, bytes]:
    place = storage(settings.MEDIA_STORAGE)
    found = {}
    for entry in place.listing():
        with place.open(entry.name) as file:  # type: ignore[attr-defined]
            found[entry.name] = file.read()
    return found


def upkeep() -> None:
    publish.recover()
    purge()
    purge()


def test_upkeep_removes_nothing_that_came_since(
    anywhere: str, yesterday: Callable[[], Callable[[], None]]
) -> None:
    world = full()
    restore = yesterday()
    make_recording(world.owner, Kind.ORIGINAL, Kind.TRIMMED)
    put(World(world.owner, make_recording(world.owner)))
    stands = today()

    restore()
    upkeep()

    assert today() == stands
    assert len(stands) == 6


def test_new_uploads_go_beside_what_came_since(
    anywhere: str, yesterday: Callable[[], Callable[[], None]]
) -> None:
    world = empty()
    restore = yesterday()
    put(World(world.owner, make_recording(world.owner)))
    stands = today()

    restore()
    again = World(world.owner, Recording.objects.create(owner=world.owner, title="again"))
    with pytest.raises(NameTaken):
        put(again)
    put(again)
    upkeep()

    assert today().items() > stands.items()
    assert len(today()) == 2


def test_abandoned_upload_takes_nothing_of_today_along(
    anywhere: str, yesterday: Callable[[], Callable[[], None]]
) -> None:
    """The name was free when the upload began, and today's file came under it meanwhile."""
    world = empty()
    restore = yesterday()
    put(world)
    (name,) = stands = today()
    storage(settings.MEDIA_STORAGE).bulk_delete([name])

    restore()
    publication = begin(world, Kind.ORIGINAL)
    publication.write(CONTENT)
    put_back(name, stands[name])
    with pytest.raises(NameTaken):
        publication.finish()
    publication.abandon()
    upkeep()

    assert today() == stands


def put_back(name: str, content: bytes) -> None:
    writer = storage(settings.MEDIA_STORAGE).writer(name, uuid4())
    writer.write(content)
    writer.commit()
    writer.close()


def test_upload_that_was_under_way_yesterday_is_not_taken_from_today(
    anywhere: str, yesterday: Callable[[], Callable[[], None]]
) -> None:
    """Its row was copied while it was written; since then it was finished and shown."""
    world = empty()
    publication = begin(world, Kind.ORIGINAL)
    publication.write(CONTENT)
    restore = yesterday()
    publication.finish()
    with transaction.atomic():
        publication.settle()
    stands = today()

    restore()
    StoredFile.objects.update(lease_until=Now(), claimed_by="")
    upkeep()

    assert today() == stands


def test_scan_leaves_what_came_since_alone_and_says_why(
    anywhere: str, yesterday: Callable[[], Callable[[], None]]
) -> None:
    world = full()
    alias = settings.MEDIA_STORAGE
    identity.bind(alias)
    restore = yesterday()
    make_recording(world.owner, Kind.ORIGINAL, Kind.TRIMMED)
    list(scan(alias, timezone.now() + timedelta(hours=2)))
    stands = today()

    restore()
    with pytest.raises(NotOurs, match="restored from a backup"):
        list(scan(alias, timezone.now() + timedelta(hours=2)))

    assert Sighting.objects.count() == 0
    assert today() == stands
