"""Processing that does not get through: what stays, what goes, and what the owner is told."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from recordings import trash
from recordings.ledger import publish
from recordings.ledger.models import Account
from recordings.models import Job, Recording
from recordings.processing import ffmpeg, jobs, watchdog, work
from recordings.processing.steps.base import Context, Output
from tests.recordings.scenes import (
    again,
    assert_nothing_but,
    files,
    lapse,
    newest,
    processed,
    ship_rules,
    until,
    upload,
    worker,
)

pytestmark = [pytest.mark.media, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def rules(db):
    ship_rules()


class Slow:
    """A step whose ffmpeg takes as long as the recording lasts."""

    name, weight = "slow", 10

    def run(self, context: Context) -> list[Output]:
        ffmpeg.run(
            [*ffmpeg.source(context.source, "-re"), "-f", "null", "-"],
            stop=context.stop,
            timeout=context.remaining(),
        )
        return []


class Frozen:
    """A step in which the first worker to come stands still, deaf to everything, until `go`."""

    name, weight = "frozen", 10
    reached, go = threading.Event(), threading.Event()

    def run(self, context: Context) -> list[Output]:
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(60)
        return []


@pytest.fixture
def frozen(settings):
    """Freeze the first worker at the very end, when all its files are in place."""
    settings.PROCESSING_STEPS = [*settings.PROCESSING_STEPS, f"{__name__}.Frozen"]
    Frozen.reached, Frozen.go = threading.Event(), threading.Event()
    yield Frozen
    Frozen.go.set()


@pytest.fixture
def long_recording(owner, clip, settings, tmp_path):
    """A recording whose processing hangs in ffmpeg after two files are in place."""
    from tests.processing import clips

    settings.PROCESSING_STEPS = [*settings.PROCESSING_STEPS[:3], f"{__name__}.Slow"]
    short = tmp_path / "short.mp4"
    short.write_bytes(clip("video").read_bytes())
    return upload(owner, clips.repeated(short, 10))


def children_at(scratch: Path) -> list[int]:
    """The processes with a file of this folder on their command line."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                line = Path(entry.path, "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if os.fsencode(scratch) in line and b"ffmpeg" in line:
                found.append(int(entry.name))
    return found


def encoding(recording: Recording, settings) -> bool:
    return newest(recording).step == "slow" and bool(children_at(settings.SCRATCH_ROOT))


# --- media at fault


def test_cut_off_video_fails_and_waits_a_day(owner, clip):
    recording = upload(owner, clip("cut_off"))

    assert processed(recording) == "failed"

    job, original = newest(recording), recording.files.get()
    assert recording.state == Recording.State.FAILED
    assert job.error.endswith(".")
    assert (job.site_fault, job.state) == (False, "failed")
    assert original.leaves_at - job.finished_at == pytest.approx(
        timedelta(hours=24), abs=timedelta(seconds=5)
    )
    assert original.leaves_because == "source rule processing_failed"
    assert_nothing_but(set(files(recording).values()))


def test_half_a_video_without_its_index_fails_with_a_log(owner, clip):
    recording = upload(owner, clip("without_index"))

    assert processed(recording) == "failed"

    assert newest(recording).error
    assert str(recording.pk) not in newest(recording).error


def test_failed_recording_can_be_tried_again(owner, clip):
    recording = upload(owner, clip("video"), trim_start=9.0)
    processed(recording)
    assert recording.state == Recording.State.FAILED

    assert again(recording, trim_start=None, trim_end=None) == "succeeded"

    assert recording.state == Recording.State.READY
    assert "original" not in files(recording)
    assert_nothing_but(set(files(recording).values()))


# --- the site at fault


def test_quota_that_runs_out_half_way_leaves_nothing_and_starts_no_clock(owner, clip, settings):
    settings.PROCESSING_RESERVE_PERCENT = 1
    recording = upload(owner, clip("video"))
    account = Account.objects.get(owner_id=owner.pk)
    room = account.used + account.reserved + clip("video").stat().st_size + 10_000
    Account.objects.update(uses_default_limit=False, own_limit=room)

    assert processed(recording) == "failed"

    job = newest(recording)
    assert job.site_fault
    assert job.error.startswith("This needs ")
    assert recording.files.get().leaves_at is None
    assert_nothing_but(set(files(recording).values()))


def test_full_storage_is_tried_again_and_then_given_up(owner, clip, settings):
    recording = upload(owner, clip("video"))
    full = {**settings.STORAGES["disk"], "BACKEND": "tests.recordings.full_disk.FullStorage"}
    settings.STORAGES = {**settings.STORAGES, "disk": full}

    waits = []
    for _ in range(settings.PROCESSING_ATTEMPTS - 1):
        assert processed(recording) == "put back"
        job = newest(recording)
        assert (job.state, recording.state) == ("queued", "queued")
        assert job.error == "The disk is full; nothing was kept of this file."
        assert work.carry_out(job.pk) == "not ours"
        waits.append(round((job.not_before - job.heartbeat_at).total_seconds() / 60))
        Job.objects.update(not_before=Now())
    assert processed(recording) == "failed"

    job = newest(recording)
    assert waits == [1, 2]
    assert (job.attempts, job.site_fault, job.state) == (3, True, "failed")
    assert recording.files.get().leaves_at is None
    assert_nothing_but(set(files(recording).values()))


