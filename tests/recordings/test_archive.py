"""Out of the library into the archive, and back: whole or not at all."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from recordings.archive import (
    CannotArchive,
    archive_locked,
    copy,
    let_go,
    let_go_unused,
    whole,
)
from recordings.archive_restore import CannotRestore, restore
from recordings.holds import hold_owner, hold_recording
from recordings.ledger import copies
from recordings.ledger.exceptions import Held, QuotaExceeded, StorageFault
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import ArchivedFile, ArchivedRecording, Label, Recording, RecordingFile
from recordings.trash import erase, locked, move_to_trash
from tests.conftest import assert_clean, store

pytestmark = pytest.mark.django_db(transaction=True)


def nothing() -> None:
    """Nobody has to be told that we live."""


def put_away(recording: Recording, by: str = "policy old v1") -> ArchivedRecording:
    assert copy(recording.pk, alive=nothing)
    with locked([recording.pk]) as found:
        assert archive_locked(found, by=by) == 1
    purge()
    return ArchivedRecording.objects.get(recording_id=recording.pk)


def contents(recording: Recording) -> dict[tuple[str, int], bytes]:
    found = {}
    for file in recording.files.select_related("stored"):
        with file.stored.file.open("rb") as content:
            found[file.kind, file.version] = content.read()
    return found


def columns(model: Any, **wanted: Any) -> list[dict[str, Any]]:
    rows = model.objects.filter(**wanted).order_by("pk").values()
    return [{k: v for k, v in row.items() if k not in {"stored_id", "id"}} for row in rows]


@pytest.fixture
def rich(make_recording: Any, owner: Any) -> Recording:
    """A recording with everything a row can say."""
    recording = make_recording(
        title="Перевод — 会议\n<b>", language="ru", duration=12.5, width=640, height=360,
        given_captions="1\n", warning="quiet", recorded_at=timezone.now() - timedelta(days=400),
    )  # fmt: skip
    recording.labels.set([Label.objects.create(owner=owner, name=name) for name in ("a", "b")])
    file = recording.files.get(kind=Kind.TRANSCRIPT)
    file.superseded_at = timezone.now()
    file.edited = True
    file.save()
    store(recording, Kind.TRANSCRIPT, os.urandom(77))
    return Recording.objects.get(pk=recording.pk)


def test_archived_recording_leaves_the_library_and_its_bytes_are_in_the_archive(
    recording, archive, stored_names, account
):
    before = contents(recording)

    archived = put_away(recording)

    assert not Recording.objects.exists()
    assert stored_names() == set()
    assert (account().used, archived.size) == (0, 5010)
    assert archived.archived_by == "policy old v1"
    assert (archived.owner_name, archived.title) == ("olga", "Lecture")
    kept = {}
    for file in archived.files.select_related("stored"):
        with file.stored.file.open("rb") as content:
            kept[file.kind, file.columns["version"]] = content.read()
    assert kept == before
    assert {entry.name.split("/", 2)[2] for entry in archive.listing()} == set(
        archived.files.values_list("former_name", flat=True)
    )
    assert Receipt.objects.count() == 5
    assert_clean()


def test_restored_recording_is_what_it_was_but_kept(rich, archive, account):
    before, row = contents(rich), columns(Recording)[0]
    files = columns(RecordingFile)
    archived = put_away(rich)

    back = restore(archived.pk, by="anna")
    purge()

    assert back.pk == rich.pk
    assert contents(back) == before
    assert sorted(back.labels.values_list("name", flat=True)) == ["a", "b"]
    changed = {"keep", "numbers"}
    after = columns(Recording)[0]
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in row.items() if k not in changed
    }
    assert after["keep"]
    assert columns(RecordingFile) == files
    assert account().used == sum(len(content) for content in before.values())
    assert not ArchivedRecording.objects.exists()
    assert list(archive.listing()) == []
    assert Receipt.objects.filter(storage="archive", reason="restored").count() == len(before)
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_it_can_go_and_come_again_and_no_name_comes_twice(
    recording, archive, stored_names, anywhere
):
    names = stored_names()
    for _ in range(2):
        restore(put_away(recording).pk, by="anna")
        purge()
        assert not names & stored_names()
        names |= stored_names()

    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_recording_without_files_is_archived_as_a_row(make_recording, archive, anywhere):
    recording = make_recording(files=0)

    back = restore(put_away(recording).pk, by="anna")

    assert (back.pk, back.title) == (recording.pk, "Lecture")


@pytest.mark.parametrize("anywhere", ["disk"])
def test_one_in_the_trash_comes_back_out_of_it(recording, archive, account, anywhere):
    move_to_trash([recording.pk], by="olga")

    back = restore(put_away(recording).pk, by="anna")

    assert (back.trashed_at, back.purge_after, back.trashed_by) == (None, None, "")
    assert (account().used, account().in_trash) == (5010, 0)
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_copy_is_made_once_and_taken_over(recording, archive, anywhere):
    copy(recording.pk, alive=nothing)
    first = set(ArchivedFile.objects.values_list("stored_id", flat=True))
    copy(recording.pk, alive=nothing)

    assert set(ArchivedFile.objects.values_list("stored_id", flat=True)) == first
    assert whole([recording.pk]) == {recording.pk}


@pytest.mark.parametrize("anywhere", ["disk"])
def test_copy_that_was_damaged_since_is_made_anew(recording, archive, anywhere):
    copy(recording.pk, alive=nothing)
    stored = ArchivedFile.objects.last().stored
    Path(archive.path(str(stored.file.name))).write_bytes(os.urandom(stored.size))

    copy(recording.pk, alive=nothing)
    purge()

    assert not ArchivedFile.objects.filter(stored=stored.pk).exists()
    assert len(list(archive.listing())) == 5
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_file_that_came_after_the_copy_stops_the_erasing(recording, archive, anywhere):
    copy(recording.pk, alive=nothing)
    store(recording, Kind.TOPICS, b"{}")

    with pytest.raises(CannotArchive), locked([recording.pk]) as found:
        archive_locked(found, by="policy old v1")

    assert recording.files.count() == 6
    put_away(recording)
    assert ArchivedFile.objects.count() == 6
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_nothing_is_erased_without_a_copy(recording, archive, anywhere):
    with pytest.raises(CannotArchive), locked([recording.pk]) as found:
        archive_locked(found, by="policy old v1")

    assert recording.files.count() == 5


@pytest.mark.parametrize("anywhere", ["disk"])
def test_damaged_source_is_not_copied_and_stays(recording, archive, anywhere, settings):
    stored = recording.files.first().stored
    path = Path(settings.MEDIA_ROOT) / str(stored.file.name)
    path.write_bytes(os.urandom(stored.size))

    with pytest.raises(StorageFault, match="hash differs"):
        copy(recording.pk, alive=nothing)

    assert not ArchivedRecording.objects.exists()
    assert list(archive.listing()) == []
    assert not StoredFile.objects.filter(storage="archive").exists()


def test_without_an_archive_nothing_is_copied(recording):
    with pytest.raises(CannotArchive, match="ARCHIVE_ROOT or ARCHIVE_BUCKET_NAME"):
        copy(recording.pk, alive=nothing)


@pytest.mark.parametrize("anywhere", ["disk"])
def test_copy_of_what_was_erased_otherwise_goes_with_the_tick(recording, archive, anywhere):
    copy(recording.pk, alive=nothing)
    erase([recording.pk], by="olga")

    assert let_go_unused() == 1
    purge()

    assert list(archive.listing()) == []
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_copy_nobody_used_goes_after_days_and_what_is_archived_stays(
    make_recording, archive, anywhere
):
    one, other = make_recording(), make_recording()
    put_away(one)
    copy(other.pk, alive=nothing)
    assert let_go_unused() == 0

    ArchivedRecording.objects.update(copied_at=timezone.now() - timedelta(days=3))

    assert let_go_unused() == 1
    purge()
    assert ArchivedRecording.objects.get().recording_id == one.pk
    assert len(list(archive.listing())) == 5
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
@pytest.mark.parametrize("what", ["owner", "recording"])
def test_hold_keeps_what_is_in_the_archive(recording, owner, archive, anywhere, what):
    archived = put_away(recording)
    if what == "owner":
        hold = hold_owner(owner.pk, reason="a lawsuit", by="anna")
    else:
        hold = hold_recording(recording.pk, reason="a lawsuit", by="anna")

    for remove in (
        lambda: let_go(archived.pk, by="anna"),
        lambda: restore(archived.pk, by="anna"),
        lambda: ArchivedRecording.objects.all().delete(),
        lambda: ArchivedFile.objects.first().delete(),
    ):
        with pytest.raises(Held, match="a lawsuit"):
            remove()

    assert ArchivedFile.objects.count() == 5
    hold.release(by="anna")
    assert let_go(archived.pk, by="anna")
    assert not let_go(archived.pk, by="anna")
    purge()
    assert list(archive.listing()) == []
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_restore_over_quota_says_how_much_is_missing(recording, archive, anywhere, account):
    archived = put_away(recording)
    Account.objects.update(own_limit=5009, uses_default_limit=False)

    with pytest.raises(QuotaExceeded) as refusal:
        restore(archived.pk, by="anna")

    assert refusal.value.needed == 5010
    assert not Recording.objects.exists()
    assert account().reserved == 0
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_what_was_archived_outlives_its_owner_and_says_so(recording, owner, archive, anywhere):
    archived = put_away(recording)
    owner.delete()

    with pytest.raises(CannotRestore, match="olga has no account any more"):
        restore(archived.pk, by="anna")

    assert ArchivedFile.objects.count() == 5
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_damaged_archive_restores_nothing_and_keeps_the_rest(recording, archive, anywhere):
    archived = put_away(recording)
    stored = archived.files.last().stored
    Path(archive.path(str(stored.file.name))).write_bytes(os.urandom(stored.size))

    with pytest.raises(StorageFault, match="hash differs"):
        restore(archived.pk, by="anna")

    assert not Recording.objects.exists()
    assert ArchivedFile.objects.count() == 5
    assert not StoredFile.objects.exclude(storage="archive").exists()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_of_two_who_restore_one_does_and_the_other_hears_why(recording, archive, anywhere):
    archived = put_away(recording)
    faster = []

    def second() -> None:
        if not faster:
            faster.append(archived)
            restore(archived.pk, by="boris")

    usual = copies.RENEW_SECONDS
    copies.RENEW_SECONDS = -1
    try:
        with pytest.raises(CannotRestore, match="left the archive"):
            restore(archived.pk, by="anna", alive=second)
    finally:
        copies.RENEW_SECONDS = usual

    purge()
    assert Recording.objects.get().files.count() == 5
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_try_that_failed_uses_up_its_names(recording, archive, anywhere):
    """A purge of the first try that wakes late must not meet what the second one wrote."""
    archived, names = put_away(recording), []

    def broken() -> None:
        names.extend(StoredFile.objects.filter(state="writing").values_list("file", flat=True))
        raise KeyboardInterrupt

    usual = copies.RENEW_SECONDS
    copies.RENEW_SECONDS = -1
    try:
        with pytest.raises(KeyboardInterrupt):
            restore(archived.pk, by="anna", alive=broken)
    finally:
        copies.RENEW_SECONDS = usual
    back = restore(archived.pk, by="anna")

    assert names
    assert not back.files.filter(stored__file__in=names).exists()
    purge()
    assert_clean()


@pytest.mark.parametrize("anywhere", ["disk"])
def test_deleting_rows_of_the_archive_releases_their_bytes(recording, archive, anywhere):
    put_away(recording)

    with transaction.atomic():
        ArchivedRecording.objects.all().delete()
    purge()

    assert list(archive.listing()) == []
    assert_clean()
