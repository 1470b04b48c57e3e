"""A cancelled import ends within two seconds, whatever its server does, and leaves nothing."""

from __future__ import annotations

import itertools
import socket
import threading
import time

import pytest

from recordings import trash
from recordings.models import Job, Recording
from recordings.processing import jobs, watchdog, work
from recordings.uploads import intake
from tests.api.conftest import HEAD, mp4
from tests.imports.server import head
from tests.recordings.scenes import assert_nothing_but, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

START = HEAD + b"\0" * 5_000_000
WITHIN = 2.0  # seconds


def cancelled_within(job, end):
    began = time.monotonic()
    assert jobs.cancel(job)
    assert end() == "cancelled"
    return time.monotonic() - began


@pytest.mark.parametrize("start", [b"", head(), head("Content-Length: 9999999") + START])
def test_cancel_does_not_wait_for_a_silent_server(server, ask, start):
    job = ask(server.does(server.falls_silent(start)))

    with worker(job.pk) as end:
        assert server.reached.wait(30)
        if len(start) > len(START):
            until(Recording.objects.exists)
        assert cancelled_within(job, end) < WITHIN

    assert_nothing_but(set())
    assert not Recording.objects.exists()


def test_cancel_stops_what_pours_in(server, ask):
    forever = itertools.repeat(bytes(1000))
    job = ask(server.does(server.pours(head() + START, forever, pause=0.001)))

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        assert cancelled_within(job, end) < WITHIN

    assert_nothing_but(set())


def test_cancel_does_not_wait_for_a_name_to_be_found(ask, server, monkeypatch):
    asked, over = threading.Event(), threading.Event()

    def lookup(*args, **kwargs):
        asked.set()
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    job = ask("http://talks.example/talk.mp4")

    with worker(job.pk) as end:
        assert asked.wait(30)
        assert cancelled_within(job, end) < WITHIN
    over.set()


def test_cancel_after_the_last_byte_keeps_nothing(server, ask, monkeypatch):
    job = ask(server.serves(mp4()))
    finish = intake.Intake.finish

    def cancel_first(self, *args, **kwargs):
        jobs.cancel(job)
        return finish(self, *args, **kwargs)

    monkeypatch.setattr(intake.Intake, "finish", cancel_first)

    assert work.carry_out(job.pk) == "cancelled"
    assert_nothing_but(set())
    assert not Recording.objects.exists()


def test_deleting_the_recording_that_comes_in_ends_its_import(server, ask):
    forever = itertools.repeat(bytes(100_000))
    job = ask(server.does(server.pours(head() + START, forever, pause=0.01)))

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        assert intake.cancel(Recording.objects.get().pk)
        assert end() == "failed"

    job.refresh_from_db()
    assert "was deleted while" in job.error
    assert_nothing_but(set())


def test_trashing_the_recording_that_comes_in_ends_its_import(server, ask):
    gate = threading.Event()

    def serve(client):
        client.sendall(head(f"Content-Length: {len(START) + 1}") + START)
        gate.wait(60)
        client.sendall(b"\0")

    job = ask(server.does(serve))

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        trash.move_to_trash([Recording.objects.get().pk], by="olga")
        gate.set()
        assert end() == "failed"

    assert "was deleted while it was being" in Job.objects.get().error
    assert_nothing_but(set())


def test_worker_that_is_asked_to_end_puts_the_import_back(server, ask, monkeypatch):
    job = ask(server.does(server.falls_silent(head("Content-Length: 9999999") + START)))
    monkeypatch.setattr(watchdog, "shutting_down", threading.Event())

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        watchdog.shutting_down.set()
        assert end() == "put back"

    job.refresh_from_db()
    assert (job.state, job.attempts, job.claim) == ("queued", 0, None)
    assert_nothing_but(set())