# --- stopped


def test_cancelling_ends_ffmpeg_within_two_seconds(long_recording, settings):
    job = newest(long_recording)
    with worker(job.pk) as result:
        until(lambda: encoding(long_recording, settings))
        asked = time.monotonic()
        assert jobs.cancel(job)
        assert result() == "cancelled"
        took = time.monotonic() - asked

    long_recording.refresh_from_db()
    assert took < 2
    assert children_at(settings.SCRATCH_ROOT) == []
    assert long_recording.state == Recording.State.CANCELLED
    assert newest(long_recording).state == "cancelled"
    assert_nothing_but(set())


def test_trashing_a_recording_ends_its_processing_and_keeps_the_original(long_recording, settings):
    before = set(files(long_recording).values())
    with worker(newest(long_recording).pk) as result:
        until(lambda: encoding(long_recording, settings))
        trash.move_to_trash([long_recording.pk], by="olga")
        assert result() == "cancelled"

    assert_nothing_but(before)


def test_recording_back_from_the_trash_at_once_goes_on(long_recording, settings):
    with worker(newest(long_recording).pk) as result:
        until(lambda: encoding(long_recording, settings))
        trash.move_to_trash([long_recording.pk], by="olga")
        trash.restore([long_recording.pk])
        jobs.put_back(newest(long_recording))  # so that the test need not wait for the encode
        assert result() in {"lost", "put back"}  # it may have noticed in between

    long_recording.refresh_from_db()
    assert long_recording.state == Recording.State.QUEUED
    assert newest(long_recording).cancel_requested_at is None
    assert set(files(long_recording)) == {"original"}


def test_erasing_a_recording_while_it_is_processed_leaves_nothing(long_recording, settings):
    with worker(newest(long_recording).pk) as result:
        until(lambda: encoding(long_recording, settings))
        asked = time.monotonic()
        trash.erase([long_recording.pk], by="olga")
        assert result() == "lost"
        assert time.monotonic() - asked < 2

    assert not Job.objects.exists()
    assert_nothing_but(set())


def test_worker_that_is_asked_to_end_puts_its_job_back(long_recording, settings):
    job = newest(long_recording)
    try:
        with worker(job.pk) as result:
            until(lambda: encoding(long_recording, settings))
            watchdog.shutting_down.set()
            assert result() == "put back"
        assert work.carry_out(job.pk) == "not ours"
    finally:
        watchdog.shutting_down.clear()

    job.refresh_from_db()
    assert (job.state, job.attempts, job.progress, job.step) == ("queued", 0, 0, "")
    assert job in Job.objects.due()
    assert_nothing_but_the_original(long_recording)


def assert_nothing_but_the_original(recording: Recording) -> None:
    """As `assert_nothing_but`, while a job still has room set aside."""
    jobs.cancel(newest(recording))
    recording.refresh_from_db()
    assert_nothing_but(set(files(recording).values()))


# --- taken for dead


@pytest.mark.parametrize("sleeps", [False, True], ids=["seen by its watchdog", "unseen"])
def test_worker_taken_for_dead_publishes_nothing_when_it_wakes(
    owner, clip, frozen, monkeypatch, sleeps
):
    if sleeps:
        monkeypatch.setattr(watchdog, "LOOK_SECONDS", 3600)
    recording = upload(owner, clip("video"))
    job = newest(recording)
    with worker(job.pk) as first:
        assert frozen.reached.wait(60)
        until(lambda: lapse(job.pk) or jobs.recover() == 1)
        publish.recover()
        assert processed(recording) == "succeeded"
        standing = files(recording)
        frozen.go.set()
        assert first() == "lost"

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("succeeded", 2)
    assert files(recording) == standing
    assert all("_v2" in name for kind, name in standing.items() if kind != "original")
    assert_nothing_but(set(standing.values()))


def test_last_attempt_taken_for_dead_fails_as_the_sites_fault(owner, clip, frozen, settings):
    settings.PROCESSING_ATTEMPTS = 1
    recording = upload(owner, clip("video"))
    job = newest(recording)
    with worker(job.pk) as first:
        assert frozen.reached.wait(60)
        until(lambda: lapse(job.pk) or jobs.recover() == 1)
        frozen.go.set()
        assert first() == "lost"

    job.refresh_from_db()
    recording.refresh_from_db()
    assert (job.state, job.site_fault, recording.state) == ("failed", True, "failed")
    assert recording.files.get().leaves_at is None
    assert_nothing_but(set(files(recording).values()))


def test_cancelled_at_the_last_moment_shows_nothing_new(owner, clip, frozen):
    recording = upload(owner, clip("video"))
    with worker(newest(recording).pk) as result:
        assert frozen.reached.wait(60)
        jobs.cancel(newest(recording))
        frozen.go.set()
        assert result() == "cancelled"

    assert_nothing_but(set())
