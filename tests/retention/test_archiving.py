"""Policies that archive, policies that back up first, and runs on a clock in doubt."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from recordings.archive import CannotArchive, let_go_unused
from recordings.archive_restore import restore
from recordings.holds import hold_recording
from recordings.ledger import clock, copies, publish
from recordings.ledger.models import Clock, StoredFile
from recordings.ledger.purge import purge
from recordings.models import ArchivedRecording, Recording
from recordings.trash import move_to_trash
from retention import schedule, sweep, tasks
from retention.choices import Mode
from retention.models import RetentionPolicy
from retention.targets.recordings import Recordings
from tests import archives
from tests.conftest import assert_clean
from tests.retention.conftest import DAY, ago, make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    archives.use_folder(settings, tmp_path / "archive")
    return tmp_path / "archive"


def archiving(make_policy, target: str = "recordings", **values) -> RetentionPolicy:
    return make_policy(target, action="archive", max_age_seconds=180 * DAY, **values)


def test_archive_needs_a_place(make_policy):
    with pytest.raises(ValidationError, match="set ARCHIVE_ROOT or ARCHIVE_BUCKET_NAME"):
        archiving(make_policy)


def test_place_that_is_configured_no_more_stops_the_run(recording, make_policy, folder, settings):
    make_old(recording)
    policy = archiving(make_policy)
    settings.STORAGES = {k: v for k, v in settings.STORAGES.items() if k != "archive"}

    done = run(policy)

    assert (done.state, done.deleted) == ("refused", 0)
    assert "There is no archive" in done.message
    assert recording.files.count() == 5


def test_old_recording_goes_to_the_archive_and_the_young_and_the_held_stay(
    make_recording, make_policy, archive, account
):
    old, held, young = make_old(make_recording()), make_old(make_recording()), make_recording()
    hold_recording(held.pk, reason="a lawsuit", by="anna")
    policy = archiving(make_policy)

    done = run(policy)
    purge()

    assert (done.state, done.deleted, done.skipped, done.bytes_freed) == ("succeeded", 1, 1, 5010)
    assert set(Recording.objects.values_list("pk", flat=True)) == {held.pk, young.pk}
    archived = ArchivedRecording.objects.get()
    assert (archived.recording_id, archived.archived_by) == (old.pk, "policy old-recordings v1")
    assert len(list(archive.listing())) == 5, "the held one was not even copied"
    assert account().used == 2 * 5010
    assert_clean()
    assert "are archived, then deleted, except held and kept" in policy.summary


@pytest.mark.usefixtures("folder")
def test_restored_recording_is_not_taken_again(recording, make_policy):
    make_old(recording)
    policy = archiving(make_policy)
    run(policy)

    restore(ArchivedRecording.objects.get().pk, by="anna")
    done = run(policy)

    assert (done.deleted, Recording.objects.get().pk) == (0, recording.pk)


@pytest.mark.usefixtures("folder")
def test_trash_can_go_to_the_archive(make_recording, make_policy):
    due, waiting = make_recording(), make_recording()
    move_to_trash([due.pk, waiting.pk], by="olga")
    Recording.objects.filter(pk=due.pk).update(purge_after=ago(seconds=1))

    done = run(archiving(make_policy, "trash"))

    assert (done.matched, done.deleted) == (1, 1)
    assert ArchivedRecording.objects.get().recording_id == due.pk
    assert Recording.objects.get() == waiting


@pytest.mark.usefixtures("folder")
def test_one_that_cannot_be_copied_stays_and_does_not_stop_the_others(
    make_recording, make_policy, settings
):
    bad, good = make_old(make_recording()), make_old(make_recording())
    stored = bad.files.first().stored
    path = Path(settings.MEDIA_ROOT) / str(stored.file.name)
    path.write_bytes(os.urandom(stored.size))

    done = run(archiving(make_policy))

    assert (done.state, done.deleted, done.failed) == ("partial", 1, 1)
    assert "hash differs" in done.items.get(recording_id=bad.pk).detail
    assert Recording.objects.get() == bad
    assert ArchivedRecording.objects.get().recording_id == good.pk


@pytest.mark.usefixtures("folder")
def test_hold_placed_between_copy_and_erasing_keeps_both(recording, make_policy):
    """The target is called as the sweep does, with a hold in between."""
    make_old(recording)
    policy = archiving(make_policy)
    work = sweep.Work(policy=policy, keys=[recording.pk], at=timezone.now(), by=policy.title)
    target = Recordings()
    target.prepare(work, lambda: None)

    hold = hold_recording(recording.pk, reason="a lawsuit", by="anna")
    result = target.remove(work)[recording.pk]

    assert (result.outcome, "a lawsuit" in result.detail) == ("skipped", True)
    ArchivedRecording.objects.update(copied_at=timezone.now() - timedelta(days=3))
    assert let_go_unused() == 0
    hold.release(by="anna")
    assert target.remove(work)[recording.pk].outcome == "deleted"


@pytest.mark.usefixtures("folder")
def test_copy_that_was_taken_for_dead_is_no_loss_of_the_run(recording, make_policy, monkeypatch):
    """A lost claim of a file ends its item; only a lost claim of the run ends the run."""
    make_old(recording)
    policy = archiving(make_policy)
    work = sweep.Work(policy=policy, keys=[recording.pk], at=timezone.now(), by=policy.title)
    monkeypatch.setattr(copies, "RENEW_SECONDS", -1)

    def recovered_meanwhile() -> None:
        StoredFile.objects.filter(state="writing").update(lease_until=ago(minutes=5))
        publish.recover()

    with pytest.raises(CannotArchive, match="took too long"):
        Recordings().prepare(work, recovered_meanwhile)

    assert recording.files.count() == 5
    purge()
    assert_clean()


@pytest.mark.usefixtures("folder")
def test_nothing_is_removed_that_was_not_copied(recording, make_policy):
    make_old(recording)
    policy = archiving(make_policy)
    work = sweep.Work(policy=policy, keys=[recording.pk], at=timezone.now(), by=policy.title)

    result = Recordings().remove(work)[recording.pk]

    assert result.outcome == "skipped"
    assert result.detail.startswith("The archive has no copy of it as it is now")


def test_backup_is_made_before_the_first_removal_and_only_then(recording, make_policy, settings):
    policy = make_policy(backup_first=True, max_age_seconds=180 * DAY)

    assert run(policy).state == "succeeded"
    assert not settings.BACKUP_ROOT.exists(), "nothing was to go"
    assert run(policy, Mode.PLAN).state == "planned"
    make_old(recording)
    assert run(policy).deleted == 1

    assert len(list(settings.BACKUP_ROOT.iterdir())) == 1


def test_run_without_its_backup_is_refused_and_removes_nothing(recording, make_policy, settings):
    make_old(recording)
    settings.BACKUP_ROOT.write_text("no folder")

    done = run(make_policy(backup_first=True))

    assert (done.state, done.deleted) == ("refused", 0)
    assert done.message.startswith("Nothing was removed, for there is no backup. The backup could")
    recording.refresh_from_db()
    assert recording.trashed_at is None


def test_backup_fits_what_the_database_or_storage_loses(make_policy):
    assert make_policy("originals", backup_first=True).backup_first
    with pytest.raises(ValidationError, match="takes no backup first"):
        make_policy("scratch", backup_first=True)
    with pytest.raises(ValidationError, match="only reports takes no backup"):
        make_policy(action="report", backup_first=True)


def test_clock_in_doubt_stops_runs_by_hand_and_by_schedule_and_loses_none(recording, make_policy):
    make_old(recording)
    policy = make_policy(crontab="0 2 * * *")
    RetentionPolicy.objects.filter(pk=policy.pk).update(next_due_at=ago(hours=1))
    Clock.objects.create(pk=1, seen_at=timezone.now() + timedelta(hours=5))

    assert schedule.due() == []
    assert tasks.ring(policy.pk) is False
    done = run(policy)
    assert (done.state, done.deleted) == ("refused", 0)
    assert "5 hours behind" in done.message
    assert run(policy, Mode.PLAN).state == "planned"

    clock.confirm(by="anna")
    assert schedule.due() == [policy.pk]
    assert tasks.ring(policy.pk) is True
    assert Recording.objects.trashed().count() == 1
