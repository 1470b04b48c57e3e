"""Users in the admin: no delete while recordings stand, no page that loads them, closing."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.deletion import ProtectedError
from django.template.defaultfilters import filesizeformat
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from recordings.holds import hold_recording
from recordings.ledger.models import Account, Receipt
from recordings.ledger.purge import purge
from recordings.models import Closure, Recording
from recordings.trash import move_to_trash
from tests import archives
from tests.admin.conftest import said
from tests.conftest import assert_clean
from tests.recordings.test_archive import put_away

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


def page_of(user, name="change"):
    return reverse(f"admin:auth_user_{name}", args=[user.pk])


def usernames():
    return set(User.objects.values_list("username", flat=True))


# --- deleting


def test_user_with_recordings_is_not_deleted(desk, recording, owner):
    asked = desk.get(page_of(owner, "delete")).content.decode()
    desk.post(page_of(owner, "delete"), {"post": "yes"})

    assert "olga has 1 recording (0 in the trash): close the account" in asked
    assert page_of(owner, "close") in asked
    assert "olga" in usernames()
    assert recording.files.count() == 5


def test_selected_users_are_not_deleted_when_one_has_recordings(act, recording, make_user, owner):
    pavel = make_user("pavel")

    answer = act("auth_user", "delete_selected", [pavel, owner], post="yes")

    assert "olga has 1 recording" in answer.content.decode()
    assert {"olga", "pavel"} <= usernames()


def test_user_without_recordings_is_deleted(desk, owner):
    assert "who has no recordings" in desk.get(page_of(owner, "delete")).content.decode()

    desk.post(page_of(owner, "delete"), {"post": "yes"})

    assert "olga" not in usernames()


def test_user_with_trash_alone_goes_with_it(anywhere, desk, recording, owner, stored_names):
    move_to_trash([recording.pk], by="olga")

    asked = desk.get(page_of(owner, "delete")).content.decode()
    desk.post(page_of(owner, "delete"), {"post": "yes"})
    purge()

    assert "1 recording in the trash" in asked
    assert "olga" not in usernames()
    assert stored_names() == set()
    assert set(Receipt.objects.values_list("owner_name", "released_by")) == {("olga", "anna")}
    assert_clean()


def test_user_whose_trash_is_held_stays(desk, recording, owner):
    move_to_trash([recording.pk], by="olga")
    hold_recording(recording.pk, reason="Court case", by="anna")

    asked = desk.get(page_of(owner, "delete")).content.decode()
    desk.post(page_of(owner, "delete"), {"post": "yes"})

    assert "on hold" in asked
    assert "olga" in usernames()


def test_trash_stays_with_a_user_who_got_a_recording_since_the_page_asked(
    rf, administrator, make_recording, owner
):
    trashed, _uploaded_since = make_recording(), make_recording()
    move_to_trash([trashed.pk], by="olga")
    request = rf.post("/")
    request.user = administrator

    with pytest.raises(ProtectedError):
        admin.site._registry[User].delete_queryset(request, User.objects.filter(pk=owner.pk))

    assert trashed.files.count() == 5
    assert_clean()


def test_delete_page_asks_the_same_whatever_the_user_has(desk, owner):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(page_of(owner, "delete")).status_code == 200
        return len(captured)

    Recording.objects.create(owner=owner, title="One")
    queries()
    few = queries()
    Recording.objects.bulk_create([Recording(owner=owner, title=f"{n}") for n in range(300)])

    assert queries() == few


def test_delete_page_asks_the_same_for_many_users(act, make_user):
    def queries(*users):
        with CaptureQueriesContext(connection) as captured:
            answer = act("auth_user", "delete_selected", users)
        assert "who has no recordings" in answer.content.decode()
        return len(captured)

    few = queries(make_user("boris"))

    assert queries(*(make_user(f"user{number}") for number in range(5))) <= few


def test_list_shows_storage_in_the_same_queries_for_many_users(desk, make_user):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            answer = desk.get(reverse("admin:auth_user_changelist"))
        assert "unlimited room" in answer.content.decode()
        return len(captured)

    queries()
    few = queries()
    for number in range(20):
        make_user(f"user{number}")

    assert queries() == few


def test_user_page_leads_to_quota_holds_recordings_and_closing(desk, owner):
    shown = desk.get(page_of(owner)).content.decode()

    for address in (
        page_of(owner, "quota"),
        page_of(owner, "close"),
        reverse("admin:ledger_hold_add") + "?owner_name=olga",
        reverse("admin:recordings_recording_changelist") + f"?owner__id__exact={owner.pk}",
    ):
        assert address in shown
    account = Account.objects.get(owner_id=owner.pk)
    assert desk.get(page_of(owner, "quota")).url == reverse(
        "admin:ledger_account_change", args=[account.pk]
    )


# --- closing


def test_closing_page_says_what_is_at_stake(desk, make_recording, owner):
    make_recording()
    held = make_recording()
    hold_recording(held.pk, reason="Exam", by="anna")

    shown = desk.get(page_of(owner, "close")).content.decode()

    assert "2 recordings (0 in the trash) with 10 files" in shown
    assert "1 recording on hold stays" in shown


def test_account_is_closed_from_its_page(desk, recording, owner):
    answer = desk.post(
        page_of(owner, "close"), {"way": "at_once", "confirmation": "olga"}, follow=True
    )

    assert "The account of olga is being closed; recordings deleted for ever" in said(answer)
    assert not Recording.objects.exists()
    owner.refresh_from_db()
    assert not owner.is_active


def test_account_is_transferred_from_its_page(desk, recording, owner, make_user):
    pavel = make_user("pavel")

    desk.post(
        page_of(owner, "close"),
        {"way": "transfer", "transfer_to": "pavel", "confirmation": "olga"},
    )

    recording.refresh_from_db()
    assert recording.owner == pavel
    assert_clean()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"way": "trash"}, "This field is required"),
        ({"way": "trash", "confirmation": "Olga"}, "Type olga to confirm"),
        ({"confirmation": "olga"}, "This field is required"),
        ({"way": "burn", "confirmation": "olga"}, "burn is not one of the available choices"),
        ({"way": "transfer", "confirmation": "olga"}, "give a user name"),
        ({"way": "transfer", "transfer_to": "nobody", "confirmation": "olga"}, "nobody"),
        ({"way": "transfer", "transfer_to": "olga", "confirmation": "olga"}, "someone else"),
    ],
)
def test_wrong_answer_closes_nothing_and_says_why(desk, recording, owner, values, sentence):
    answer = desk.post(page_of(owner, "close"), values).content.decode()

    assert sentence in answer
    assert not Closure.objects.exists()
    owner.refresh_from_db()
    assert owner.is_active


def test_own_account_is_not_closed(desk, administrator):
    answer = desk.post(
        page_of(administrator, "close"), {"way": "trash", "confirmation": "anna"}, follow=True
    )

    assert "You cannot close the account that you are signed in with" in said(answer)
    assert not Closure.objects.exists()


def test_closure_is_called_off_from_its_page(desk, recording, owner):
    desk.post(page_of(owner, "close"), {"way": "trash", "confirmation": "olga"})
    closure = Closure.objects.get()

    desk.post(reverse("admin:recordings_closure_call_off", args=[closure.pk]))

    owner.refresh_from_db()
    assert owner.is_active
    assert "Called off by anna" in Closure.objects.get().message
    shown = desk.get(reverse("admin:recordings_closure_change", args=[closure.pk]))
    assert shown.status_code == 200


def test_page_of_a_closure_names_what_it_waits_for(desk, make_recording, owner):
    held, _ = make_recording(), make_recording()
    hold_recording(held.pk, reason="Exam", by="anna")

    answer = desk.post(
        page_of(owner, "close"), {"way": "trash", "confirmation": "olga"}, follow=True
    )

    sentence = f"Recording {held.pk} is on hold and stays until the hold is released."
    assert sentence in answer.content.decode()


def test_delete_page_counts_recordings_as_the_closing_page_does(desk, make_recording, owner):
    trashed, _ = make_recording(), make_recording()
    move_to_trash([trashed.pk], by="olga")

    pages = [desk.get(page_of(owner, name)).content.decode() for name in ("delete", "close")]

    assert ["2 recordings (1 in the trash)" in page for page in pages] == [True, True]


def test_page_that_asks_says_what_is_in_the_archive(
    desk, make_recording, owner, settings, tmp_path
):
    archives.use_folder(settings, tmp_path / "archive")
    put_away(make_recording())
    held = put_away(make_recording())
    hold_recording(held.recording_id, reason="Court case", by="anna")

    shown = desk.get(page_of(owner, "close")).content.decode()

    assert "2 archived recordings" in shown
    assert filesizeformat(10020) in shown
    assert "1 archived recording on hold" in shown
