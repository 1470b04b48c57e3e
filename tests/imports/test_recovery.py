"""An import whose worker is gone, or was only taken for gone, is done once."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from recordings import tasks, trash
from recordings.ledger import publish
from recordings.ledger.models import StoredFile
from recordings.ledger.publish import LEASE
from recordings.models import Job, Recording
from recordings.processing import jobs, work
from recordings.uploads import intake
from tests.api.conftest import HEAD, mp4
from tests.conftest import assert_clean
from tests.imports.server import Server, head
from tests.recordings.scenes import assert_nothing_but, lapse, newest, until, worker
from tests.site.processes import ROOT, Site, environment
from tests.site.processes import until as within

CONTENT = HEAD + b"\0" * 5_000_000
committed = pytest.mark.django_db(transaction=True)


@committed
def test_worker_that_was_taken_for_dead_brings_nothing_in(server, ask):
    first, gate = iter([True]), threading.Event()

    def serve(client):
        client.sendall(head(f"Content-Length: {len(CONTENT)}") + CONTENT[:-1])
        if next(first, False):
            gate.wait(60)
        client.sendall(CONTENT[-1:])

    job = ask(server.does(serve))
    with worker(job.pk) as end:
        until(Recording.objects.exists)
        lapse(job.pk)
        publish.recover()
        assert jobs.recover() == 1

        assert work.carry_out(job.pk) == "succeeded"
        gate.set()
        assert end() == "lost"

    recording = Job.objects.get(pk=job.pk).recording
    assert recording.files.get().stored.size == len(CONTENT)
    assert newest(recording).kind == Job.Kind.PROCESS
    assert_clean()


def sweep_half_written() -> None:
    """Do as the tick does on a machine that slept longer than a file's lease, but not a job's."""

    def taken() -> int:
        StoredFile.objects.update(lease_until=Now() - LEASE)  # the watchdog may renew it
        return publish.recover()

    until(taken)
    Recording.objects.update(created_at=Now() - 2 * LEASE)
    intake.recover()


@committed
def test_import_whose_file_was_swept_is_put_back_while_bytes_come(server, ask):
    forever = itertools.repeat(bytes(100_000))
    job = ask(server.does(server.pours(head() + CONTENT, forever, pause=0.01)))

    with worker(job.pk) as end:
        until(Recording.objects.exists)
        sweep_half_written()
        assert not Recording.objects.exists()
        assert end() == "put back"

    server.serves(CONTENT)
    assert work.carry_out(job.pk) == "succeeded"
    job.refresh_from_db()
    assert (job.attempts, job.error) == (1, "")
    assert_clean()


@committed
@pytest.mark.parametrize("moment", ["finish", "_settle"])
def test_import_whose_file_was_swept_at_its_end_is_put_back(server, ask, monkeypatch, moment):
    job = ask(server.serves(CONTENT))
    end = getattr(intake.Intake, moment)

    def sweep_first(self, *args, **kwargs):
        sweep_half_written()
        return end(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(intake.Intake, moment, sweep_first)
        assert work.carry_out(job.pk) == "put back"

    assert work.carry_out(job.pk) == "succeeded"
    assert_clean()


@committed
@pytest.mark.parametrize("moment", ["finish", "_settle"])
def test_import_that_was_trashed_is_told_as_deleted_though_its_file_was_swept(
    server, ask, monkeypatch, moment
):
    job = ask(server.serves(CONTENT))
    end = getattr(intake.Intake, moment)

    def trash_first(self, *args, **kwargs):
        trash.move_to_trash([Recording.objects.get().pk], by="olga")
        until(lambda: StoredFile.objects.update(lease_until=Now() - LEASE) and publish.recover())
        return end(self, *args, **kwargs)

    monkeypatch.setattr(intake.Intake, moment, trash_first)

    assert work.carry_out(job.pk) == "failed"

    job.refresh_from_db()
    assert "was deleted while it was being imported" in job.error
    assert_nothing_but(set())


@committed
def test_import_whose_workers_keep_dying_ends_as_the_sites_fault(ask, settings):
    job = ask("https://talks.example/talk.mp4")

    for _ in range(settings.PROCESSING_ATTEMPTS):
        assert jobs.claim(job.pk)
        lapse(job.pk)
        jobs.recover()

    job.refresh_from_db()
    assert (job.state, job.site_fault) == ("failed", True)
    assert "several times" in job.error


@committed
def test_tick_rings_for_imports_that_wait(ask, server, monkeypatch):
    rung: list[tuple[int, str]] = []
    job = ask(server.serves(mp4()))
    monkeypatch.setattr(jobs, "ring", lambda pk, kind: rung.append((pk, kind)))

    tasks.tick()

    assert rung == [(job.pk, "import")]


class Caller:
    """Somebody with a key for the API of a running site."""

    def __init__(self, site: Site) -> None:
        made = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "create_token", "admin"],
            env=environment(site.data_dir),
            capture_output=True,
            text=True,
            check=True,
        )
        self.site, self.key = site, made.stdout.split()[-1]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        client = HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        headers = {"Authorization": f"Token {self.key}", "Content-Type": "application/json"}
        client.request(method, path, json.dumps(body), headers)
        try:
            return json.loads(client.getresponse().read())
        finally:
            client.close()

    def job(self, pk: int) -> Any:
        return self.call("GET", f"/api/jobs/{pk}")


def test_site_whose_worker_is_killed_in_mid_import_begins_it_anew(
    server: Server, tmp_path: Path
) -> None:
    first = iter([True])

    def serve(client):
        if next(first, False):
            return server.falls_silent(head("Content-Length: 9000000") + CONTENT)(client)
        return client.sendall(head(f"Content-Length: {len(CONTENT)}") + CONTENT)

    url = server.does(serve)
    allowed = {"IMPORT_BY_URL": "on", "IMPORT_ALLOWED_HOSTS": f"localhost:{server.port}"}
    site = Site(tmp_path / "site", values={**allowed, "DEMO": "0"})
    try:
        caller = Caller(site.wait_until_ready().wait_for_workers())
        pk = caller.call("POST", "/api/imports", {"url": url})["id"]
        incoming = site.data_dir / "media" / ".incoming"
        assert within(lambda: list(incoming.glob("*.part")))
        os.kill(next(filter(is_importer, site.members())), signal.SIGKILL)

        assert within(lambda: caller.job(pk)["state"] == "succeeded"), caller.job(pk)

        assert len(server.requests) == 2
        assert within(lambda: not list(incoming.glob("*.part")))
        assert audited(site)
    finally:
        site.end()


def is_importer(pid: int) -> bool:
    return b"imports@" in Path(f"/proc/{pid}/cmdline").read_bytes()


def audited(site: Site) -> bool:
    command = [sys.executable, str(ROOT / "manage.py"), "audit", "--json", "--hash"]
    done = subprocess.run(
        command, env=environment(site.data_dir), capture_output=True, text=True, check=False
    )
    return bool(json.loads(done.stdout)["ok"])
