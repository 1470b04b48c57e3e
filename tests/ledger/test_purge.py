"""What has been let go leaves storage, once, with a receipt."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction

from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.purge import purge
from recordings.models import Recording
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def test_deleted_recording_leaves_no_bytes(anywhere, recording, stored_names, account):
    recording.delete()

    report = purge()

    assert stored_names() == set()
    assert report.deleted == Receipt.objects.count() == 5
    assert report.bytes_freed == 5010
    assert account().used == 0
    assert_clean()


def test_rolled_back_delete_changes_nothing(anywhere, recording, stored_names, account):
    before = stored_names()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        recording.delete()
        1 / 0  # noqa: B018
    purge()

    assert stored_names() == before
    assert account().used == 5010
    assert_clean()


def test_queryset_delete_charges_the_account_once(anywhere, make_recording, account):
    kept = make_recording(title="Kept")
    make_recording()
    make_recording()

    Recording.objects.exclude(pk=kept.pk).delete()
    purge()
    purge()

    assert account().used == 5010
    assert StoredFile.objects.count() == 5
    assert_clean()


def test_file_that_something_points_at_is_not_touched(recording, stored_names):
    StoredFile.objects.update(state=StoredFile.State.CONDEMNED, not_before="2020-01-01T00:00Z")

    report = purge()

    assert report.deleted == 0
    assert len(stored_names()) == 5


def test_parked_file_gets_another_try_from_the_command(recording, stored_names):
    recording.delete()
    StoredFile.objects.update(parked_at="2026-01-01T00:00Z", attempts=StoredFile.PARK_AFTER)
    assert purge().deleted == 0

    call_command("purge", stdout=StringIO())

    assert stored_names() == set()
