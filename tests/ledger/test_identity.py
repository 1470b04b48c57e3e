"""A storage that may not be ours is not scanned, and a person is told what to do."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import F

from recordings.ledger import identity
from recordings.ledger.exceptions import NotOurs
from recordings.ledger.models import Scan, Sighting, StorageBond, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.storages import storage
from recordings.models import Recording, RecordingFile
from recordings.trash import erase
from tests.ledger.strays import put
from tests.ledger.test_scan import ORPHAN, later, scanned

pytestmark = pytest.mark.django_db


def marker() -> dict[str, object] | None:
    content = storage(settings.MEDIA_STORAGE).read_marker()
    return None if content is None else json.loads(content)


def forget(files) -> None:
    """Lose rows as a restored database lacks them: without receipts."""
    pks = list(files.values_list("pk", flat=True))
    RecordingFile.objects.filter(stored__in=pks)._raw_delete("default")
    StoredFile.objects.filter(pk__in=pks)._raw_delete("default")


def refused() -> str:
    with pytest.raises(NotOurs) as caught:
        scanned()
    assert str(caught.value) == identity.refusal(settings.MEDIA_STORAGE)
    assert Sighting.objects.count() == 0
    return str(caught.value)


@pytest.fixture
def bound(make_recording):
    recording = make_recording()
    identity.bind(settings.MEDIA_STORAGE)
    return recording


def test_new_site_marks_its_empty_storage(anywhere, db):
    assert identity.keep() is True

    bond = StorageBond.objects.get()
    assert marker() == {"identity": str(bond.identity), "generation": 1}
    assert identity.keep() is False


def test_first_scan_of_an_empty_site_marks_the_storage(db):
    scanned()

    assert identity.refusal("disk") == ""
    assert marker()


def test_tick_does_not_mark_a_storage_that_has_files(make_recording):
    make_recording()

    assert identity.keep() is False
    assert marker() is None


def test_site_from_before_the_marker_is_bound_when_all_agrees(make_recording):
    make_recording()

    scanned()

    assert marker()


def test_site_from_before_the_marker_with_an_orphan_is_not_bound(make_recording):
    make_recording()
    put(ORPHAN)

    assert "adopt_storage --confirm" in refused()
    assert marker() is None


def test_site_from_before_the_marker_that_lacks_a_file_is_not_bound(make_recording):
    make_recording()
    storage("disk").bulk_delete([str(StoredFile.objects.first())])

    assert "no identity marker" in refused()


def test_marker_gone_from_a_storage_with_objects(bound, settings):
    (settings.MEDIA_ROOT / ".mediasite-identity").unlink()

    assert "no identity marker" in refused()


def test_marker_of_another_database(bound):
    StorageBond.objects.update(identity="0" * 32)

    assert "another database" in refused()


def test_database_that_never_saw_the_marker(bound):
    StorageBond.objects.all().delete()

    assert "another database" in refused()


def test_database_restored_from_a_backup(anywhere, bound):
    scanned()
    StorageBond.objects.update(generation=F("generation") - 1)

    sentence = refused()

    assert "restored from a backup" in sentence
    assert "adopt_storage --confirm" in sentence


def test_restored_database_stays_behind_whatever_it_does(bound, make_recording):
    scanned()
    StorageBond.objects.update(generation=1, raised_at="2020-01-01T00:00Z")
    make_recording()

    assert identity.keep() is False
    assert "restored from a backup" in refused()


def test_crash_between_database_and_marker_is_no_restore(bound):
    StorageBond.objects.update(generation=F("generation") + 1)

    assert scanned().finished_at


def test_empty_database_before_a_full_storage(bound):
    forget(StoredFile.objects.all())
    Recording.objects.all().delete()

    assert "knows no file" in refused()


def test_names_that_fell_without_receipts(make_recording):
    one, other = make_recording(), make_recording()
    identity.bind("disk")
    forget(StoredFile.objects.filter(recording_id=other.pk).exclude(kind="original"))

    assert "knows 6 files" in refused()
    assert one.files.count() == 5


def test_few_names_that_fell_are_no_alarm(make_recording):
    make_recording(), make_recording()
    identity.bind("disk")
    forget(StoredFile.objects.filter(kind="audio"))

    assert scanned().orphans == 2


def test_names_that_receipts_explain_are_no_alarm(make_recording):
    gone = [make_recording(files=2) for _ in range(3)]
    make_recording()
    identity.bind("disk")
    erase([recording.pk for recording in gone], by="policy old v1")
    purge()

    assert scanned().orphans == 0


def test_library_that_was_emptied_by_its_people_is_no_alarm(bound):
    erase([bound.pk], by="olga")
    purge()
    put(ORPHAN)

    assert scanned().orphans == 1


def test_unmounted_disk(bound, settings):
    shutil.move(settings.MEDIA_ROOT, settings.MEDIA_ROOT.with_name("elsewhere"))

    assert "is its disk mounted" in identity.refusal("disk")


def test_empty_folder_in_place_of_the_disk(make_recording, settings):
    make_recording()
    shutil.move(settings.MEDIA_ROOT, settings.MEDIA_ROOT.with_name("elsewhere"))
    settings.MEDIA_ROOT.mkdir()

    assert "is its disk mounted" in refused()


def test_damaged_marker_is_told_in_words(bound, settings):
    (settings.MEDIA_ROOT / ".mediasite-identity").write_text("[]")

    assert "damaged" in identity.refusal("disk")


def test_each_scan_raises_the_generation(bound):
    scanned()
    scanned(later(hours=30))

    assert marker()["generation"] == StorageBond.objects.get().generation == 3


def test_marker_follows_what_came_and_went_a_minute_late(bound, make_recording):
    make_recording()
    assert identity.keep() is False
    StorageBond.objects.update(raised_at=F("raised_at") - timedelta(minutes=2))

    assert identity.keep() is True
    assert marker()["generation"] == 2
    StorageBond.objects.update(raised_at=F("raised_at") - timedelta(minutes=2))
    assert identity.keep() is False


def test_adopting_says_first_what_it_would_do(bound, capsys):
    StorageBond.objects.all().delete()
    former = marker()

    call_command("adopt_storage")

    said = capsys.readouterr().out
    assert "another database" in said
    assert "--confirm" in said
    assert marker() == former


def test_adopted_storage_is_scanned_and_sightings_begin_anew(bound):
    put(ORPHAN)
    scanned()
    StorageBond.objects.update(identity="0" * 32)

    call_command("adopt_storage", "--confirm")

    assert Sighting.objects.count() == 0
    assert scanned(later(hours=30)).orphans == 1
    assert Sighting.objects.get().scans == 1


def test_adopting_what_is_not_there_is_refused_in_words(bound, settings):
    shutil.move(settings.MEDIA_ROOT, settings.MEDIA_ROOT.with_name("elsewhere"))

    with pytest.raises(CommandError, match="was not adopted"):
        call_command("adopt_storage", "--confirm")


def test_storage_that_is_not_ours_is_not_scanned_at_all(bound):
    StorageBond.objects.update(identity="0" * 32)

    refused()

    assert Scan.objects.count() == 0
