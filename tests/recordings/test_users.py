"""A user with recordings stays; without them he goes, and what he left can still be read."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db.models import ProtectedError

from recordings.holds import hold_owner
from recordings.ledger.exceptions import Held
from recordings.ledger.models import Account, Receipt
from recordings.ledger.purge import purge
from recordings.models import ApiToken, Label, Recording
from recordings.trash import erase, move_to_trash
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.mark.parametrize(
    "delete",
    [lambda user: user.delete(), lambda user: User.objects.filter(pk=user.pk).delete()],
    ids=["instance", "queryset"],
)
def test_user_with_recordings_is_not_deleted(anywhere, recording, owner, stored_names, delete):
    with pytest.raises(ProtectedError):
        delete(owner)

    assert User.objects.filter(pk=owner.pk).exists()
    assert recording.files.count() == 5
    assert len(stored_names()) == 5
    assert_clean()


def test_one_live_recording_among_trashed_ones_is_enough(make_recording, owner):
    make_recording()
    trashed = make_recording()
    move_to_trash([trashed.pk], by="olga")

    with pytest.raises(ProtectedError):
        owner.delete()

    assert Recording.objects.count() == 2


def test_user_without_recordings_goes_clean(owner):
    ApiToken.make(owner, name="laptop")
    Label.objects.create(owner=owner, name="physics")

    owner.delete()

    assert not ApiToken.objects.exists()
    assert not Label.objects.exists()
    assert_clean()


def test_user_with_trash_alone_goes_with_it(anywhere, recording, owner, stored_names):
    move_to_trash([recording.pk], by="olga")

    owner.delete()
    purge()

    assert stored_names() == set()
    assert Account.objects.get().used == 0
    assert set(Receipt.objects.values_list("owner_name", flat=True)) == {"olga"}
    assert_clean()


def test_user_whose_trash_is_held_stays(recording, owner):
    move_to_trash([recording.pk], by="olga")
    hold_owner(owner.pk, reason="Court case", by="anna")

    with pytest.raises(Held):
        owner.delete()

    assert User.objects.filter(username="olga").exists()
    assert recording.files.count() == 5
    assert_clean()


def test_user_goes_while_his_bytes_still_wait_for_purge(anywhere, recording, owner, stored_names):
    erase([recording.pk], by="olga")
    User.objects.get(pk=owner.pk).delete()

    purge()

    assert stored_names() == set()
    assert Receipt.objects.count() == 5
    assert_clean()


def test_new_user_has_an_account_with_his_name(make_user):
    user = make_user("pavel")

    assert Account.objects.get(owner_id=user.pk).name == "pavel"
    user.username = "pavel.k"
    user.save()
    assert Account.objects.get(owner_id=user.pk).name == "pavel.k"


def test_number_of_a_user_who_went_is_not_given_again(owner, make_user):
    """His receipts and names go on meaning him."""
    number = owner.pk
    owner.delete()

    assert make_user("pavel").pk != number
