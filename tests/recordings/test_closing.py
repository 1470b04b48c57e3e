"""An account closes in bounded steps, and its user goes when the last byte is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from recordings import closing
from recordings.closing import CannotClose, call_off, close_account, continue_closures
from recordings.holds import hold_owner, hold_recording
from recordings.ledger.exceptions import AccountClosed
from recordings.ledger.models import Account, Hold, Receipt
from recordings.ledger.purge import purge
from recordings.models import ApiToken, Closure, Job, Label, Recording, SourceRule
from recordings.processing import jobs
from recordings.trash import erase
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def users():
    return set(get_user_model().objects.values_list("username", flat=True))


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    monkeypatch.setattr(closing, "BATCH_SIZE", 2)


def test_closing_at_once_removes_everything_and_then_the_user(
    anywhere, make_recording, owner, administrator, stored_names
):
    for _ in range(5):
        make_recording(files=2)

    close_account(owner, by="anna", at_once=True)
    continue_closures()
    purge()
    continue_closures()

    assert users() == {"anna"}
    assert stored_names() == set()
    assert set(Receipt.objects.values_list("owner_name", flat=True)) == {"olga"}
    closure = Closure.objects.get()
    assert closure.moved == 5
    assert closure.finished_at is not None
    assert_clean()


def test_one_step_moves_no_more_than_a_batch(make_recording, owner):
    for _ in range(5):
        make_recording(files=1)
    closure = close_account(owner, by="anna", at_once=True)

    assert closing.step(closure) == 2
    assert Recording.objects.count() == 3


def test_closing_into_the_trash_waits_for_the_trash(make_recording, owner, settings):
    recording = make_recording()
    make_recording()

    closure = close_account(owner, by="anna")
    continue_closures()

    recording.refresh_from_db()
    assert recording.trashed_by == "anna, closing the account"
    assert recording.purge_after - recording.trashed_at == settings.TRASH_PERIOD
    closure.refresh_from_db()
    assert closure.message.startswith("Waiting for the trash, at least until ")
    assert "olga" in users()


def test_user_goes_when_the_trash_is_empty(make_recording, owner):
    recording = make_recording()
    close_account(owner, by="anna")
    continue_closures()

    erase([recording.pk], by="policy trash v1")
    continue_closures()
    assert "olga" in users()
    purge()
    continue_closures()

    assert "olga" not in users()
    assert_clean()


def test_transfer_gives_recordings_quota_and_labels_to_the_other(
    anywhere, make_recording, make_user, owner, stored_names
):
    pavel = make_user("pavel")
    kept, trashed = make_recording(), make_recording()
    kept.labels.add(Label.objects.create(owner=owner, name="physics"))
    closing.move_to_trash([trashed.pk], by="olga")
    names = stored_names()

    close_account(owner, by="anna", transfer_to=pavel)
    continue_closures()

    account = Account.objects.get(owner_id=pavel.pk)
    assert (account.used, account.in_trash) == (10020, 5010)
    assert stored_names() == names
    assert [label.owner for label in Recording.objects.get(pk=kept.pk).labels.all()] == [pavel]
    assert "olga" not in users()
    assert_clean()


def test_transfer_that_does_not_fit_moves_nothing_and_says_so(make_recording, make_user, owner):
    pavel = make_user("pavel")
    make_recording()
    Account.objects.filter(owner_id=pavel.pk).update(uses_default_limit=False, own_limit=5000)

    closure = close_account(owner, by="anna", transfer_to=pavel)
    continue_closures()

    closure.refresh_from_db()
    assert "cannot be transferred" in closure.message
    assert Recording.objects.get().owner == owner
    assert_clean()


def test_transfer_stops_jobs_and_keeps_what_they_worked_on(make_recording, make_user, owner):
    SourceRule.objects.update_or_create(
        event=SourceRule.Event.CANCELLED, defaults={"action": SourceRule.Action.DELETE}
    )
    pavel = make_user("pavel")
    recording = make_recording(files=1, state=Recording.State.FAILED)
    jobs.start(recording.pk)

    close_account(owner, by="anna", transfer_to=pavel)
    continue_closures()

    recording.refresh_from_db()
    assert (recording.owner, recording.state) == (pavel, Recording.State.CANCELLED)
    assert recording.files.count() == 1
    assert Job.objects.get().state == Job.State.CANCELLED
    assert_clean()


@pytest.mark.parametrize("at_once", [True, False])
def test_held_recording_stays_and_the_closure_says_so(make_recording, owner, at_once):
    held = make_recording()
    make_recording()
    hold = hold_recording(held.pk, reason="Court case", by="anna")

    closure = close_account(owner, by="anna", at_once=at_once)
    continue_closures()
    purge()
    continue_closures()

    closure.refresh_from_db()
    assert f"Recording {held.pk} is on hold" in closure.message
    assert list(Recording.objects.live()) == [held]
    assert held.files.count() == 5

    Hold.objects.get(pk=hold.pk).release(by="anna")
    continue_closures()
    assert not Recording.objects.live().exists()


def test_owner_on_hold_loses_nothing(make_recording, make_user, owner):
    pavel = make_user("pavel")
    make_recording()
    hold_owner(owner.pk, reason="Court case", by="anna")

    close_account(owner, by="anna", transfer_to=pavel)
    continue_closures()

    assert Recording.objects.get().owner == owner
    assert "olga" in users()


def test_closed_account_takes_nothing_new_and_its_owner_is_out(client, make_recording, owner):
    make_recording()
    client.force_login(owner)
    ApiToken.make(owner, name="laptop")

    close_account(owner, by="anna")

    with pytest.raises(AccountClosed):
        make_recording()
    owner.refresh_from_db()
    assert not owner.is_active
    assert not owner.has_usable_password()
    assert ApiToken.objects.get().revoked_at is not None
    assert client.get("/admin/").status_code == 302


def test_closing_without_recordings_ends_at_once(owner):
    close_account(owner, by="anna")

    continue_closures()

    assert "olga" not in users()


def test_upload_under_way_is_waited_for(make_recording, owner):
    make_recording(state=Recording.State.UPLOADING)

    closure = close_account(owner, by="anna", at_once=True)
    continue_closures()

    closure.refresh_from_db()
    assert closure.message == "Waiting for uploads and jobs to stop."
    assert Recording.objects.exists()


def test_asking_again_changes_the_way(make_recording, owner):
    make_recording()
    first = close_account(owner, by="anna")
    continue_closures()

    second = close_account(owner, by="anna", at_once=True)
    continue_closures()

    assert second.pk == first.pk
    assert not Recording.objects.exists()


def test_called_off_closure_lets_the_owner_in_again(make_recording, owner):
    recording = make_recording()
    closure = close_account(owner, by="anna")

    assert call_off(closure, by="anna")
    assert not call_off(closure, by="anna")
    continue_closures()

    owner.refresh_from_db()
    assert owner.is_active
    assert Recording.objects.live().get() == recording
    make_recording()


def test_last_superuser_cannot_be_closed(administrator):
    with pytest.raises(CannotClose, match="last superuser"):
        close_account(administrator, by="anna")


def test_transfer_to_a_closed_account_is_refused(owner, make_user):
    pavel = make_user("pavel")
    close_account(pavel, by="anna")

    with pytest.raises(CannotClose, match="closed"):
        close_account(owner, by="anna", transfer_to=get_user_model().objects.get(pk=pavel.pk))


def test_transfer_to_oneself_is_refused(owner):
    with pytest.raises(CannotClose, match="someone else"):
        close_account(owner, by="anna", transfer_to=owner)


def test_hold_that_has_lapsed_stops_nothing(make_recording, owner):
    recording = make_recording()
    hold_recording(recording.pk, reason="Exam", by="anna", until=timezone.now() + timedelta(days=1))
    Hold.objects.update(until=timezone.now() - timedelta(seconds=1))

    close_account(owner, by="anna", at_once=True)
    continue_closures()

    assert not Recording.objects.exists()
