"""What stands under a name that our row did not write is never overwritten and never removed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from recordings.ledger import publish
from recordings.ledger.exceptions import NameTaken
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from recordings.ledger.storages import storage
from recordings.models import Recording
from tests.conftest import assert_clean
from tests.proofs import children
from tests.proofs.moments import Moments, die, numbers
from tests.proofs.scenes import CONTENT, World, begin, empty, full, wipe

pytestmark = pytest.mark.django_db(transaction=True)

FOREIGN = b"someone else's"


def stand(name: str) -> None:
    """Put bytes under a name, past the ledger."""
    if settings.MEDIA_STORAGE == "s3":
        bucket: Any = storage("s3")
        bucket.client.put_object(Bucket="media", Key=name, Body=FOREIGN)
    else:
        path = Path(settings.MEDIA_ROOT) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FOREIGN)


def read(name: str) -> bytes:
    place: Any = storage(settings.MEDIA_STORAGE)
    with place.open(name) as file:
        content: bytes = file.read()
    return content


def collide(world: World) -> str:
    """Publish, while a stranger takes the name between our look at it and our link."""
    with begin(world, Kind.ORIGINAL) as publication:
        name = str(publication.stored.file.name)
        publication.write(CONTENT)
        stand(name)
        publication.finish()
    return name


def name_of(world: World) -> str:
    return f"user_{world.owner.pk}/video/unprocessed/{world.recording.pk}_original.mp4"


def test_name_taken_meanwhile_is_left_as_it_is(anywhere: str, ground: Path) -> None:
    world = empty()

    with pytest.raises(NameTaken):
        collide(world)
    purge()

    assert read(name_of(world)) == FOREIGN
    assert StoredFile.objects.count() == world.account.reserved == 0


def test_name_taken_meanwhile_survives_our_death_at_any_moment(anywhere: str, ground: Path) -> None:
    for at in numbers(every=4):
        world = empty()

        def act(world: World = world, at: int = at) -> None:
            publication = begin(world, Kind.ORIGINAL)
            publication.write(CONTENT)
            stand(str(publication.stored.file.name))
            with Moments(at, die).watched(), contextlib.suppress(NameTaken), publication:
                publication.finish()

        killed = children.ended(children.fork(act)) == -9
        assert killed or at > 10
        publish.recover()
        purge()
        purge()

        assert read(name_of(world)) == FOREIGN, f"killed at moment {at}"
        assert StoredFile.objects.count() == world.account.reserved == 0
        wipe()
        if not killed:
            break


def test_name_with_a_row_is_refused_in_words(anywhere: str, ground: Path) -> None:
    world = full()
    file = world.files()[0]
    storage(settings.MEDIA_STORAGE).bulk_delete([str(file.stored.file.name)])

    with pytest.raises(NameTaken):
        again(file.stored)

    assert world.account.reserved == 0


def test_name_of_a_purged_file_never_comes_back(anywhere: str, ground: Path) -> None:
    world = full()
    stored = world.files()[0].stored
    world.files()[0].delete()
    purge()
    assert Receipt.objects.count() == 1

    with pytest.raises(NameTaken):
        again(stored)

    assert_clean()


def again(stored: StoredFile) -> Publication:
    return Publication.begin(
        name=str(stored.file.name),
        kind=Kind.ORIGINAL,
        owner_id=stored.owner_id,
        recording_id=stored.recording_id,
        size=10,
    )


def test_answer_lost_on_the_way_back_does_not_lose_the_upload(s3: Any, ground: Path) -> None:
    """The client repeats a request whose answer it missed, and finds its own object there."""
    world = empty()
    publication = begin(world, Kind.ORIGINAL)
    publication.write(CONTENT)
    asked: list[str] = []

    def answer_is_lost(**kwargs: Any) -> None:
        if not asked:
            asked.append("complete")
            publication._writer._complete()  # type: ignore[union-attr]

    events = s3.client.meta.events
    events.register("before-call.s3.CompleteMultipartUpload", answer_is_lost)
    try:
        publication.finish()
    finally:
        events.unregister("before-call.s3.CompleteMultipartUpload", answer_is_lost)

    publication.abandon()
    purge()
    assert StoredFile.objects.count() == 0
    assert s3.size_of(name_of(world)) is None


def test_new_numbers_after_a_collision_go_through(ground: Path) -> None:
    world = empty()
    with pytest.raises(NameTaken):
        collide(world)

    with begin(world, Kind.ORIGINAL) as publication:
        publication.write(CONTENT)
        publication.finish()

    assert Recording.objects.get().numbers["original"] == 2
    assert Account.objects.get(owner_id=world.owner.pk).reserved == 0
