"""Runs: what goes, what stays, and what they tell of it."""

from __future__ import annotations

import logging
import os
import time
import uuid
from datetime import timedelta

import pytest
from celery import Task
from django.utils import timezone

from recordings.holds import hold_owner, hold_recording
from recordings.ledger import leases
from recordings.ledger.models import Receipt
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Job, Recording
from recordings.trash import move_to_trash
from retention import runs, sweep, words
from retention.choices import Mode
from retention.exceptions import NotAccepted, RetentionError, Running
from retention.impact import impact
from retention.models import RetentionPolicy, RetentionRun
from tests.conftest import assert_clean
from tests.retention.conftest import DAY, ago, make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


def outcomes(done: RetentionRun) -> list[tuple[int | None, str]]:
    return list(done.items.order_by("pk").values_list("recording_id", "outcome"))


def test_old_recording_goes_to_the_trash_and_the_young_one_stays(make_recording, make_policy):
    old, young = make_old(make_recording()), make_recording()

    done = run(make_policy(max_age_seconds=180 * DAY))

    old.refresh_from_db()
    young.refresh_from_db()
    assert old.trashed_by == "policy old-recordings v1"
    assert young.trashed_at is None
    assert (done.state, done.matched, done.deleted, done.bytes_freed) == ("succeeded", 1, 1, 0)
    assert outcomes(done) == [(old.pk, "trashed")]
    assert_clean()


def test_expired_recording_leaves_through_the_trash_to_no_bytes(
    make_recording, shipped, stored_names, account, anywhere
):
    recording = make_recording(expire_at=ago(hours=1))
    kept_longer = make_recording(expire_at=ago(hours=-1))

    run(shipped["expired"])
    Recording.objects.trashed().update(purge_after=ago(seconds=1))
    done = run(shipped["trash"])
    purge()

    assert (done.deleted, done.bytes_freed) == (1, 5010)
    assert not Recording.objects.filter(pk=recording.pk).exists()
    assert {r.released_by for r in Receipt.objects.all()} == {"policy trash v1"}
    assert {r.reason for r in Receipt.objects.all()} == {"policy"}
    assert Receipt.objects.count() == 5
    assert account().used == 5010
    assert len(stored_names()) == 5
    assert Recording.objects.live().get() == kept_longer
    assert_clean()


def test_trash_waits_for_its_stamped_deadline(recording, make_policy):
    move_to_trash([recording.pk], by="olga")

    done = run(make_policy("trash", max_age_seconds=0))

    assert (done.matched, done.deleted) == (0, 0)
    assert Recording.objects.trashed().filter(pk=recording.pk).exists()


def test_policy_trashes_for_as_long_as_the_trash_policy_says(recording, make_policy):
    make_policy("trash", max_age_seconds=2 * DAY)
    make_old(recording)

    run(make_policy())

    recording.refresh_from_db()
    assert recording.purge_after - recording.trashed_at == timedelta(days=2)


def test_deleting_policy_leaves_receipts_and_frees_the_quota(recording, make_policy, account):
    make_old(recording)

    done = run(make_policy(action="delete"))
    purge()

    assert (done.deleted, done.bytes_freed) == (1, 5010)
    assert account().used == 0
    assert Receipt.objects.count() == 5
    assert_clean()


def test_broker_that_is_down_changes_nothing(recording, make_policy, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("the broker is down")

    monkeypatch.setattr(Task, "apply_async", refuse)
    make_old(recording)

    asked = runs.ask(make_policy(action="delete"), mode=Mode.EXECUTE, by="anna")
    assert sweep.execute(asked.pk)

    asked.refresh_from_db()
    assert (asked.state, asked.deleted) == ("succeeded", 1)


def test_report_touches_nothing_and_needs_no_acceptance(recording, make_policy):
    make_old(recording)

    done = run(make_policy(action="report", accepted=False))

    recording.refresh_from_db()
    assert recording.trashed_at is None
    assert (done.state, done.matched, done.deleted) == ("succeeded", 1, 0)
    assert outcomes(done) == [(recording.pk, "would")]


@pytest.mark.parametrize("action", ["trash", "delete"])
def test_held_recording_survives_and_the_run_says_why(recording, make_policy, action, owner):
    make_old(recording)
    hold_recording(recording.pk, reason="court case", by="anna")

    done = run(make_policy(action=action))

    item = done.items.get()
    assert (done.matched, done.deleted, done.skipped) == (1, 0, 1)
    assert item.outcome == "skipped"
    assert "court case" in item.detail
    assert recording.files.count() == 5


def test_owner_on_hold_keeps_everything(make_recording, make_policy, owner):
    for _ in range(2):
        make_old(make_recording())
    hold_owner(owner.pk, reason="audit", by="anna")

    assert run(make_policy()).skipped == 2


def test_hold_placed_after_the_plan_is_seen(recording, make_policy):
    make_old(recording)
    policy = make_policy()
    plan = run(policy, Mode.PLAN)
    hold_recording(recording.pk, reason="court case", by="anna")

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.state, plan.deleted, plan.skipped) == ("succeeded", 0, 1)


