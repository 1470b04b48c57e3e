"""Orphans go to quarantine and come back whole; whatever is in doubt stays where it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from recordings.ledger import identity, names, publish, quarantine
from recordings.ledger.exceptions import LedgerError, NameTaken, StorageFault
from recordings.ledger.models import Receipt, Sighting, StoredFile
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from recordings.ledger.storages import DiskStorage, storage
from tests.conftest import assert_clean
from tests.ledger.strays import Slipping, put, seen, use
from tests.ledger.test_scan import ORPHAN, later, scanned

pytestmark = pytest.mark.django_db

CONTENT = b"what somebody may still need"


@pytest.fixture
def sighting(owner):
    """An orphan that a scan saw."""
    identity.bind(settings.MEDIA_STORAGE)
    put(ORPHAN, CONTENT)
    return seen(ORPHAN)


def set_aside(sighting: Sighting) -> str:
    return quarantine.set_aside(sighting, at=timezone.now(), by="policy orphans v1")


def listed() -> list[str]:
    return [entry.name for entry in storage(settings.MEDIA_STORAGE).listing()]


def content(name: str) -> bytes:
    with storage(settings.MEDIA_STORAGE).open(name) as file:
        return file.read()


def record(name: str) -> StoredFile:
    """A row for a name, as adoption of a folder makes them."""
    return StoredFile.objects.create(storage=settings.MEDIA_STORAGE, file=name, kind="audio")


def test_orphan_goes_to_quarantine_whole(anywhere, sighting):
    assert set_aside(sighting) == ""

    (row,) = quarantine.settled()
    assert listed() == [row.file.name]
    assert row.file.name == f"quarantine/{timezone.now():%Y-%m-%d}/{ORPHAN}"
    assert (content(row.file.name), row.size) == (CONTENT, len(CONTENT))
    assert (row.owner_id, row.kind, row.state) == (None, "audio", "quarantined")
    assert Sighting.objects.count() == 0
    assert_clean()


def test_empty_orphan_goes_and_comes_back(anywhere, owner):
    put(ORPHAN, b"")

    assert set_aside(seen(ORPHAN)) == ""
    quarantine.restore(quarantine.settled().get().pk, by="anna")

    assert listed() == [ORPHAN]


def test_restored_file_is_back_without_a_row(anywhere, sighting):
    set_aside(sighting)

    name = quarantine.restore(quarantine.settled().get().pk, by="anna")

    assert (name, listed(), content(name)) == (ORPHAN, [ORPHAN], CONTENT)
    assert StoredFile.objects.count() == 0


def test_scans_leave_a_restored_file_for_the_grace(recording, sighting):
    set_aside(sighting)
    scanned()
    quarantine.restore(quarantine.settled().get().pk, by="anna")

    assert scanned(later(minutes=30)).young == 1
    assert scanned(later(hours=2)).orphans == 1
    assert Sighting.objects.get().scans == 1


def test_restoring_goes_over_nothing(anywhere, sighting):
    set_aside(sighting)
    put(ORPHAN, b"another")
    (row,) = quarantine.settled()

    with pytest.raises(NameTaken, match="stays in quarantine"):
        quarantine.restore(row.pk, by="anna")

    assert (content(ORPHAN), content(row.file.name)) == (b"another", CONTENT)
    assert quarantine.settled().get() == row


def test_restoring_where_a_row_has_the_name_is_refused(sighting):
    set_aside(sighting)
    record(ORPHAN)

    with pytest.raises(NameTaken):
        quarantine.restore(quarantine.settled().get().pk, by="anna")

    assert len(listed()) == quarantine.settled().count() == 1


def test_restoring_twice_is_told_in_words(sighting):
    set_aside(sighting)
    pk = quarantine.settled().get().pk
    quarantine.restore(pk, by="anna")

    with pytest.raises(LedgerError, match="not in quarantine any more"):
        quarantine.restore(pk, by="anna")


def test_orphan_that_got_a_row_stays(sighting):
    record(ORPHAN)

    assert "row" in set_aside(sighting)
    assert listed() == [ORPHAN]
    assert StoredFile.objects.count() == 1


def test_orphan_that_changed_stays(anywhere, sighting):
    storage(settings.MEDIA_STORAGE).bulk_delete([ORPHAN])
    put(ORPHAN, b"another")

    assert "changed" in set_aside(sighting)
    assert content(ORPHAN) == b"another"
    assert StoredFile.objects.count() == 0


def test_orphan_that_is_gone_or_a_link_is_left(sighting, settings):
    path = settings.MEDIA_ROOT / ORPHAN
    path.rename(settings.MEDIA_ROOT / "precious")
    assert set_aside(sighting)
    path.symlink_to(settings.MEDIA_ROOT / "precious")
    assert set_aside(sighting)

    assert path.is_symlink()
    assert (settings.MEDIA_ROOT / "precious").read_bytes() == CONTENT
    assert StoredFile.objects.count() == 0


def test_orphan_below_a_linked_folder_is_left(sighting, settings, tmp_path):
    folder = settings.MEDIA_ROOT / "user_1"
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")

    assert set_aside(sighting)
    assert (tmp_path / "moved/audio/987_processed.mp3").read_bytes() == CONTENT


def test_row_made_during_the_move_keeps_its_file(sighting, settings, monkeypatch):
    use(Slipping, settings)
    monkeypatch.setattr(Slipping, "slip", lambda: record(ORPHAN))

    assert "row" in set_aside(sighting)

    assert listed() == [ORPHAN]
    assert StoredFile.objects.get().file.name == ORPHAN


def test_file_swapped_during_the_move_stays_where_it_is(sighting, settings, monkeypatch):
    def swap() -> None:
        (settings.MEDIA_ROOT / ORPHAN).unlink()
        (settings.MEDIA_ROOT / ORPHAN).write_bytes(b"new")

    use(Slipping, settings)
    monkeypatch.setattr(Slipping, "slip", swap)
    set_aside(sighting)

    assert content(ORPHAN) == b"new"
    assert content(quarantine.settled().get().file.name) == CONTENT


class Failing(DiskStorage):
    """A disk that fails when the former name should go."""

    broken = True

    def finish_move(self, name, to):
        if type(self).broken:
            raise StorageFault("The disk went away.")
        return super().finish_move(name, to)


def test_move_that_failed_half_way_is_finished_later(sighting, settings, monkeypatch):
    use(Failing, settings)
    with pytest.raises(StorageFault):
        set_aside(sighting)
    assert len(listed()) == 2
    assert quarantine.settled().count() == quarantine.recover() == 0  # its process lives

    monkeypatch.setattr(Failing, "broken", False)
    StoredFile.objects.update(lease_until=timezone.now() - timedelta(days=1))

    assert quarantine.recover() == 1
    assert listed() == [quarantine.settled().get().file.name]


def test_recovery_keeps_the_only_copy_when_the_name_was_taken_since(sighting, settings):
    """The move was done, its process died, and an upload took the name that was free again."""
    set_aside(sighting)
    StoredFile.objects.update(
        ready_at=None, claim="0" * 32, lease_until=timezone.now() - timedelta(days=1)
    )
    put(ORPHAN, b"new")
    record(ORPHAN)

    quarantine.recover()

    assert content(ORPHAN) == b"new"
    assert content(quarantine.settled().get().file.name) == CONTENT


def test_new_upload_goes_beside_an_orphan_never_over_it(sighting):
    with pytest.raises(NameTaken):
        Publication.begin(
            name=ORPHAN, kind=names.Kind.AUDIO, owner_id=None, recording_id=None, size=1
        )

    assert content(ORPHAN) == CONTENT


@pytest.mark.s3
def test_copy_under_way_in_a_bucket_is_no_leftover(s3, sighting):
    set_aside(sighting)
    (row,) = quarantine.settled()
    StoredFile.objects.update(ready_at=None, claim="0" * 32, lease_until=timezone.now())
    upload = s3.client.create_multipart_upload(Bucket="media", Key=str(row.file.name))["UploadId"]

    publish.sweep_parts()
    assert [found["UploadId"] for found in s3._uploads()] == [upload]

    StoredFile.objects.all().delete()
    publish.sweep_parts()
    assert list(s3._uploads()) == []


def test_condemned_file_goes_with_a_receipt(sighting):
    set_aside(sighting)
    (row,) = quarantine.settled()
    with transaction.atomic():
        assert quarantine.condemn([row.pk], by="policy quarantine v1") == 1

    purge()

    receipt = Receipt.objects.get()
    assert (receipt.name, receipt.size) == (row.file.name, len(CONTENT))
    assert (receipt.reason, receipt.released_by) == ("policy", "policy quarantine v1")
    assert listed() == []
    assert_clean()
