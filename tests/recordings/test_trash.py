"""Into the trash, back out of it as before, and away for ever; whole batches or nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.template.defaultfilters import filesizeformat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from recordings import trash
from recordings.holds import hold_owner, hold_recording
from recordings.ledger.exceptions import Held
from recordings.ledger.models import Receipt, Reservation, StoredFile
from recordings.ledger.purge import purge
from recordings.models import Job, Label, Recording
from recordings.processing import jobs
from recordings.transfer import transfer
from recordings.trash import erase, move_to_trash, restore
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def facts(recording):
    """All that must be the same again after a stay in the trash."""
    files = recording.files.order_by("pk").values_list("pk", "kind", "stored__file")
    row = Recording.objects.filter(pk=recording.pk).values().get()
    return row, list(files), set(recording.labels.values_list("name", flat=True))


def test_trash_stamps_who_when_and_until(recording, settings):
    assert move_to_trash([recording.pk], by="policy recordings v2") == 1

    recording.refresh_from_db()
    assert recording.trashed_by == "policy recordings v2"
    assert recording.purge_after - recording.trashed_at == settings.TRASH_PERIOD


def test_period_is_promised_when_trashed_not_recomputed(recording, settings):
    settings.TRASH_PERIOD = timedelta(days=3)
    move_to_trash([recording.pk], by="olga")
    settings.TRASH_PERIOD = timedelta(days=90)

    recording.refresh_from_db()
    assert recording.purge_after - recording.trashed_at == timedelta(days=3)


def test_trashing_twice_moves_once_and_keeps_the_first_deadline(recording, account):
    move_to_trash([recording.pk], by="olga")
    recording.refresh_from_db()
    until = recording.purge_after

    assert move_to_trash([recording.pk], by="pavel") == 0

    recording.refresh_from_db()
    assert (recording.purge_after, recording.trashed_by) == (until, "olga")
    assert account().in_trash == 5010


def test_restored_recording_is_as_it_was(anywhere, recording, owner, account, stored_names):
    recording.labels.add(Label.objects.create(owner=owner, name="physics"))
    before, names = facts(recording), stored_names()

    move_to_trash([recording.pk], by="olga")
    purge()
    assert restore([recording.pk]) == 1

    assert facts(recording) == before
    assert stored_names() == names
    assert (account().used, account().in_trash) == (5010, 0)
    assert_clean()


def test_restoring_what_is_not_in_the_trash_changes_nothing(recording):
    assert restore([recording.pk]) == 0
    assert restore([987654]) == 0


def test_erased_recording_leaves_receipts_and_nothing_else(
    anywhere, recording, owner, account, stored_names
):
    recording.labels.add(Label.objects.create(owner=owner, name="physics"))

    assert erase([recording.pk], by="olga") == 1
    purge()

    assert not Recording.objects.exists()
    assert Label.objects.exists()
    assert stored_names() == set()
    assert account().used == 0
    assert Receipt.objects.count() == 5
    assert_clean()


def test_erased_recording_cannot_be_restored(recording):
    erase([recording.pk], by="olga")

    assert restore([recording.pk]) == 0


def test_erasing_twice_is_erasing_once(recording, account):
    assert erase([recording.pk], by="olga") == 1
    assert erase([recording.pk], by="olga") == 0

    assert account().used == 0


def test_receipts_carry_the_reason(recording):
    erase([recording.pk], by="policy trash v1", reason=StoredFile.Reason.POLICY)
    purge()

    assert set(Receipt.objects.values_list("reason", "released_by")) == {
        ("policy", "policy trash v1")
    }


@pytest.mark.parametrize(
    "leave", [lambda pks: move_to_trash(pks, by="olga"), lambda pks: erase(pks, by="olga")]
)
def test_batch_with_a_held_recording_stays_whole(make_recording, account, leave):
    free, held = make_recording(), make_recording()
    hold_recording(held.pk, reason="Exam", by="anna")

    with pytest.raises(Held):
        leave([free.pk, held.pk])

    assert Recording.objects.live().count() == 2
    assert (account().used, account().in_trash) == (10020, 0)
    assert_clean()


def test_batches_before_a_held_one_stand(make_recording, monkeypatch):
    monkeypatch.setattr(trash, "BATCH_SIZE", 1)
    free, held = make_recording(files=1), make_recording(files=1)
    hold_recording(held.pk, reason="Exam", by="anna")

    with pytest.raises(Held):
        move_to_trash([free.pk, held.pk], by="olga")

    assert list(Recording.objects.live()) == [held]
    assert_clean()


def test_rolled_back_erase_changes_nothing(anywhere, recording, account, stored_names):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        erase([recording.pk], by="olga")
        1 / 0  # noqa: B018
    purge()

    assert Recording.objects.get().files.count() == 5
    assert len(stored_names()) == 5
    assert account().used == 5010
    assert_clean()


def test_trash_asks_the_job_to_stop_and_keeps_the_original(make_recording):
    recording = make_recording(files=1)
    job = jobs.start(recording.pk)

    move_to_trash([recording.pk], by="olga")
    jobs.recover()

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert recording.files.get().kind == "original"
    assert_clean()


def test_erase_ends_the_job_and_gives_its_room_back(make_recording, account):
    recording = make_recording(files=1)
    jobs.start(recording.pk)
    assert account().reserved > 0

    erase([recording.pk], by="olga")

    assert not Job.objects.exists()
    assert not Reservation.objects.exists()
    assert (account().used, account().reserved) == (0, 0)
    assert_clean()


def test_recordings_of_several_owners_go_together(make_recording, make_user):
    mine, his = make_recording(), make_recording(of=make_user("pavel"))

    assert move_to_trash([mine.pk, his.pk], by="anna") == 2
    assert erase([mine.pk, his.pk], by="anna") == 2

    assert_clean()


def test_database_refuses_trash_without_a_deadline(recording):
    for wrong in ({"trashed_at": "2026-01-01T00:00Z"}, {"purge_after": "2026-01-01T00:00Z"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Recording.objects.filter(pk=recording.pk).update(**wrong)


def test_erasing_costs_the_same_queries_for_two_and_for_two_hundred(owner):
    def queries(count):
        rows = [Recording(owner=owner, title=str(n)) for n in range(count)]
        pks = [row.pk for row in Recording.objects.bulk_create(rows)]
        with CaptureQueriesContext(connection) as captured:
            erase(pks, by="olga")
        return len(captured)

    assert queries(2) == queries(200)


def test_old_copy_of_a_recording_that_changed_hands_is_held_with_its_owner(
    make_recording, make_user
):
    recording, receiver = make_recording(files=0), make_user("paul")
    transfer([recording.pk], to=receiver, by="anna")
    hold_owner(receiver.pk, reason="audit", by="anna")

    with pytest.raises(Held):
        recording.delete()

    assert Recording.objects.filter(pk=recording.pk).exists()


def test_trash_and_the_question_before_for_ever_tell_the_same_size(client, owner, recording):
    client.force_login(owner)
    former = recording.files.get(kind="transcript")
    former.superseded_at = timezone.now()
    former.save()
    move_to_trash([recording.pk], by="olga")
    size = filesizeformat(sum(file.stored.size for file in recording.files.all()))

    listed = client.get("/trash").content.decode()
    asked = client.post("/trash/erase", {"recordings": [recording.pk]}).content.decode()

    assert f"<span>{size}</span>" in listed
    assert f"its files, {size} in all" in asked