def test_kept_recording_is_exempt(recording, make_policy):
    make_old(recording, keep=True)

    assert run(make_policy()).matched == 0


def test_recording_in_work_is_left_until_it_is_done(recording, make_policy):
    make_old(recording)
    Job.objects.create(recording=recording, owner_id=recording.owner_id)

    done = run(make_policy())

    assert (done.deleted, done.skipped) == (0, 1)
    assert done.items.get().detail == "It is being processed."


def test_plan_is_what_a_run_then_does(make_recording, make_policy):
    for _ in range(3):
        make_old(make_recording(files=1))
    policy = make_policy()

    plan = run(policy, Mode.PLAN)
    done = run(policy)

    assert (plan.state, plan.deleted) == ("planned", 0)
    assert (plan.matched, plan.bytes_matched) == (done.deleted, done.bytes_matched)
    assert [pk for pk, _ in outcomes(plan)] == [pk for pk, _ in outcomes(done)]


def test_approved_plan_touches_nothing_else(make_recording, make_policy):
    planned = make_old(make_recording(files=1))
    plan = run(make_policy(), Mode.PLAN)
    later = make_old(make_recording(files=1))

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    assert list(Recording.objects.trashed()) == [planned]
    assert list(Recording.objects.live()) == [later]


def test_item_that_is_no_longer_due_is_skipped(recording, make_policy):
    make_old(recording)
    plan = run(make_policy(), Mode.PLAN)
    Recording.objects.filter(pk=recording.pk).update(created_at=timezone.now())

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.deleted, plan.skipped) == (0, 1)
    assert "not due before" in plan.items.get().detail


def test_recording_that_left_the_scope_is_skipped(recording, make_policy, make_user, owner):
    make_old(recording)
    plan = run(make_policy(scope={"owners": ["olga"]}), Mode.PLAN)
    Recording.objects.filter(pk=recording.pk).update(owner=make_user("boris"))

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.deleted, plan.skipped) == (0, 1)


def test_what_is_gone_already_is_no_failure(recording, make_policy):
    make_old(recording)
    plan = run(make_policy(), Mode.PLAN)
    recording.delete()

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.state, plan.skipped) == ("succeeded", 1)


def test_policy_must_be_accepted_to_run_or_to_have_a_plan_approved(recording, make_policy):
    make_old(recording)
    policy = make_policy(accepted=False)

    with pytest.raises(NotAccepted):
        runs.ask(policy, mode=Mode.EXECUTE, by="anna")
    plan = run(policy, Mode.PLAN)
    with pytest.raises(NotAccepted):
        runs.approve(plan, by="anna")


def test_plan_of_a_former_version_cannot_be_approved(recording, make_policy):
    make_old(recording)
    policy = make_policy()
    plan = run(policy, Mode.PLAN)
    policy.max_age_seconds = 0
    policy.save()
    policy.accept(version=policy.version, by="anna")

    plan.refresh_from_db()
    with pytest.raises(RetentionError, match="changed since"):
        runs.approve(plan, by="anna")


def test_policy_changed_while_its_run_waits_refuses(recording, make_policy):
    make_old(recording)
    policy = make_policy()
    asked = runs.ask(policy, mode=Mode.EXECUTE, by="anna")
    policy.max_age_seconds = 1000 * DAY
    policy.save()

    sweep.execute(asked.pk)

    asked.refresh_from_db()
    assert (asked.state, asked.deleted) == ("refused", 0)
    assert "changed" in asked.message


def test_one_run_of_a_policy_at_a_time(make_policy):
    policy = make_policy()
    runs.ask(policy, mode=Mode.EXECUTE, by="anna")

    with pytest.raises(Running):
        runs.ask(policy, mode=Mode.PLAN, by="boris")


def test_run_rung_five_times_is_done_once(recording, make_policy):
    make_old(recording)
    asked = runs.ask(make_policy(), mode=Mode.EXECUTE, by="anna")

    assert [sweep.execute(asked.pk) for _ in range(5)] == [True, False, False, False, False]

    asked.refresh_from_db()
    assert asked.deleted == 1


