"""Jobs as rows: who gets one, how it waits, and what becomes of it when its worker does not."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.db.backends.signals import connection_created
from django.db.models.functions import Now

from recordings.ledger.exceptions import QuotaExceeded
from recordings.ledger.models import Account, Reservation
from recordings.ledger.release import place_hold
from recordings.models import Job, Recording
from recordings.processing import jobs, outcome, watchdog, work
from recordings.processing.models import SourceRule
from recordings.processing.watchdog import Watchdog
from recordings.trash import move_to_trash, restore
from tests.recordings.scenes import again, newest, processed, ship_rules, until, upload

pytestmark = [pytest.mark.django_db(transaction=True)]

DEAD = "nowhere/1/boot/1/1"


@pytest.fixture(autouse=True)
def rules(db):
    ship_rules()


@pytest.fixture
def waiting(owner, make_recording):
    """A recording with an original whose first job waits."""
    recording = make_recording(files=1, state=Recording.State.FAILED)
    jobs.start(recording.pk)
    recording.refresh_from_db()
    return recording


def take(recording):
    job = jobs.claim(newest(recording).pk)
    assert job
    return job


@contextmanager
def on_new_connections(wrapper):
    """Have a wrapper around every statement of the connections that are made from here on."""

    def install(connection, **kwargs):
        connection.execute_wrappers.append(wrapper)

    connection_created.connect(install)
    try:
        yield
    finally:
        connection_created.disconnect(install)


@pytest.mark.media
def test_five_workers_that_come_at_once_do_it_once(owner, clip):
    recording = upload(owner, clip("without_sound"))
    pk, outcomes, gate = newest(recording).pk, [], threading.Barrier(5)

    def run() -> None:
        gate.wait()
        try:
            outcomes.append(work.carry_out(pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["not ours"] * 4 + ["succeeded"]
    assert newest(recording).attempts == 1


def test_job_waits_with_room_set_aside(waiting, settings):
    size = waiting.files.get().stored.size

    job = newest(waiting)

    assert (waiting.state, job.state, job.first) == ("queued", "queued", True)
    assert job.reservation.size == size * settings.PROCESSING_RESERVE_PERCENT // 100
    assert jobs.waiting() == [job.pk]


def test_start_without_room_changes_nothing(make_recording):
    recording = make_recording(files=1)
    Account.objects.update(uses_default_limit=False, own_limit=1100)

    with pytest.raises(QuotaExceeded):
        jobs.start(recording.pk)

    recording.refresh_from_db()
    assert recording.state == "ready"
    assert not Job.objects.exists()
    assert not Reservation.objects.exists()


def test_claim_is_one_workers_and_shows(waiting):
    job = take(waiting)

    waiting.refresh_from_db()
    assert jobs.claim(job.pk) is None
    assert (job.state, job.attempts, waiting.state) == ("running", 1, "processing")


def test_job_that_waits_its_time_is_not_due(waiting):
    Job.objects.update(not_before=Now() + timedelta(minutes=1))

    assert jobs.waiting() == []
    assert jobs.claim(newest(waiting).pk) is None


def test_cancelling_a_waiting_job_ends_it_here_and_now(waiting, account):
    assert jobs.cancel(newest(waiting))

    waiting.refresh_from_db()
    assert newest(waiting).state == "cancelled"
    assert newest(waiting).finished_at
    assert waiting.state == "cancelled"
    assert account().reserved == 0
    assert not waiting.files.exists()


def test_cancelling_what_has_ended_says_so(waiting):
    jobs.cancel(newest(waiting))

    assert jobs.cancel(newest(waiting)) is False


def test_cancelling_the_second_processing_restores_the_former_state(make_recording):
    recording = make_recording(warning="rough")
    before = set(recording.files.values_list("stored__file", flat=True))
    jobs.start(recording.pk)

    jobs.cancel(newest(recording))

    recording.refresh_from_db()
    assert (recording.state, recording.warning) == ("ready", "rough")
    assert set(recording.files.values_list("stored__file", flat=True)) == before


def test_cancelling_leaves_a_recording_that_was_ready_as_it_was_uploaded(make_recording):
    recording = make_recording(files=1)
    jobs.start(recording.pk)

    jobs.cancel(newest(recording))

    recording.refresh_from_db()
    assert recording.state == "ready"
    assert recording.files.get().leaves_at is None


def test_cancelling_keeps_a_held_original(waiting, owner):
    place_hold(reason="audit", by="anna", owner_id=owner.pk, recording_id=waiting.pk)

    jobs.cancel(newest(waiting))

    assert newest(waiting).state == "cancelled"
    assert waiting.files.get().kind == "original"


def test_worker_that_died_is_noticed_and_its_job_waits_again(waiting):
    job = take(waiting)
    Job.objects.update(claimed_by=gone_process(job.claimed_by))

    assert jobs.recover() == 1

    job.refresh_from_db()
    waiting.refresh_from_db()
    assert (job.state, job.attempts, job.progress, job.claim) == ("queued", 1, 0, None)
    assert job.error == "The worker stopped before it was done."
    assert waiting.state == "queued"


def gone_process(holder: str) -> str:
    """A process of this host that is no more: our own number, started at another time."""
    return holder.rpartition("/")[0] + "/1"


def test_worker_of_another_host_has_until_its_lease_ends(waiting):
    job = take(waiting)
    Job.objects.update(claimed_by=DEAD)
    assert jobs.recover() == 0

    Job.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert jobs.recover() == 1
    assert jobs.beat(job.pk, job.claim, step="trim", progress=1) is False


def test_job_whose_worker_dies_again_and_again_fails_as_the_sites_fault(waiting, settings):
    for _ in range(settings.PROCESSING_ATTEMPTS):
        take(waiting)
        Job.objects.update(lease_until=Now() - timedelta(seconds=1))
        jobs.recover()

    waiting.refresh_from_db()
    job = newest(waiting)
    assert (job.state, job.site_fault, waiting.state) == ("failed", True, "failed")
    assert waiting.files.get().leaves_at is None


def test_cancelled_job_of_a_dead_worker_ends_cancelled(waiting):
    job = take(waiting)
    jobs.cancel(job)
    Job.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert jobs.recover() == 1

    assert newest(waiting).state == "cancelled"


def test_one_job_that_cannot_be_taken_back_does_not_stop_the_others(
    waiting, make_recording, account
):
    other = make_recording(files=1, title="Other", state="failed")
    jobs.start(other.pk)
    take(waiting), take(other)
    Job.objects.update(lease_until=Now() - timedelta(seconds=1), cancel_requested_at=Now())
    # The account no longer knows of the first one's room, so giving it back breaks a constraint.
    Reservation.objects.filter(pk=newest(waiting).reservation_id).update(size=10**9)

    assert jobs.recover() == 1

    assert newest(other).state == "cancelled"
    assert newest(waiting).state == "running"


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
def test_job_that_was_taken_over_ends_nothing(waiting, end):
    job = take(waiting)
    Job.objects.update(claim=None, state="queued")

    if end == "failed":
        assert outcome.failed(job, "No.") is False
    elif end == "cancelled":
        assert outcome.cancelled(job) is False
    else:
        assert jobs.put_back(job) is False

    waiting.refresh_from_db()
    assert (newest(waiting).state, waiting.state) == ("queued", "processing")


def test_database_that_stumbles_does_not_end_the_work(waiting, monkeypatch):
    monkeypatch.setattr(watchdog, "BEAT_SECONDS", 0.0)
    job, stumbled = take(waiting), threading.Event()

    def stumble(execute, sql, params, many, context):
        if not stumbled.is_set():
            stumbled.set()
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)

    with on_new_connections(stumble), Watchdog(job).on() as watching:
        until(stumbled.is_set)
        until(lambda: newest(waiting).heartbeat_at > job.heartbeat_at)
        assert not watching.stop.is_set()


def test_step_that_begins_is_not_hidden_by_a_beat_under_way(waiting, monkeypatch):
    monkeypatch.setattr(watchdog, "BEAT_SECONDS", 0.0)
    job, held, going = take(waiting), threading.Event(), threading.Event()

    def hold(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not held.is_set():
            held.set()
            going.wait(5)
        return execute(sql, params, many, context)

    with on_new_connections(hold), Watchdog(job).on() as watching:
        until(held.is_set)
        threading.Timer(0.3, going.set).start()
        watching.enter("poster")
        until(going.is_set)

    assert newest(waiting).step == "poster"


@pytest.mark.media
def test_rule_for_cancelling_applies_to_a_first_processing_only(owner, clip):
    SourceRule.objects.filter(event="processing_succeeded").update(action="keep")
    recording = upload(owner, clip("without_sound"))
    processed(recording)
    assert again(recording) == "succeeded"
    jobs.start(recording.pk)

    jobs.cancel(newest(recording))

    assert recording.files.current().filter(kind="original").exists()


def test_restoring_undoes_only_the_stop_that_came_with_the_trash(waiting):
    job = take(waiting)
    jobs.cancel(job)

    move_to_trash([waiting.pk], by="olga")
    restore([waiting.pk])

    job.refresh_from_db()
    assert job.cancel_requested_at is not None
