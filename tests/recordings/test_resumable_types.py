"""Resumable uploads whose first bytes were damaged on their way and named another type of file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from recordings.ledger import publish, resuming
from recordings.ledger.exceptions import Lost
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.s3_resuming import S3Resumed
from recordings.models import ResumableUpload
from recordings.uploads import receiving, resumable
from recordings.uploads.exceptions import NotMedia, WrongChecksum
from recordings.uploads.writing import Turn
from tests.api.conftest import mp4
from tests.conftest import assert_clean
from tests.recordings import resuming as scene
from tests.recordings.resuming import CONTENT, HALF, SIZE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("anywhere")]

Books = Callable[[], Account]
FLAC, OGG = b"fLaC" + bytes(8), b"OggS\0"
TAG = b"ID3\4\0\0" + bytes([0, 0, 7, 104]) + bytes(1000)  # what comes behind it says the type


def damaged(content: bytes, start: bytes) -> bytes:
    return start + content[len(start) :]


def send_damaged(upload: ResumableUpload, came: bytes) -> None:
    """Send other bytes with their checksum, of which `came` is what arrives; none of it counts."""
    checksum = receiving.Checksum(b"that of what was sent", receiving.ALGORITHMS["sha1"]())
    at = ResumableUpload.objects.get(pk=upload.pk).offset
    with pytest.raises(WrongChecksum):
        receiving.receive(upload, scene.pieces(came), offset=at, size=len(came), checksum=checksum)


def test_right_bytes_are_taken_after_damaged_ones_of_another_type(owner: Any) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, damaged(CONTENT[:HALF], FLAC))

    scene.send(upload, CONTENT)

    scene.assert_arrived(upload)
    assert str(StoredFile.objects.get()).endswith(".mp4")


def test_only_the_file_of_the_right_type_has_room_and_place(owner: Any, account: Books) -> None:
    upload = scene.begin(owner)
    before = (account().used, account().reserved)
    for start in (FLAC, OGG, FLAC, CONTENT[:8], FLAC):
        send_damaged(upload, damaged(CONTENT[:HALF], start))

    scene.send(upload, CONTENT[:HALF])

    assert (account().used, account().reserved) == before
    assert Reservation.objects.get().size == before[1] - SIZE
    assert str(StoredFile.objects.get()).endswith(".mp4")
    assert_clean()
    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_account_that_is_full_by_now_has_room_for_the_file_begun_anew(
    owner: Any, account: Books
) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, damaged(CONTENT[:HALF], FLAC))
    Account.objects.filter(owner_id=owner.pk).update(uses_default_limit=False, own_limit=10)

    scene.send(upload, CONTENT)

    assert account().used == SIZE
    scene.assert_arrived(upload)


@pytest.mark.parametrize("counted", [1, len(TAG)])
def test_first_bytes_that_count_stay_when_the_file_is_begun_anew(owner: Any, counted: int) -> None:
    content = TAG + FLAC + CONTENT[:HALF]
    upload = scene.begin(owner, content=content)
    scene.send(upload, content[:counted])
    send_damaged(upload, (TAG + OGG + CONTENT[:HALF])[counted:])

    scene.send(upload, content[counted:])

    stored = StoredFile.objects.get()
    assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert str(stored).endswith(".flac")
    assert_clean()


def test_damaged_bytes_before_a_file_that_is_no_media_leave_nothing(
    owner: Any, account: Books
) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, damaged(CONTENT[:HALF], FLAC))

    with pytest.raises(NotMedia):
        scene.send(upload, b"Dear diary. " * 10_000)

    scene.assert_gone(account)


@pytest.mark.parametrize("more", [b"", CONTENT[HALF:]])
def test_writer_of_damaged_bytes_that_slept_changes_nothing_of_the_file_begun_anew(
    owner: Any, more: bytes
) -> None:
    upload = scene.begin(owner)
    with resumable.claimed(upload) as mine, Turn(mine, whole=True) as sleeper:
        sleeper.write(damaged(CONTENT[:HALF], FLAC))
        scene.claim_lapses()
        scene.send(upload, CONTENT[:HALF])

        with pytest.raises(Lost):
            sleeper.write(more)
            sleeper.save()

    publish.sweep_parts()
    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_who_slept_before_he_began_anew_abandons_nothing_of_another(owner: Any) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, damaged(CONTENT[:HALF], FLAC))
    with resumable.claimed(upload) as sleeper:
        scene.claim_lapses()
        scene.send(upload, CONTENT[:HALF])
        stored = resuming.find(upload.recording_id)

        with pytest.raises(Lost):
            receiving.carry_on(sleeper, [damaged(CONTENT[:HALF], OGG)])

    assert resuming.find(upload.recording_id) == stored
    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_parts_of_a_damaged_body_are_not_those_of_the_file_begun_anew(owner: Any) -> None:
    content = mp4(20 * 1024**2)
    upload = scene.begin(owner, content=content, process=False)
    send_damaged(upload, damaged(content, FLAC))

    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(content)
        if isinstance(writer := turn.opened(), S3Resumed):
            assert [number for number, *_ in writer._parts] == [1]
        turn.save()
        turn.complete()

    stored = StoredFile.objects.get()
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    scene.assert_no_parts()
    assert_clean()
