"""Policies on beat: periodic tasks in step, turns taken once, late once, and the switch."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask, PeriodicTasks

from recordings.models import Recording
from retention import schedule, sweep, tasks
from retention.clock import database_now
from retention.models import RetentionPolicy, RetentionRun, RetentionSwitch
from retention.targets import find
from tests.retention.conftest import DAY, ago, make_old

pytestmark = pytest.mark.django_db(transaction=True)

SHIPPED = {
    "scratch", "uploads", "sessions", "finals", "expired", "trash", "jobs", "orphans",
    "quarantine", "transcripts", "logs", "django-sessions", "database", "run-history",
    "marked-images", "cache",
}  # fmt: skip
RESTING = ("marked-images", "cache")


def task_of(policy: RetentionPolicy) -> PeriodicTask | None:
    return PeriodicTask.objects.filter(name=f"retention policy {policy.pk}").first()


def make_due(policy: RetentionPolicy, **span: float) -> None:
    RetentionPolicy.objects.filter(pk=policy.pk).update(next_due_at=ago(**(span or {"seconds": 1})))
    policy.refresh_from_db()


def test_accepted_policy_gets_its_periodic_task(make_policy):
    policy = make_policy(crontab="30 2 * * 0", timezone="Europe/Berlin")

    task = task_of(policy)

    assert (task.task, json.loads(task.args), task.enabled) == (
        "retention.tasks.ring", [policy.pk], True,
    )  # fmt: skip
    assert (task.crontab.minute, task.crontab.hour, task.crontab.day_of_week) == ("30", "2", "0")
    assert str(task.crontab.timezone) == "Europe/Berlin"
    assert task.expire_seconds
    policy.refresh_from_db()
    assert policy.next_due_at > timezone.now()


def test_edit_changes_the_task_at_once_and_beat_hears_of_it(make_policy):
    policy = make_policy(crontab="0 2 * * *")
    heard = PeriodicTasks.last_change()

    policy.crontab, policy.every_seconds = "", 10
    policy.save()

    task = task_of(policy)
    assert (task.crontab, task.interval.every, task.interval.period) == (None, 10, "seconds")
    assert PeriodicTasks.last_change() > heard
    policy.refresh_from_db()
    assert policy.next_due_at - timezone.now() <= timedelta(seconds=10)


@pytest.mark.parametrize(
    "rest",
    [
        lambda policy: RetentionPolicy.objects.filter(pk=policy.pk).update(enabled=False),
        lambda policy: RetentionPolicy.objects.update(max_age_seconds=5),
        lambda policy: RetentionSwitch.turn(on=False, by="anna"),
        lambda policy: RetentionPolicy.objects.bulk_update(
            [RetentionPolicy(pk=policy.pk, enabled=False)], ["enabled"]
        ),
    ],
    ids=["disabled in bulk", "changed in bulk", "paused", "bulk_update"],
)
def test_resting_policy_has_its_task_disabled_and_no_next_run(make_policy, rest):
    policy = make_policy(every_seconds=10)

    rest(policy)

    policy.refresh_from_db()
    assert not task_of(policy).enabled
    assert policy.next_due_at is None


def test_deleted_policy_takes_its_task_along(make_policy):
    one, other = (make_policy(every_seconds=10) for _ in range(2))

    one.delete()
    RetentionPolicy.objects.filter(pk=other.pk).delete()

    assert not PeriodicTask.objects.filter(task="retention.tasks.ring").exists()


def test_policy_without_a_schedule_has_no_task(make_policy):
    policy = make_policy(every_seconds=10)

    policy.every_seconds = None
    policy.save()

    assert task_of(policy) is None
    policy.refresh_from_db()
    assert policy.next_due_at is None


def test_rolled_back_edit_changes_nothing(make_policy):
    policy = make_policy(every_seconds=10)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        policy.every_seconds = 20
        policy.save()
        raise ZeroDivisionError

    assert task_of(policy).interval.every == 10


def test_edits_heard_in_the_other_order_end_with_the_last_one_committed(make_policy):
    policy = make_policy(every_seconds=10)
    waiting = []
    for seconds in (20, 30):
        RetentionPolicy._base_manager.filter(pk=policy.pk).update(every_seconds=seconds)
        waiting.append(lambda: schedule.sync_policy(policy.pk))

    for late in reversed(waiting):
        late()

    assert task_of(policy).interval.every == 30


def test_sync_schedules_mends_what_others_broke(make_policy, capsys):
    from django.core.management import call_command

    policy = make_policy(crontab="0 2 * * *")
    CrontabSchedule.objects.all().delete()  # takes the tasks along
    PeriodicTask.objects.create(
        name="retention policy 999999", task="retention.tasks.ring",
        interval=schedule._interval(5),
    )  # fmt: skip

    call_command("sync_schedules")

    assert capsys.readouterr().out.strip() == "Policies that run by themselves: 1."
    assert task_of(policy).crontab.hour == "2"
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert names == {f"retention policy {policy.pk}", "library tick", "retention tick"}


def test_equal_schedules_share_a_row_and_two_rows_do_no_harm(make_policy):
    for _ in range(2):
        CrontabSchedule.objects.create(minute="0", hour="2", timezone="UTC")

    first, second = (make_policy(crontab="0 2 * * *") for _ in range(2))

    assert task_of(first).crontab_id == task_of(second).crontab_id


def test_ring_before_the_time_does_nothing(make_policy):
    policy = make_policy(every_seconds=3600)

    assert tasks.ring(policy.pk) is False

    assert not RetentionRun.objects.exists()


def test_ring_delivered_five_times_runs_once(make_policy, recording):
    make_old(recording)
    policy = make_policy(every_seconds=3600)
    make_due(policy)

    assert [tasks.ring(policy.pk) for _ in range(5)] == [True, False, False, False, False]

    run = RetentionRun.objects.get()
    assert (run.started_by, run.state, run.deleted) == ("schedule", "succeeded", 1)


def test_run_missed_for_days_is_caught_up_once(make_policy):
    policy = make_policy(crontab="0 3 * * *")
    make_due(policy, days=4)

    assert schedule.due() == [policy.pk]
    assert tasks.ring(policy.pk) is True
    assert tasks.ring(policy.pk) is False

    policy.refresh_from_db()
    assert policy.next_due_at > timezone.now()
    assert schedule.due() == []


def test_interval_keeps_its_grid_after_a_late_run(make_policy):
    policy = make_policy(every_seconds=600)
    make_due(policy, seconds=1500)
    slot = policy.next_due_at

    tasks.ring(policy.pk)

    policy.refresh_from_db()
    assert (policy.next_due_at - slot).total_seconds() == 1800


@pytest.mark.parametrize("how", ["paused", "disabled", "not accepted"])
def test_ring_for_a_resting_policy_does_nothing(make_policy, recording, how):
    make_old(recording)
    policy = make_policy(every_seconds=10)
    if how == "paused":
        RetentionSwitch.turn(on=False, by="anna")
    values = {"disabled": {"enabled": False}, "not accepted": {"accepted_version": None}}
    RetentionPolicy._base_manager.filter(pk=policy.pk).update(
        next_due_at=ago(days=1), **values.get(how, {})
    )

    assert tasks.ring(policy.pk) is False

    recording.refresh_from_db()
    assert recording.trashed_at is None


def test_resumed_policies_go_on_from_now_without_a_burst(make_policy):
    policy = make_policy(every_seconds=3600)
    make_due(policy, days=2)

    assert RetentionSwitch.turn(on=False, by="anna")
    assert not RetentionSwitch.turn(on=False, by="boris")
    assert RetentionSwitch.current().paused_by == "anna"
    assert RetentionSwitch.turn(on=True, by="anna")

    policy.refresh_from_db()
    assert task_of(policy).enabled
    assert policy.next_due_at > timezone.now()


def test_ring_while_a_run_is_under_way_takes_the_turn_and_starts_nothing(make_policy):
    from retention import runs
    from retention.choices import Mode

    policy = make_policy(every_seconds=3600)
    runs.ask(policy, mode=Mode.EXECUTE, by="anna")
    make_due(policy)

    assert tasks.ring(policy.pk) is False

    policy.refresh_from_db()
    assert RetentionRun.objects.count() == 1
    assert policy.next_due_at > timezone.now()


def test_start_of_beat_makes_start_up_policies_due_once(make_policy):
    daily = make_policy(crontab="0 2 * * *", at_startup=True)
    only_then = make_policy("jobs", at_startup=True)
    usual = make_policy("scratch", crontab="0 2 * * *")

    tasks.beat_started()

    assert set(schedule.due()) == {daily.pk, only_then.pk}
    assert [tasks.ring(pk) for pk in (daily.pk, only_then.pk, usual.pk)] == [True, True, False]
    assert [tasks.ring(pk) for pk in (daily.pk, only_then.pk)] == [False, False]
    daily.refresh_from_db()
    assert daily.next_due_at > timezone.now()


def test_start_of_beat_while_paused_runs_nothing(make_policy):
    make_policy(crontab="0 2 * * *", at_startup=True)
    RetentionSwitch.turn(on=False, by="anna")

    tasks.beat_started()

    assert schedule.due() == []


def test_tick_begins_what_was_forgotten(make_policy, recording):
    from retention import runs
    from retention.choices import Mode

    make_old(recording)
    run = runs.ask(make_policy(), mode=Mode.EXECUTE, by="anna", ring_worker=False)
    assert runs.waiting() == []
    RetentionRun.objects.filter(pk=run.pk).update(created_at=ago(minutes=1))

    assert runs.waiting() == [run.pk]
    tasks.tick()


def test_database_clock_is_utc(db):
    assert abs(database_now() - timezone.now()) < timedelta(seconds=5)
    assert database_now().utcoffset() == timedelta(0)


def test_shipped_policies_are_accepted_and_on_beat(shipped):
    assert set(shipped) == SHIPPED
    for policy in shipped.values():
        policy.refresh_from_db()
        if find(policy.target):
            policy.full_clean()
        assert policy.may_act
        assert policy.enabled is (policy.slug not in RESTING)
        assert task_of(policy).enabled is policy.enabled
        assert (policy.next_due_at is not None) is policy.enabled
    assert {slug for slug, policy in shipped.items() if policy.at_startup} == {
        "uploads", "sessions",
    }  # fmt: skip


def test_shipped_policies_say_what_they_do(shipped):
    assert [shipped[slug].summary for slug in ("scratch", "expired", "trash", "jobs")] == [
        "Every hour UTC: scratch files unchanged for 1 day are deleted for ever, "
        "except those in use.",
        "Every day at 02:00 UTC: recordings whose own date has passed go to the trash, "
        "except held and kept.",
        "Every day at 03:00 UTC: recordings whose time in the trash is over (30 days for what is "
        "trashed under this policy) are deleted for ever, except held and kept.",
        "Every 6 hours UTC: jobs that ended more than 7 days ago are deleted for ever.",
    ]


@pytest.mark.parametrize("attempt", range(3))
def test_two_beats_at_once_run_it_once(make_policy, recording, attempt):
    make_old(recording)
    policy = make_policy(every_seconds=3600)
    make_due(policy)
    together = threading.Barrier(4)
    taken = []

    def ring():
        try:
            together.wait()
            taken.append(tasks.ring(policy.pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [False, False, False, True]
    assert RetentionRun.objects.get().deleted == 1
    assert Recording.objects.trashed().count() == 1
    assert connection.in_atomic_block is False


def test_older_copy_in_hand_sets_nothing_back(make_policy):
    policy = make_policy(max_age_seconds=10 * DAY)
    stale = RetentionPolicy.objects.get(pk=policy.pk)
    policy.max_age_seconds = 20 * DAY
    policy.save()
    policy.accept(version=2, by="anna")

    stale.name = "Renamed by someone who looked earlier"
    stale.save()

    stale.refresh_from_db()
    assert (stale.version, stale.accepted_version, stale.may_act) == (3, 2, False)


@pytest.mark.parametrize("off", ["disabled", "paused"])
def test_run_that_waits_does_not_begin_once_its_policy_rests(make_policy, make_recording, off):
    recording = make_old(make_recording())
    policy = make_policy(every_seconds=60)
    RetentionPolicy._base_manager.update(next_due_at=timezone.now())
    queued = schedule.claim(policy.pk)
    assert queued is not None
    if off == "disabled":
        RetentionPolicy.objects.filter(pk=policy.pk).update(enabled=False)
    else:
        RetentionSwitch.turn(on=False, by="anna")

    sweep.execute(queued.pk)

    queued.refresh_from_db()
    recording.refresh_from_db()
    assert (queued.state, recording.trashed_at) == ("refused", None)
