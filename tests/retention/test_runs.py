"""Runs as rows: accepted, alone, cancelled, taken back from the dead, stopped at a limit."""

from __future__ import annotations

import uuid

import pytest

from recordings.ledger import leases
from recordings.models import Recording
from retention import runs, sweep, undo
from retention.choices import Mode
from retention.exceptions import NotAccepted, RetentionError, Running
from retention.models import RetentionPolicy, RetentionRun
from tests.retention.conftest import DAY, ago, make_old, run

pytestmark = pytest.mark.django_db(transaction=True)


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
    began, why = waiting.started_at, waiting.message

    runs.approve(waiting, by="anna")
    sweep.execute(waiting.pk)

    waiting.refresh_from_db()
    assert (waiting.state, waiting.deleted) == ("succeeded", 2)
    assert waiting.started_at == began
    assert waiting.message == f"It waited for approval: {why} Approved by anna."
    assert undo.left(waiting).count() == 2


def test_discarded_run_still_says_why_it_had_waited(make_recording, make_policy):
    make_old(make_recording(files=1))
    waiting = run(make_policy(limit_items=0))

    runs.cancel(waiting, by="anna")

    assert waiting.message.endswith("its limit is 0. It was cancelled by anna.")
