"""Resumable uploads in a bucket: parts, what is short of a part, and requests that come late."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from recordings.ledger import resuming
from recordings.ledger.exceptions import Lost
from recordings.ledger.s3_resuming import S3Resumed
from recordings.ledger.storages import storage
from recordings.models import Recording, ResumableUpload
from recordings.uploads import receiving, resumable
from recordings.uploads.exceptions import Expired
from recordings.uploads.writing import Turn
from tests.api.conftest import mp4
from tests.conftest import assert_clean
from tests.recordings import resuming as scene

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.s3,
    pytest.mark.usefixtures("s3"),
]

MB = 1024**2
LONG = mp4(40 * MB)


def begin(owner: Any) -> ResumableUpload:
    return scene.begin(owner, content=LONG, process=False)


def assert_whole() -> None:
    stored = Recording.objects.get().files.get().stored
    assert stored.sha256 == hashlib.sha256(LONG).hexdigest()
    digest = hashlib.sha256()
    for chunk in storage("s3").chunks(str(stored)):
        digest.update(chunk)
    assert digest.hexdigest() == stored.sha256
    scene.assert_no_parts()
    assert_clean()


@pytest.mark.parametrize("size", [7 * MB + 13, 16 * MB, 40 * MB])
def test_parts_and_what_is_short_of_one_make_one_object(owner: Any, size: int) -> None:
    upload = begin(owner)

    for start in range(0, len(LONG), size):
        upload = scene.send(upload, LONG[start : start + size])

    assert_whole()


def test_one_tail_is_kept_at_a_time(owner: Any, s3: Any) -> None:
    upload = begin(owner)
    for start in range(0, 12 * MB, 3 * MB):
        upload = scene.send(upload, LONG[start : start + 3 * MB])

    found = s3.client.list_objects_v2(Bucket="media", Prefix=".incoming/")["Contents"]

    assert [one["Size"] for one in found] == [12 * MB]


def test_part_that_comes_late_replaces_none(owner: Any, s3: Any) -> None:
    upload = scene.send(begin(owner), LONG[: 17 * MB])
    with resumable.claimed(upload) as mine, Turn(mine) as sleeper:
        writer = sleeper.opened()
        assert isinstance(writer, S3Resumed)
        # It noted the number of its next part, sent that, and slept while it was on the wire.
        late = writer._state["number"] = writer._state["number"] + 1
        writer._note(writer._state)
        scene.claim_lapses()
        upload = scene.send(upload, LONG[17 * MB : 39 * MB])
    stored = resuming.find(upload.recording_id)

    s3.client.upload_part(
        Bucket="media", Key=str(stored), UploadId=upload.writer["upload"], PartNumber=late,
        Body=b"z" * 6 * MB,
    )  # fmt: skip

    scene.send(upload, LONG[39 * MB :])
    assert_whole()


def test_sleeper_whose_tail_was_replaced_does_not_end_the_upload(owner: Any) -> None:
    upload = scene.send(begin(owner), LONG[: 17 * MB])
    with resumable.claimed(upload) as sleeper:
        scene.claim_lapses()
        upload = scene.send(upload, LONG[17 * MB : 18 * MB])
        with pytest.raises(Lost):
            receiving.carry_on(sleeper, [b"z" * MB])

    scene.send(upload, LONG[18 * MB :])
    assert_whole()


def test_upload_whose_parts_the_store_removed_says_what_to_do(owner: Any) -> None:
    upload = scene.send(begin(owner), LONG[: 17 * MB])

    def aborted(**kwargs: Any) -> tuple[Any, dict[str, Any]]:
        # The server of the tests answers 500 here, where stores answer this.
        return AWSResponse("", 404, {}, None), {"Error": {"Code": "NoSuchUpload"}}

    events, sending = storage("s3").client.meta.events, "before-call.s3.UploadPart"
    events.register(sending, aborted)
    try:
        with pytest.raises(Expired, match="removed from the store; upload it again"):
            scene.send(upload, LONG[17 * MB :])
    finally:
        events.unregister(sending, aborted)

    assert not Recording.objects.exists()
    scene.assert_no_parts()
    assert_clean()


def test_object_of_a_state_that_was_lost_gets_no_marker_that_gives_it_to_purge(
    owner: Any, s3: Any
) -> None:
    upload = scene.send(begin(owner), LONG[: 39 * MB])
    with resumable.claimed(upload) as mine, Turn(mine) as turn:
        turn.write(LONG[39 * MB :])
        turn.save()
        writer, file = turn.opened(), turn._file
        assert file is not None
        file.complete(writer, crc=turn._crc, alive=turn.renew)
        s3.settled(file.stored.part)  # as the commit did that was lost with its database

        file.complete(writer, crc=turn._crc, alive=turn.renew)

        assert not s3.take_back(str(file.stored), file.stored.part)
        assert s3.size_of(str(file.stored)) == len(LONG)
    assert receiving.recover() == 1
    assert_whole()
