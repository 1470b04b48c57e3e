"""Resumable uploads when processes die, sleep and wake, and when nobody comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db.models.functions import Now

from recordings import closing, trash
from recordings.ledger import leases, publish, resuming
from recordings.ledger.exceptions import Busy, Lost
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.resuming import Rest, Resumption
from recordings.ledger.storages import storage
from recordings.models import Recording, ResumableUpload
from recordings.uploads import intake, receiving, resumable
from recordings.uploads.exceptions import Expired, Locked, NotMedia
from recordings.uploads.writing import Turn
from tests.conftest import assert_clean
from tests.recordings import resuming as scene
from tests.recordings.resuming import CONTENT, HALF, SIZE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("anywhere")]

Books = Callable[[], Account]


def test_upload_at_rest_is_left_alone_by_every_recovery(owner: Any) -> None:
    upload = scene.half(owner)
    Recording.objects.update(created_at=Now() - timedelta(hours=5))

    for recover in (publish.recover, publish.sweep_parts, intake.recover, receiving.recover):
        assert recover() == 0

    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_first_bytes_alone_rest_in_the_row(owner: Any) -> None:
    upload = scene.send(scene.begin(owner), CONTENT[:1000])
    Recording.objects.update(created_at=Now() - timedelta(hours=5))
    intake.recover()

    assert bytes(upload.head) == CONTENT[:1000]
    assert not StoredFile.objects.exists()
    scene.send(upload, CONTENT[1000:])
    scene.assert_arrived(upload)


def test_no_other_writes_while_one_does(owner: Any) -> None:
    upload = scene.half(owner)

    with resumable.claimed(upload), pytest.raises(Locked):
        scene.send(upload, CONTENT[HALF:])

    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_writer_that_died_on_this_machine_is_followed_at_once(owner: Any) -> None:
    upload = scene.half(owner)
    here, start = leases.holder().rsplit("/", 1)
    dead = f"{here.rsplit('/', 1)[0]}/{2**22 + 1}/{start}"
    ResumableUpload.objects.update(
        claim=uuid4(), claimed_by=dead, lease_until=Now() + timedelta(minutes=2)
    )

    scene.send(upload, CONTENT[HALF:])

    scene.assert_arrived(upload)


@pytest.mark.parametrize("size", [10_000, HALF])
def test_writer_that_slept_through_its_lease_changes_nothing_when_it_wakes(
    owner: Any, size: int
) -> None:
    upload = scene.half(owner)
    with resumable.claimed(upload) as sleeper:
        scene.claim_lapses()
        scene.send(upload, CONTENT[HALF : HALF + size])

        with pytest.raises(Lost):
            receiving.carry_on(sleeper, [b"z" * 1000])

    if size < HALF:
        scene.send(upload, CONTENT[HALF + size :])
    scene.assert_arrived(upload)


def test_file_of_a_sleeper_that_still_has_it_open_is_not_written_beside_him(owner: Any) -> None:
    if django_settings.MEDIA_STORAGE == "s3":
        pytest.skip("a bucket has no descriptors; numbers of parts are the fence there")
    upload = scene.half(owner)
    with resumable.claimed(upload) as mine, Turn(mine) as sleeper:
        sleeper.write(CONTENT[HALF : HALF + 1000])
        scene.claim_lapses()

        with pytest.raises(Busy):
            scene.send(upload, CONTENT[HALF:])

    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_sleeper_that_wakes_after_the_end_does_not_cut_the_verified_file(owner: Any) -> None:
    if django_settings.MEDIA_STORAGE == "s3":
        pytest.skip("an object in a bucket cannot be cut")
    upload = scene.half(owner)
    stored = resuming.find(upload.recording_id)
    assert stored is not None
    part = Path(django_settings.MEDIA_ROOT) / ".incoming" / f"{stored.part}.part"
    scene.send(upload, CONTENT[HALF:])
    os.link(Path(django_settings.MEDIA_ROOT) / str(stored), part)  # as if the part had stayed

    with pytest.raises(Busy):
        Resumption(stored, SIZE).open(Rest(HALF))

    publish.sweep_parts()
    scene.assert_arrived(upload)


def test_bytes_behind_those_that_count_are_cut_off_again(owner: Any) -> None:
    upload = scene.half(owner)
    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(b"x" * 50_000)  # and the process dies

    scene.send(upload, CONTENT[HALF:])

    scene.assert_arrived(upload)


@pytest.mark.parametrize("death", ["before the name", "with the name"])
def test_upload_whose_process_died_at_the_end_is_finished_by_the_tick(
    owner: Any, death: str
) -> None:
    upload = scene.half(owner)
    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(CONTENT[HALF:])
        turn.save()
        if death == "with the name":
            writer, file = turn.opened(), turn._file
            assert file is not None
            file.complete(writer, crc=turn._crc, alive=turn.renew)

    assert receiving.recover() == 1

    scene.assert_arrived(upload)
    assert receiving.recover() == 0


def test_small_file_whose_process_died_at_the_end_is_finished_by_the_tick(owner: Any) -> None:
    content = CONTENT[:2000]
    upload = scene.begin(owner, content=content)
    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(content)

    assert receiving.recover() == 1

    stored = Recording.objects.get().files.get().stored
    assert b"".join(storage(stored.storage).chunks(str(stored))) == content
    scene.assert_no_parts()
    assert_clean()


def test_no_media_leaves_nothing(owner: Any, account: Books) -> None:
    upload = scene.begin(owner)

    with pytest.raises(NotMedia):
        scene.send(upload, b"Dear diary. " * 10_000)

    scene.assert_gone(account)


def test_expired_upload_is_removed_by_the_tick(owner: Any, account: Books) -> None:
    scene.half(owner)
    scene.expire()

    assert receiving.recover() == 1

    scene.assert_gone(account)


def test_expired_upload_that_is_being_written_is_not_removed(owner: Any) -> None:
    upload = scene.half(owner)
    scene.expire()

    with resumable.claimed(upload):
        assert receiving.recover() == 0

    assert Recording.objects.exists()


def test_file_at_rest_is_condemned_when_its_time_is_over_whatever_becomes_of_its_upload(
    owner: Any, account: Books
) -> None:
    upload = scene.half(owner)
    StoredFile.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert publish.recover() == 1

    with pytest.raises(Expired):
        scene.send(upload, CONTENT[HALF:])
    scene.assert_gone(account)


def _by_erasing(upload: ResumableUpload) -> None:
    trash.erase([upload.recording_id], by="anna")


def _by_rows(upload: ResumableUpload) -> None:
    upload.recording.delete()


def _by_giving_up(upload: ResumableUpload) -> None:
    assert resumable.cancel(upload)


def _by_cancelling(upload: ResumableUpload) -> None:
    assert intake.cancel(upload.recording_id)


@pytest.mark.parametrize("size", [1000, HALF])
@pytest.mark.parametrize("go", [_by_erasing, _by_rows, _by_giving_up, _by_cancelling])
def test_upload_that_is_removed_frees_its_room_at_once(
    owner: Any, account: Books, go: Callable[[ResumableUpload], None], size: int
) -> None:
    upload = scene.send(scene.begin(owner), CONTENT[:size])
    assert account().reserved

    go(upload)

    assert account().reserved == 0
    scene.assert_gone(account)


def test_writer_whose_upload_is_given_up_meanwhile_stops(owner: Any, account: Books) -> None:
    upload = scene.half(owner)
    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(CONTENT[HALF : HALF + 1000])
        resumable.cancel(upload)

        with pytest.raises((Lost, Expired)):
            turn.save()

    publish.sweep_parts()
    scene.assert_gone(account)


def test_account_that_is_closed_gives_up_what_was_coming(
    owner: Any, administrator: Any, account: Books
) -> None:
    scene.half(owner)
    closing.close_account(owner, by="anna", at_once=True)

    closing.continue_closures()

    scene.assert_gone(account)


def test_what_the_storage_changed_is_noticed_at_the_end(owner: Any, account: Books) -> None:
    if django_settings.MEDIA_STORAGE == "s3":
        pytest.skip("the store checks each part by its checksum itself")
    upload = scene.half(owner)
    part = next((Path(django_settings.MEDIA_ROOT) / ".incoming").iterdir())
    with part.open("r+b") as file:
        file.seek(100_000)
        file.write(b"rotten")

    with pytest.raises(Expired):
        scene.send(upload, CONTENT[HALF:])

    scene.assert_gone(account)


@pytest.mark.parametrize("process", [True, False])
def test_room_is_settled_at_the_end(owner: Any, account: Books, process: bool) -> None:
    upload = scene.half(owner, process=process)
    before = account().reserved

    scene.send(upload, CONTENT[HALF:])

    assert account().used == SIZE
    assert account().reserved == before - SIZE
    assert bool(account().reserved) == process


def test_row_of_a_finished_upload_goes_after_a_while(owner: Any) -> None:
    upload = scene.send(scene.half(owner), CONTENT[HALF:])
    ResumableUpload.objects.update(finished_at=Now() - timedelta(days=2))

    receiving.recover()

    assert not ResumableUpload.objects.exists()
    scene.assert_arrived(upload)


def test_limit_that_is_lowered_meanwhile_does_not_stop_what_has_its_room(
    owner: Any, account: Books
) -> None:
    upload = scene.send(scene.begin(owner), CONTENT[:1000])
    Account.objects.filter(owner_id=owner.pk).update(uses_default_limit=False, own_limit=10)

    scene.send(upload, CONTENT[1000:])

    assert account().used == SIZE
    scene.assert_arrived(upload)


def test_file_at_rest_that_no_upload_goes_on_with_is_let_go_by_the_tick(
    owner: Any, account: Books
) -> None:
    upload = scene.half(owner)
    scene.send(upload, CONTENT[HALF:])
    container = intake.container_of(CONTENT)
    intake.publish(upload.recording, container, SIZE, resting=timedelta(hours=25))  # a stray

    assert receiving.recover() == 1

    scene.assert_nothing_rests()
    assert account().used == SIZE
    scene.assert_arrived(upload)
