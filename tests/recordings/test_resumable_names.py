"""Names of resumable files: none comes twice, and no sleeper sets the numbers in them back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from recordings.ledger import purge, resuming
from recordings.ledger.exceptions import Lost
from recordings.ledger.models import StoredFile
from recordings.models import Recording
from recordings.uploads import receiving, resumable
from recordings.uploads.exceptions import Expired
from tests.recordings import resuming as scene
from tests.recordings.resuming import CONTENT, HALF
from tests.recordings.test_resumable_types import FLAC, OGG, damaged, send_damaged

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("anywhere")]


def test_late_purge_of_a_file_given_up_takes_nothing_of_the_next_of_its_type(owner: Any) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, CONTENT[:HALF])
    late = purge.Condemned.of(StoredFile.objects.all())
    send_damaged(upload, damaged(CONTENT[:HALF], FLAC))
    scene.send(upload, CONTENT[:HALF])

    purge.remove(late)

    scene.send(upload, CONTENT[HALF:])
    scene.assert_arrived(upload)


def test_names_of_files_given_up_are_not_used_again(owner: Any) -> None:
    upload, names = scene.begin(owner), []
    for start in (FLAC, OGG) * 4:
        send_damaged(upload, damaged(CONTENT[:HALF], start))
        names.append(str(StoredFile.objects.get(state=StoredFile.State.WRITING)))

    assert len(set(names)) == len(names)
    assert Recording.objects.get().numbers == {"original": 8}


def test_who_slept_until_it_was_done_sets_no_numbers_back(owner: Any) -> None:
    upload = scene.begin(owner, process=False)
    with resumable.claimed(upload) as sleeper:
        scene.claim_lapses()
        scene.send(upload, CONTENT)
        numbers = {"original": 1, "trimmed": 7}
        Recording.objects.update(numbers=numbers)

        with pytest.raises(Lost):
            receiving.carry_on(sleeper, [CONTENT[:HALF]], checksum())

    assert Recording.objects.get().numbers == numbers
    scene.assert_arrived(upload)


def test_body_that_comes_after_its_upload_was_cancelled_is_told_so(
    owner: Any, account: Any
) -> None:
    upload = scene.begin(owner)
    with resumable.claimed(upload) as mine:
        resumable.cancel(upload)

        with pytest.raises(Expired):
            receiving.carry_on(mine, [CONTENT[:HALF]], checksum())

    scene.assert_gone(account)


def test_body_of_another_type_is_told_that_its_upload_is_cancelled_meanwhile(
    owner: Any, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, damaged(CONTENT[:HALF], FLAC))
    really = resuming.find

    def find(recording_id: int) -> StoredFile | None:
        stored = really(recording_id)
        monkeypatch.setattr(resuming, "find", really)
        resumable.cancel(upload)
        return stored

    with resumable.claimed(upload) as mine:
        monkeypatch.setattr(resuming, "find", find)

        with pytest.raises(Expired):
            receiving.carry_on(mine, [CONTENT[:HALF]], checksum())

    scene.assert_gone(account)


def checksum() -> receiving.Checksum:
    return receiving.Checksum(b"of what was sent", receiving.ALGORITHMS["sha1"]())


def test_file_rests_as_long_as_its_upload_whatever_came_last(owner: Any, account: Any) -> None:
    upload = scene.begin(owner)
    send_damaged(upload, CONTENT[:HALF])
    StoredFile.objects.update(lease_until=Now() + timedelta(minutes=1))  # it began a day ago

    scene.send(upload, CONTENT[:1])

    stored, upload = StoredFile.objects.get(), resumable.find(upload.pk)
    assert stored.lease_until is not None
    assert stored.lease_until > upload.expires_at