def test_run_cancelled_before_it_began_does_nothing(recording, make_policy):
    make_old(recording)
    asked = runs.ask(make_policy(), mode=Mode.EXECUTE, by="anna")

    assert runs.cancel(asked, by="anna")

    assert not sweep.execute(asked.pk)
    asked.refresh_from_db()
    assert asked.state == "cancelled"
    assert not runs.cancel(asked, by="anna")


def test_run_cancelled_in_the_middle_stops_with_what_it_did(
    make_recording, make_policy, monkeypatch
):
    monkeypatch.setattr(sweep, "BATCH_SIZE", 2)
    for _ in range(5):
        make_old(make_recording(files=1))
    asked = runs.ask(make_policy(), mode=Mode.EXECUTE, by="anna")
    watch_first_batch(monkeypatch, lambda: runs.cancel(asked, by="anna"))

    sweep.execute(asked.pk)

    asked.refresh_from_db()
    assert (asked.state, asked.matched, asked.deleted) == ("cancelled", 5, 2)
    assert Recording.objects.trashed().count() == 2


def watch_first_batch(monkeypatch, then):
    """Let something happen right after the first batch, as from another process."""
    remove_batch = sweep.remove_batch

    def watched(*args):
        remove_batch(*args)
        monkeypatch.setattr(sweep, "remove_batch", remove_batch)
        then()

    monkeypatch.setattr(sweep, "remove_batch", watched)


def test_policy_edited_in_the_middle_stops_the_run(make_recording, make_policy, monkeypatch):
    monkeypatch.setattr(sweep, "BATCH_SIZE", 2)
    for _ in range(4):
        make_old(make_recording(files=1))
    policy = make_policy()
    asked = runs.ask(policy, mode=Mode.EXECUTE, by="anna")
    watch_first_batch(
        monkeypatch,
        lambda: RetentionPolicy.objects.filter(pk=policy.pk).update(max_age_seconds=DAY * 9999),
    )

    sweep.execute(asked.pk)

    asked.refresh_from_db()
    assert (asked.state, asked.deleted) == ("refused", 2)
    assert Recording.objects.trashed().count() == 2


def test_process_that_lost_its_run_changes_nothing_more(make_recording, make_policy, monkeypatch):
    monkeypatch.setattr(sweep, "BATCH_SIZE", 2)
    for _ in range(4):
        make_old(make_recording(files=1))
    asked = runs.ask(make_policy(), mode=Mode.EXECUTE, by="anna")

    def lapse():
        RetentionRun.objects.filter(pk=asked.pk).update(lease_until=ago(seconds=1))
        assert runs.recover() == 1

    watch_first_batch(monkeypatch, lapse)

    sweep.execute(asked.pk)

    asked.refresh_from_db()
    assert (asked.state, asked.deleted) == ("failed", 2)
    assert Recording.objects.trashed().count() == 2


def test_run_of_a_dead_process_is_closed_and_the_next_one_does_the_rest(
    make_recording, make_policy
):
    for _ in range(2):
        make_old(make_recording(files=1))
    policy = make_policy()
    dead = runs.ask(policy, mode=Mode.EXECUTE, by="anna")
    gone = leases.holder().rpartition("/")[0].rpartition("/")[0] + "/999999/1"
    RetentionRun.objects.filter(pk=dead.pk).update(
        state="running", claim=uuid.uuid4(), claimed_by=gone, lease_until=ago(hours=-1)
    )

    assert runs.recover() == 1

    dead.refresh_from_db()
    assert dead.state == "failed"
    assert run(policy).deleted == 2


def test_run_of_a_live_process_is_left_alone(make_policy):
    asked = runs.ask(make_policy(), mode=Mode.EXECUTE, by="anna")
    sweep.claim(asked.pk)

    assert runs.recover() == 0


def test_one_bad_item_does_not_stop_the_others(make_recording, make_policy, monkeypatch):
    good, bad, other = (make_old(make_recording(files=1)) for _ in range(3))
    work_on = sweep.work_on

    def fail_on_one(policy, target, items):
        if any(item.recording_id == bad.pk for item in items):
            raise RuntimeError("disk on fire")
        return work_on(policy, target, items)

    monkeypatch.setattr(sweep, "work_on", fail_on_one)

    done = run(make_policy())

    assert (done.state, done.deleted, done.failed) == ("partial", 2, 1)
    assert "disk on fire" in done.items.get(recording_id=bad.pk).detail
    assert set(Recording.objects.trashed()) == {good, other}


