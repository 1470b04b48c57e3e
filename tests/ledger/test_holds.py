"""A hold keeps everything it covers until it is released or lapses, and stays as history."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, transaction
from django.utils import timezone

from recordings.holds import hold_owner, hold_recording
from recordings.ledger.exceptions import Held, LedgerError
from recordings.ledger.models import Hold
from recordings.ledger.purge import purge
from recordings.ledger.release import place_hold
from recordings.models import Recording
from recordings.transfer import transfer
from recordings.trash import erase, move_to_trash, restore
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def test_held_recording_moves_neither_to_trash_nor_away(anywhere, recording, stored_names):
    hold_recording(recording.pk, reason="Court case", by="anna")

    with pytest.raises(Held, match="This recording is on hold, placed by anna: Court case"):
        move_to_trash([recording.pk], by="olga")
    with pytest.raises(Held):
        erase([recording.pk], by="olga")
    purge()

    assert Recording.objects.live().exists()
    assert len(stored_names()) == 5
    assert_clean()


def test_hold_on_an_owner_covers_what_he_makes_later(make_recording, owner):
    hold_owner(owner.pk, reason="Court case", by="anna")
    later = make_recording()

    with pytest.raises(Held, match="Everything of this owner is on hold"):
        later.delete()


def test_hold_covers_no_other_owner(make_recording, make_user, owner):
    hold_owner(owner.pk, reason="Court case", by="anna")
    other = make_recording(of=make_user("pavel"))

    other.delete()

    assert not Recording.objects.exists()


def test_lapsed_hold_stops_blocking_at_once(recording):
    until = timezone.now() + timedelta(hours=1)
    hold = hold_recording(recording.pk, reason="Exam", by="anna", until=until)
    with pytest.raises(Held, match="until"):
        recording.delete()

    Hold.objects.filter(pk=hold.pk).update(until=timezone.now() - timedelta(microseconds=1))
    Recording.objects.get().delete()

    assert not Recording.objects.exists()


def test_release_frees_the_recording_and_is_done_once(recording):
    hold = hold_recording(recording.pk, reason="Exam", by="anna")

    assert hold.release(by="boris")
    assert not hold.release(by="carl")

    hold.refresh_from_db()
    assert hold.released_by == "boris"
    recording.delete()


def test_every_hold_must_go_before_the_recording(recording):
    first = hold_recording(recording.pk, reason="Exam", by="anna")
    hold_recording(recording.pk, reason="Court case", by="anna")
    first.release(by="anna")

    with pytest.raises(Held) as refusal:
        recording.delete()

    assert [hold.reason for hold in refusal.value.holds] == ["Court case"]


def test_trashed_recording_can_be_held_and_restored(recording):
    move_to_trash([recording.pk], by="olga")
    hold_recording(recording.pk, reason="Exam", by="anna")

    with pytest.raises(Held):
        erase([recording.pk], by="policy trash v1")
    restore([recording.pk])

    assert Recording.objects.live().exists()


def test_hold_on_a_recording_goes_with_it_to_another_owner(recording, make_user):
    pavel = make_user("pavel")
    hold_recording(recording.pk, reason="Exam", by="anna")

    transfer([recording.pk], to=pavel, by="anna")

    with pytest.raises(Held):
        erase([recording.pk], by="pavel")
    assert_clean()


def test_nothing_leaves_the_hold_of_an_owner_by_transfer(recording, make_user, owner):
    pavel = make_user("pavel")
    hold_owner(owner.pk, reason="Court case", by="anna")

    with pytest.raises(Held):
        transfer([recording.pk], to=pavel, by="anna")

    assert Recording.objects.get().owner == owner


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_hold_without_a_reason_is_refused(recording, reason):
    with pytest.raises(LedgerError, match="needs a reason"):
        hold_recording(recording.pk, reason=reason, by="anna")


def test_reason_that_does_not_fit_is_refused(recording):
    with pytest.raises(LedgerError, match="500 characters"):
        hold_recording(recording.pk, reason="x" * 501, by="anna")


def test_hold_in_the_past_is_refused(owner):
    with pytest.raises(LedgerError, match="has ended already"):
        hold_owner(owner.pk, reason="Exam", by="anna", until=timezone.now())


def test_hold_on_what_does_not_exist_is_refused(db):
    with pytest.raises(Recording.DoesNotExist):
        hold_recording(987654, reason="Exam", by="anna")
    with pytest.raises(get_user_model().DoesNotExist):
        hold_owner(987654, reason="Exam", by="anna")

    assert not Hold.objects.exists()


def test_database_refuses_a_hold_on_both_or_on_nothing(recording, owner):
    for wrong in ({}, {"recording_id": recording.pk, "owner_id": owner.pk}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Hold.objects.create(reason="Exam", placed_by="anna", **wrong)


def test_placing_and_releasing_are_recorded_once_they_are_committed(recording, owner, caplog):
    caplog.set_level(logging.INFO, logger="mediasite.maintenance")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        place_hold(reason="Exam", by="nobody", owner_id=owner.pk)
        1 / 0  # noqa: B018

    hold = hold_recording(recording.pk, reason="Exam", by="anna")
    hold.release(by="boris")

    said = [r.getMessage() for r in caplog.records if r.name == "mediasite.maintenance"]
    assert said == [
        f"hold {hold.pk} placed on recording {recording.pk} by=anna",
        f"hold {hold.pk} released on recording {recording.pk} by=boris",
    ]


def test_lists_know_what_is_held(make_recording, make_user):
    pavel = make_user("pavel")
    held, free = make_recording(files=0), make_recording(files=0)
    by_owner = make_recording(of=pavel, files=0)
    hold_recording(held.pk, reason="Exam", by="anna")
    hold_owner(pavel.pk, reason="Exam", by="anna")

    assert set(Recording.objects.held()) == {held, by_owner}
    assert set(Recording.objects.not_held()) == {free}
    assert {r.pk: r.is_held for r in Recording.objects.with_held()}[free.pk] is False


@pytest.mark.parametrize(
    ("reason", "end"), [("court case", ": court case."), ("Ends so.", ": Ends so.")]
)
def test_sentence_of_a_hold_ends_in_one_full_stop(db, reason, end):
    hold = Hold.objects.create(owner_id=1, reason=reason, placed_by="anna")

    assert hold.sentence.endswith(end)
