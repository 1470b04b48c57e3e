"""Sweeps: what goes and what stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import Task
from django.utils import timezone

from recordings.holds import hold_owner, hold_recording
from recordings.ledger.models import Receipt
from recordings.ledger.purge import purge
from recordings.models import Job, Recording
from recordings.trash import move_to_trash
from retention import runs, sweep
from retention.choices import Mode
from retention.models import RetentionRun
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


def test_recording_taken_into_work_after_the_plan_stays(recording, make_policy):
    make_old(recording)
    plan = run(make_policy(), Mode.PLAN)
    Job.objects.create(recording=recording, owner_id=recording.owner_id)

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.deleted, plan.skipped) == (0, 1)
    assert Recording.objects.live().get() == recording


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
