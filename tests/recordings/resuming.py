"""Resumable uploads without the web: begun, written on, left in the middle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from recordings.ledger.models import StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.s3 import S3Storage
from recordings.ledger.storages import storage
from recordings.models import Recording, ResumableUpload
from recordings.uploads import receiving, resumable
from recordings.uploads.details import Details
from tests.api.conftest import mp4
from tests.conftest import assert_clean

SIZE = 300_000
HALF = 150_000
CONTENT = mp4(SIZE)
DEAD = "nobody"  # a holder on another machine, whose lease has to run out


def begin(owner: Any, *, content: bytes = CONTENT, process: bool = True) -> ResumableUpload:
    return resumable.create(
        owner,
        name="lecture.mp4",
        length=len(content),
        details=Details(process=process),
        metadata="",
    )


def send(upload: ResumableUpload, content: bytes) -> ResumableUpload:
    """Go on with so many bytes, as one request does."""
    at = ResumableUpload.objects.get(pk=upload.pk).offset
    return receiving.receive(upload, pieces(content), offset=at, size=len(content))


def pieces(content: bytes, size: int = 64 * 1024) -> Iterable[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def half(owner: Any, **values: Any) -> ResumableUpload:
    return send(begin(owner, **values), CONTENT[:HALF])


def claim_lapses() -> None:
    ResumableUpload.objects.update(lease_until=Now() - timedelta(seconds=1), claimed_by=DEAD)


def expire() -> None:
    ResumableUpload.objects.update(expires_at=Now() - timedelta(seconds=1))


def assert_arrived(upload: ResumableUpload) -> None:
    """The recording is there, with exactly the bytes that were sent."""
    recording = Recording.objects.get(pk=upload.recording_id)
    stored = recording.files.get().stored
    assert recording.state != Recording.State.UPLOADING
    assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert b"".join(storage(stored.storage).chunks(str(stored))) == CONTENT
    assert_no_parts()
    assert_clean()


def assert_gone(account: Any) -> None:
    """Nothing is left of an upload: no row, no byte, no part, no room."""
    purge()
    assert not Recording.objects.exists()
    assert not ResumableUpload.objects.exists()
    assert not StoredFile.objects.exists()
    assert (account().used, account().reserved) == (0, 0)
    assert list(storage(settings.MEDIA_STORAGE).listing()) == []
    assert_no_parts()
    assert_clean()


def assert_nothing_rests() -> None:
    purge()
    assert not StoredFile.objects.exclude(state=StoredFile.State.READY).exists()


def assert_no_parts() -> None:
    """No part, tail or marker stands, and the bucket lists no multipart upload."""
    place = storage(settings.MEDIA_STORAGE)
    assert list(place.leftovers()) == []
    if isinstance(place, S3Storage):
        answer = place.client.list_multipart_uploads(Bucket=place.bucket_name)
        assert answer.get("Uploads", []) == []
        kept = place.client.list_objects_v2(Bucket=place.bucket_name, Prefix=".incoming/")
        assert kept.get("Contents", []) == []