@pytest.mark.parametrize("limits", [{"limit_items": 1}, {"limit_bytes": 1500}])
def test_run_over_a_limit_waits_before_it_removes_anything(make_recording, make_policy, limits):
    for _ in range(2):
        make_old(make_recording(files=1))
    policy = make_policy(**limits)

    waiting = run(policy)

    assert (waiting.state, waiting.deleted) == ("waiting", 0)
    assert "limit" in waiting.message
    assert Recording.objects.trashed().count() == 0

    runs.approve(waiting, by="anna")
    sweep.execute(waiting.pk)

    waiting.refresh_from_db()
    assert (waiting.state, waiting.deleted) == ("succeeded", 2)


def test_scope_narrows_to_people_and_labels(make_recording, make_policy, make_user, owner):
    boris = make_user("boris")
    mine = make_old(make_recording())
    make_old(make_recording(of=boris))
    labelled = make_old(make_recording(of=boris))
    label = boris.labels.create(name="draft")
    labelled.labels.add(label)

    assert outcomes(run(make_policy(scope={"owners": ["olga"]}))) == [(mine.pk, "trashed")]
    assert outcomes(run(make_policy(scope={"labels": ["draft"]}))) == [(labelled.pk, "trashed")]


def test_policy_for_someone_who_is_gone_is_not_for_everyone(make_recording, make_policy, make_user):
    boris = make_user("boris")
    policy = make_policy(scope={"owners": ["boris"]})
    boris.delete()
    make_old(make_recording())

    assert run(policy).matched == 0


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


def test_finished_jobs_are_pruned_and_open_ones_stay(recording, make_policy, owner):
    old = {"recording": recording, "owner_id": owner.pk, "created_at": ago(days=30)}
    Job.objects.create(**old, state="succeeded", finished_at=ago(days=8))
    young = Job.objects.create(**old, state="failed", finished_at=ago(days=6))
    waiting = Job.objects.create(**old, state="queued")

    done = run(make_policy("jobs", max_age_seconds=7 * DAY))

    assert done.deleted == 1
    assert set(Job.objects.all()) == {young, waiting}


@pytest.fixture
def scratch_file(settings):
    def make(name: str, hours: float, size: int = 100):
        path = settings.SCRATCH_ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() - hours * 3600,) * 2)
        return path

    return make


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


def test_removals_and_the_whole_are_logged(make_policy, scratch_file, caplog):
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    scratch_file("user_4/video/temp_processing/142_temp_9f.mp4", hours=26.3)

    done = run(make_policy("scratch"))

    lines = [r.getMessage() for r in caplog.records if r.name == "mediasite.maintenance"]
    assert lines[0] == (
        "sweep deleted user_4/video/temp_processing/142_temp_9f.mp4 (100 bytes, 26.3 h old) "
        f"policy=old-scratch run={done.pk}"
    )
    assert lines[1].startswith("sweep old-scratch: 1 deleted, 0 failed, 0.0 MB freed in ")


def test_watched_policy_refuses_while_the_history_is_short(make_recording, make_policy):
    make_old(make_recording())
    policy = make_policy(clock="watched", max_age_seconds=30 * DAY)

    assert run(policy).state == "refused"

    watched = make_old(make_recording(), last_watched_at=ago(days=40))
    fresh = make_old(make_recording(), last_watched_at=ago(days=1))
    done = run(policy)
    assert done.state == "succeeded"
    assert done.deleted == 2
    assert set(Recording.objects.live()) == {fresh}
    assert watched in Recording.objects.trashed()


def test_words_of_a_run_that_fills_the_trash_do_not_speak_of_deleting(
    make_recording, make_policy, caplog
):
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    make_old(make_recording())

    run(make_policy())

    line = caplog.records[-1].getMessage()
    assert ": 1 moved to the trash, 0 failed in " in line
    assert "freed" not in line


def test_preview_counts_the_bytes_of_what_would_go(make_recording, make_policy):
    make_old(make_recording(files=1))
    held = make_old(make_recording(files=3))
    hold_recording(held.pk, reason="Case", by="anna")
    policy = make_policy()

    plan = run(policy, mode=Mode.PLAN)

    assert words.going(plan) == "1 would go (0.0 MB), 1 skipped"
    assert plan.bytes_going() == impact(policy).size == 1000


def test_scheduled_runs_that_find_nothing_leave_one_row_and_no_line(
    make_policy, make_recording, caplog
):
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    make_recording()
    policy = make_policy()
    asked = run(policy)

    for _ in range(3):
        sweep.execute(runs.queue(policy, mode=Mode.EXECUTE, by="schedule").pk)
    last = runs.queue(policy, mode=Mode.EXECUTE, by="schedule")
    sweep.execute(last.pk)

    assert {one.pk for one in RetentionRun.objects.all()} == {asked.pk, last.pk}
    assert len([r for r in caplog.records if "sweep" in r.getMessage()]) == 1
