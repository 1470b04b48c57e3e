"""Writers of a resumable upload that slept while it went on without them, and uploads that hang."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from recordings.ledger import publish
from recordings.ledger.disk_resuming import DiskResumed
from recordings.ledger.exceptions import Lost, StorageFault
from recordings.ledger.models import Reservation
from recordings.ledger.storages import storage
from recordings.models import ResumableUpload
from recordings.uploads import intake, receiving
from recordings.uploads.exceptions import Expired, TooLarge, WrongChecksum
from tests.api.conftest import mp4
from tests.recordings import resuming as scene

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024 * 1024


@pytest.fixture
def sleeper(owner: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ResumableUpload]:
    """Have the first writer sleep while another goes on, before or after the file has its name."""

    def make(when: str) -> ResumableUpload:
        upload, real, slept = scene.begin(owner), intake.publish, []

        def another_goes_on() -> None:
            slept.append(True)
            scene.claim_lapses()
            at = ResumableUpload.objects.get().offset
            scene.send(upload, scene.CONTENT[at : scene.HALF])

        def named(*args: Any, **values: Any) -> Any:
            if not slept and when == "before":
                another_goes_on()
            made = real(*args, **values)
            if not slept:
                another_goes_on()
            return made

        monkeypatch.setattr(intake, "publish", named)
        return upload

    return make


@pytest.mark.parametrize("when", ["before", "after"])
def test_sleeper_takes_neither_file_nor_room_from_who_went_on(sleeper, when):
    upload = sleeper(when)
    room = Reservation.objects.get().size

    with pytest.raises((Lost, receiving.Locked)):
        begin = scene.pieces(scene.CONTENT[: scene.HALF])
        receiving.receive(upload, begin, offset=0, size=scene.HALF)

    assert Reservation.objects.get().size == room - len(scene.CONTENT)
    scene.send(upload, scene.CONTENT[ResumableUpload.objects.get().offset :])
    scene.assert_arrived(upload)


def test_whole_upload_that_cannot_be_completed_goes_in_its_time(owner, monkeypatch):
    def refuse(writer: DiskResumed) -> None:
        raise StorageFault("The disk is away.")

    upload = scene.begin(owner)
    monkeypatch.setattr(DiskResumed, "commit", refuse)
    with pytest.raises(StorageFault):
        scene.send(upload, scene.CONTENT)
    receiving.recover()
    assert ResumableUpload.objects.exists()

    scene.expire()
    receiving.recover()

    assert not ResumableUpload.objects.exists()


def test_length_beyond_what_storage_can_hold_is_refused(owner):
    with pytest.raises(TooLarge):
        intake.refuse_too_large(999_999_999_999_999_999)


def test_all_leftovers_are_looked_at_however_many_are_in_use(owner, monkeypatch):
    monkeypatch.setattr(publish, "MOST_LEFTOVERS", 1)
    scene.half(owner)
    scene.half(owner)
    incoming = storage(settings.MEDIA_STORAGE).root / ".incoming"
    stray = incoming / "00000000-0000-4000-8000-000000000000.part"
    stray.write_bytes(b"stray")

    assert publish.sweep_parts() == 1

    assert not stray.exists()
    assert len(list(incoming.iterdir())) == 2


@pytest.mark.s3
def test_wrong_checksums_do_not_fill_a_bucket(owner, s3, monkeypatch):
    monkeypatch.setattr("recordings.ledger.s3_resuming.MOST_WASTED", 2)
    body = mp4(20 * MIB)
    upload = scene.begin(owner, content=body)
    wrong = receiving.Checksum.of("sha1 " + base64.b64encode(b"x" * 20).decode())

    def send() -> None:
        receiving.receive(upload, scene.pieces(body), offset=0, size=len(body), checksum=wrong)

    for _ in range(2):
        with pytest.raises(WrongChecksum):
            send()
    with pytest.raises(Expired):
        send()

    assert not ResumableUpload.objects.exists()
    assert not s3.client.list_multipart_uploads(Bucket=s3.bucket_name).get("Uploads")
