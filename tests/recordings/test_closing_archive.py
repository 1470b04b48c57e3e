"""What an account has in the archive goes with it, in bounded steps, and never what is held."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from recordings import closing
from recordings.archive_restore import restore
from recordings.closing import close_account, continue_closures
from recordings.holds import hold_owner, hold_recording, waiting_to_go
from recordings.ledger.models import Hold, Receipt, StoredFile
from recordings.ledger.purge import purge
from recordings.models import ArchivedRecording, Closure, Recording
from recordings.trash import erase
from tests.conftest import assert_clean
from tests.recordings.test_archive import contents, put_away

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(archive, make_recording):
    """Three recordings of olga's in the archive."""
    return [put_away(make_recording(files=2)) for _ in range(3)]


def users():
    return set(get_user_model().objects.values_list("username", flat=True))


def carry_on() -> Closure:
    for _ in range(2):
        continue_closures()
        purge()
    continue_closures()
    return Closure.objects.get()


def test_archive_goes_at_once_with_receipts_and_then_the_user(stored, archive, owner):
    close_account(owner, by="anna", at_once=True)
    closure = carry_on()

    assert (users(), closure.moved) == (set(), 3)
    assert list(archive.listing()) == []
    receipts = Receipt.objects.filter(storage="archive")
    assert receipts.count() == 6
    assert all("anna, closing the account, of olga" in one.released_by for one in receipts)
    assert_clean()


def test_one_step_takes_no_more_than_its_share(stored, owner, monkeypatch):
    monkeypatch.setattr(closing, "ARCHIVED", 2)
    closure = close_account(owner, by="anna", at_once=True)

    assert closing.step(closure) == 2
    assert ArchivedRecording.objects.count() == 1


def test_archive_stays_while_something_can_come_back_from_the_trash(stored, make_recording, owner):
    recording = make_recording()
    close_account(owner, by="anna")
    closure = carry_on()

    assert closure.message.startswith("Waiting for the trash, at least until ")
    assert ArchivedRecording.objects.count() == 3

    erase([recording.pk], by="policy trash v1")
    carry_on()
    assert (ArchivedRecording.objects.count(), users()) == (0, set())


def test_held_recording_stays_in_the_archive_and_the_user_with_it(stored, owner):
    held = stored[1]
    hold = hold_recording(held.recording_id, reason="Court case", by="anna")
    close_account(owner, by="anna", at_once=True)
    closure = carry_on()

    assert list(ArchivedRecording.objects.all()) == [held]
    assert closure.message == (
        "1 archived recording is on hold: it stays until the hold is released."
    )
    assert "olga" in users()
    assert waiting_to_go([hold]) == [
        "In the archive of accounts being closed, and going with them: 1."
    ]

    Hold.objects.get(pk=hold.pk).release(by="anna")
    carry_on()
    assert (ArchivedRecording.objects.count(), users()) == (0, set())


@pytest.mark.parametrize("way", ["transfer", "at_once", "trash"])
def test_owner_on_hold_keeps_the_archive(stored, make_user, owner, way):
    to = make_user("pavel") if way == "transfer" else None
    hold_owner(owner.pk, reason="Court case", by="anna")
    close_account(owner, by="anna", at_once=way == "at_once", transfer_to=to)
    carry_on()

    assert ArchivedRecording.objects.filter(owner_id=owner.pk).count() == 3
    assert StoredFile.objects.ready().count() == 6
    assert "olga" in users()


def test_archive_is_given_to_who_gets_the_recordings(archive, make_recording, make_user, owner):
    recording = make_recording(files=2)
    before = contents(recording)
    archived = put_away(recording)
    pavel = make_user("pavel")

    close_account(owner, by="anna", transfer_to=pavel)
    closure = carry_on()
    back = restore(archived.pk, by="anna")
    purge()

    assert (users(), closure.moved) == ({"pavel"}, 1)
    assert (back.owner, contents(Recording.objects.get())) == (pavel, before)
    assert not Receipt.objects.filter(storage="archive", reason="deleted").exists()
    assert_clean()
