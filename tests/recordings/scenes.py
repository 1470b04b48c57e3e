"""Recordings with real media, as uploads leave them, and what processing is given to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import close_old_connections, connections
from django.db.models.functions import Now

from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.storages import storage
from recordings.models import Job, Recording
from recordings.processing import jobs, work
from recordings.processing.scratch import items
from recordings.uploads.details import Details
from recordings.uploads.intake import Intake
from tests.conftest import assert_clean


def ship_rules() -> None:
    """Bring back what a migration ships; transactional tests empty the tables."""
    import_module("recordings.migrations.0003_source_rules").ship(apps, None)


def upload(owner: Any, clip: Path, **details: Any) -> Recording:
    """Take a clip in the way every upload comes in; a job waits for it then."""
    with Intake(owner, name=clip.name) as intake, clip.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            intake.write(chunk)
        return intake.finish(Details(**details))


def processed(recording: Recording) -> str:
    """Do the recording's waiting job here and now; return how it ended."""
    job = recording.open_job
    assert job, "nothing waits to be processed"
    outcome = work.carry_out(job.pk)
    recording.refresh_from_db()
    return outcome


def again(recording: Recording, **options: Any) -> str:
    jobs.start(recording.pk, options=options)
    return processed(recording)


def newest(recording: Recording) -> Job:
    return Job.objects.filter(recording=recording).latest("pk")


def files(recording: Recording) -> dict[str, str]:
    """The current files by kind, as their names in storage."""
    rows = recording.files.current().select_related("stored")
    return {row.kind: str(row.stored.file.name) for row in rows}


def read(recording: Recording, kind: str) -> bytes:
    with recording.files.current().get(kind=kind).stored.file.open("rb") as file:
        return bytes(file.read())


@contextmanager
def worker(pk: int) -> Iterator[Callable[[], str]]:
    """Process a job in a thread, as a worker does; call what is yielded to wait for its end."""
    ended: list[str] = []

    def run() -> None:
        try:
            ended.append(work.carry_out(pk))
        finally:
            connections.close_all()

    def result() -> str:
        thread.join(60)
        assert ended, "the worker did not come to an end"
        return ended[0]

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield result
    finally:
        thread.join(60)
        close_old_connections()


def until(condition: Callable[[], object], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def lapse(pk: int) -> None:
    """End the leases of a job and its files by the database's clock, as time would."""
    past = Now() - timedelta(seconds=1)
    Job.objects.filter(pk=pk).update(lease_until=past)
    StoredFile.objects.filter(state=StoredFile.State.WRITING).update(lease_until=past)


def assert_nothing_but(names: set[str]) -> None:
    """Only these files stand, the account pays for them alone, and no scratch is left."""
    purge()
    assert {entry.name for entry in storage(settings.MEDIA_STORAGE).listing()} == names
    assert list(items()) == []
    assert not Reservation.objects.exists()
    assert not StoredFile.objects.exclude(state=StoredFile.State.READY).exists()
    assert sum(StoredFile.objects.values_list("size", flat=True)) == sum(
        Account.objects.values_list("used", flat=True)
    )
    assert_clean()
