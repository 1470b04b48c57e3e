"""The audit finds every way in which books, rows and bytes can disagree, and mends only books."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import F

from recordings.ledger import receipts
from recordings.ledger.audit import audit
from recordings.ledger.models import Account, Receipt, Reservation, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.storages import DiskStorage
from recordings.models import Recording, RecordingFile
from recordings.processing import jobs
from recordings.trash import erase, move_to_trash
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def found(**options):
    """What is wrong, by invariant."""
    options.setdefault("grace", timedelta(0))
    return {check.id: check.samples for check in audit(**options).checks if not check.ok}


def one_file(recording, kind="audio"):
    return recording.files.select_related("stored").get(kind=kind).stored


def put(anywhere, name, content):
    """Bytes in storage that nobody entered in the books."""
    if anywhere == "s3":
        storages["s3"].client.put_object(Bucket="media", Key=name, Body=content)
    else:
        storages["disk"].save(name, ContentFile(content))


def test_busy_library_is_clean(anywhere, make_recording):
    make_recording()
    trashed, erased, working = make_recording(), make_recording(), make_recording()
    move_to_trash([trashed.pk], by="olga")
    erase([erased.pk], by="olga")
    jobs.start(working.pk)

    assert_clean()
    purge()
    receipts.seal()
    assert_clean()


def test_empty_library_is_clean(anywhere, db):
    assert_clean()


@pytest.mark.parametrize("column", ["used", "in_trash", "reserved"])
def test_drift_is_named_and_repaired(recording, owner, account, column):
    move_to_trash([recording.pk], by="olga")
    Account.objects.filter(owner_id=owner.pk).update(**{"used": 9000, column: F(column) + 1000})

    assert "should be" in found()["I1"][0]
    audit(repair=True)

    assert (account().used, account().in_trash, account().reserved) == (5010, 5010, 0)
    assert_clean()


def test_audit_without_repair_changes_nothing(recording, owner, account):
    Account.objects.filter(owner_id=owner.pk).update(used=9000)

    found()

    assert account().used == 9000


def test_owner_with_files_and_no_account_gets_one_by_repair(recording, owner):
    Account.objects.all().delete()

    assert found()["I1"] == [f"owner {owner.pk} has files and no account"]
    audit(repair=True)

    assert Account.objects.get(owner_id=owner.pk).used == 5010
    assert_clean()


def test_missing_bytes_are_named(anywhere, recording):
    stored = one_file(recording)
    stored.file.storage.delete(stored.file.name)

    assert found() == {"I3": [f"{stored} is not in storage"]}


def test_wrong_size_is_named(recording, settings):
    stored = one_file(recording)
    (settings.MEDIA_ROOT / stored.file.name).write_bytes(b"cut")

    assert found() == {"I3": [f"{stored} has 3 bytes instead of {stored.size}"]}


def test_rot_is_found_by_reading_alone(recording, settings):
    stored = one_file(recording)
    (settings.MEDIA_ROOT / stored.file.name).write_bytes(os.urandom(stored.size))

    assert found() == {}
    assert found(hashes=True) == {"I3": [f"{stored} is not what was stored: its hash differs"]}


class Vanishing(DiskStorage):
    """A disk that loses a file between the listing of it and its reading."""

    def _open(self, name, mode="rb"):
        Path(self.path(name)).unlink()
        return super()._open(name, mode)


def test_file_that_vanishes_while_it_is_read_is_missing_and_stops_nothing(recording, settings):
    place = {
        "BACKEND": "tests.ledger.test_audit.Vanishing",
        "OPTIONS": {"location": settings.MEDIA_ROOT},
    }
    settings.STORAGES = {**settings.STORAGES, "disk": place}

    assert len(found(hashes=True)["I3"]) == 5


def test_object_without_a_row_is_named_once_it_is_old_enough(anywhere, recording):
    put(anywhere, "user_1/audio/987_processed.mp3", b"lost")

    assert found() == {"I2": ["user_1/audio/987_processed.mp3 (4 bytes) has no row"]}
    assert found(grace=timedelta(hours=1)) == {}


def test_file_that_nothing_shows_is_named(recording):
    stored = one_file(recording)
    RecordingFile.objects.filter(stored=stored)._raw_delete("default")

    assert found() == {"I16": [f"{stored} is kept and paid for, but nothing shows it"]}


def test_owner_row_of_a_condemned_file_is_named(recording):
    stored = one_file(recording)
    StoredFile.objects.filter(pk=stored.pk).update(
        state="condemned", condemned_at="2099-01-01T00:00Z"
    )
    Account.objects.update(used=F("used") - stored.size)

    assert found() == {"I16": [f"{stored} is condemned, but a recording_file points at it"]}


def test_what_should_be_gone_for_an_hour_is_named(recording):
    recording.delete()
    StoredFile.objects.update(condemned_at=F("condemned_at") - timedelta(hours=2))

    assert len(found()["I13"]) == 5


def test_parked_file_is_named_with_its_error(recording):
    recording.delete()
    stored = StoredFile.objects.first()
    StoredFile.objects.filter(pk=stored.pk).update(
        parked_at=F("condemned_at"), last_error="AccessDenied"
    )

    assert found() == {"I13": [f"{stored} should be gone: AccessDenied"]}


def test_room_set_aside_for_no_job_is_named(recording, owner):
    Reservation.objects.create(owner_id=owner.pk, size=7, purpose="recording 1")
    Account.objects.update(reserved=7)

    assert found() == {
        "I6-jobs": ["7 bytes for recording 1 is still set aside, though its job is over"]
    }


def test_recording_that_waits_for_no_job_is_named(recording):
    Recording.objects.update(state="queued")

    assert found() == {"I6-states": [f"recording {recording.pk} is queued without a job"]}


def test_changed_receipt_is_named(recording):
    recording.delete()
    purge()
    receipts.seal()
    Receipt.objects.filter(sequence=2).update(size=1)

    assert list(found()) == ["I15"]


def test_samples_are_bounded_and_the_count_is_not(make_recording):
    for _ in range(5):
        make_recording()
    RecordingFile.objects.all()._raw_delete("default")

    check = next(check for check in audit().checks if check.id == "I16")

    assert (check.count, len(check.samples)) == (25, 20)


def test_storage_that_is_configured_no_more_stands_in_nobodys_way(make_recording, stored_names):
    """Its files wait with the reason; those of other storages go."""
    first, second = make_recording(files=1), make_recording(files=1)
    StoredFile.objects.filter(recording_id=first.pk).update(storage="tape")
    erase([first.pk, second.pk], by="olga")

    report = purge()

    assert (report.deleted, report.failed) == (1, 1)
    assert "tape" in StoredFile.objects.values_list("last_error", flat=True).get()
