"""Originals, jobs and scratch."""

from __future__ import annotations

import pytest

from recordings.holds import hold_recording
from recordings.ledger.models import AccountQuerySet, Receipt
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Job, Recording
from tests.conftest import assert_clean
from tests.retention.conftest import DAY, ago, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_originals_go_where_a_rendition_stands(make_recording, make_policy):
    processed = {"processed_at": ago(days=9), "width": 640, "height": 360}
    spare = make_recording(**processed)
    needed = make_recording(files=1, **processed)

    done = run(make_policy("originals", max_age_seconds=7 * DAY))
    purge()

    assert (done.deleted, done.bytes_freed) == (1, 1000)
    assert spare.file(Kind.ORIGINAL) is None
    assert spare.files.count() == 4
    assert needed.file(Kind.ORIGINAL) is not None
    assert Receipt.objects.get().name.endswith("_original.mp4")
    assert_clean()


def test_original_of_a_held_recording_stays(make_recording, make_policy):
    recording = make_recording(processed_at=ago(days=9), width=640)
    hold_recording(recording.pk, reason="court case", by="anna")

    assert run(make_policy("originals")).skipped == 1
    assert recording.files.count() == 5


def test_original_that_changes_hands_while_the_run_waits_for_it_stays(
    make_recording, make_policy, make_user, monkeypatch
):
    """The account of the new owner is not locked, so a hold on him could come at any moment."""
    recording, boris = make_recording(processed_at=ago(days=9), width=640), make_user("boris")
    policy = make_policy("originals")
    lock = AccountQuerySet.lock

    def lock_late(accounts, owner_ids):
        Recording.objects.filter(pk=recording.pk).update(owner=boris)
        return lock(accounts, owner_ids)

    monkeypatch.setattr(AccountQuerySet, "lock", lock_late)
    run(policy)

    assert recording.files.count() == 5


def test_finished_jobs_are_pruned_and_open_ones_stay(recording, make_policy, owner):
    old = {"recording": recording, "owner_id": owner.pk, "created_at": ago(days=30)}
    Job.objects.create(**old, state="succeeded", finished_at=ago(days=8))
    young = Job.objects.create(**old, state="failed", finished_at=ago(days=6))
    waiting = Job.objects.create(**old, state="queued")

    done = run(make_policy("jobs", max_age_seconds=7 * DAY))

    assert done.deleted == 1
    assert set(Job.objects.all()) == {young, waiting}


def test_old_scratch_goes_and_the_young_and_foreign_stay(make_policy, scratch_file):
    old = scratch_file("user_4/video/temp_processing/142_temp_9f.mp4", hours=26.3)
    young = scratch_file("user_4/video/temp_processing/143_temp_9f.mp4", hours=1)
    elsewhere = scratch_file("user_4/notes.txt", hours=100)

    done = run(make_policy("scratch"))

    item = done.items.get()
    assert not old.exists()
    assert young.exists()
    assert elsewhere.exists()
    assert (done.deleted, done.bytes_freed) == (1, 100)
    assert (item.name, item.owner_id, item.recording_id, item.outcome) == (
        "user_4/video/temp_processing/142_temp_9f.mp4", 4, 142, "deleted",
    )  # fmt: skip


def test_scratch_in_use_stays_whatever_its_age(make_policy):
    from recordings.processing.scratch import scratch

    with scratch(4, 142, "mp4") as mine:
        done = run(make_policy("scratch", max_age_seconds=0))
        assert mine.work.is_dir()

    assert (done.deleted, done.skipped) == (0, 1)
