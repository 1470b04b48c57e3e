"""Jobs as rows: made, claimed, kept alive, asked to stop, taken back from the dead.

What a job does is in `work.py`, how it ends in `outcome.py`. Celery only rings: whatever task
is lost, late or doubled, the row says what is due and the claim decides who does it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from recordings.ledger import leases, reservations
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Reservation
from recordings.ledger.names import Kind
from recordings.ledger.transactions import retried
from recordings.models import Recording, RecordingFile
from recordings.processing import outcome
from recordings.processing.models import Job
from recordings.trash import locked

logger = logging.getLogger(__name__)

SOURCES = (Kind.ORIGINAL, Kind.TRIMMED, Kind.AUDIO)  # the first that stands is processed
MOST_RINGS = 10
RENDITIONS = (Kind.TRIMMED, Kind.AUDIO)


class CannotProcess(LedgerError):
    """Processing makes no sense now; says why."""


def source_of(recording: Recording) -> RecordingFile | None:
    """Return the file that processing starts from: the original, else the best that is left."""
    return recording.first_file(SOURCES)


def estimate(size: int) -> int:
    """Say how much room processing `size` bytes is given beforehand."""
    return size * int(settings.PROCESSING_RESERVE_PERCENT) // 100


def start(pk: int, *, options: dict[str, Any] | None = None, of: int | None = None) -> Job:
    """Process a recording, again or for the first time; with `of`, while it is this owner's.

    Raises CannotProcess when it is in the trash, busy, or has no media left; QuotaExceeded.
    """

    def begin() -> Job:
        with locked([pk], of=of) as found:
            if not found:
                raise CannotProcess("This recording is gone.")
            recording = found[0]
            source = refuse_pointless(recording)
            room = reservations.set_aside(
                recording.owner_id, estimate(source.stored.size), purpose=f"recording {pk}"
            )
            return enqueue(recording, reservation=room, options=options)

    return retried(begin)


def refuse_pointless(recording: Recording) -> RecordingFile:
    """Return the file to process. Raises CannotProcess with the reason where there is none."""
    if recording.trashed_at is not None:
        raise CannotProcess("This recording is in the trash: restore it first.")
    if recording.open_job is not None:
        raise CannotProcess("This recording is being processed already.")
    source = source_of(recording)
    if source is None:
        raise CannotProcess("There is no video or audio left to process.")
    return source


def has_source(recording: Recording) -> bool:
    """Tell without a query what `source_of` asks, of a recording that came `with_files()`."""
    return any(file.kind in SOURCES for file in recording.current_files)


def may_be_processed(recording: Recording) -> bool:
    """Tell without a query what `refuse_pointless` asks, of one that came `with_files()`."""
    job = recording.newest_job
    at_work = job is not None and job.state in Job.OPEN
    return recording.trashed_at is None and not at_work and has_source(recording)


def enqueue(
    recording: Recording,
    *,
    reservation: Reservation | None = None,
    options: dict[str, Any] | None = None,
) -> Job:
    """Make the job of a recording whose lock the caller holds, and ring for a worker.

    A recording that is `ready` as it was uploaded has something to go back to, as one with a
    rendition has: cancelling must not cost its original.
    """
    watchable = recording.state == Recording.State.READY
    first = not watchable and not recording.files.current().filter(kind__in=RENDITIONS).exists()
    job = Job.objects.create(
        recording=recording,
        owner_id=recording.owner_id,
        former_state="" if first else recording.state,
        first=first,
        reservation=reservation,
        options=options or {},
    )
    recording.state = Recording.State.QUEUED
    recording.save(update_fields=["state"])
    transaction.on_commit(lambda: ring(job.pk), robust=True)  # a partial has no __qualname__
    return job


def ring(pk: int, kind: str = Job.Kind.PROCESS) -> None:
    """Tell the workers of that kind; when the broker is down the tick finds the row.

    Imports that wait since before they were switched off have no workers of their own any more.
    """
    from recordings.tasks import bring_in, process

    task = bring_in if kind == Job.Kind.IMPORT and settings.IMPORT_BY_URL else process
    task.delay(pk)


def cancel(job: Job) -> bool:
    """Stop a job: a waiting one ends here, a running one within two seconds. False: too late."""
    if not job.request_cancel():
        return False
    outcome.cancelled(job, waiting=True)
    return True


def claim(pk: int) -> Job | None:
    """Take a waiting job for this process, or None when another has it or it is not due."""
    return retried(partial(_claim, pk))


def _claim(pk: int) -> Job | None:
    due = Job.objects.due().filter(pk=pk, cancel_requested_at=None)
    with transaction.atomic():
        taken = due.update(
            state=Job.State.RUNNING,
            claim=uuid4(),
            claimed_by=leases.holder(),
            lease_until=Now() + settings.PROCESSING_LEASE,
            heartbeat_at=Now(),
            started_at=Now(),
            attempts=F("attempts") + 1,
            progress=0,
            received=None,
            error="",
            log="",
        )
        if not taken:
            return None
        job = Job.objects.select_related("recording", "reservation").get(pk=pk)
        Recording.objects.filter(pk=job.recording_id or 0, state=Recording.State.QUEUED).update(
            state=Recording.State.PROCESSING
        )
        return job


def beat(
    pk: int, token: UUID | None, *, step: str, progress: int, received: int | None = None
) -> bool:
    """Say that the job is alive, and how far; False when the claim is lost."""
    mine = Job.objects.filter(pk=pk, claim=token, state=Job.State.RUNNING)
    return bool(
        mine.update(
            heartbeat_at=Now(),
            lease_until=Now() + settings.PROCESSING_LEASE,
            step=step,
            progress=progress,
            received=received,
        )
    )


def put_back(
    job: Job,
    *,
    wait: timedelta = timedelta(0),
    count: bool = True,
    error: str = "",
    log: str = "",
) -> bool:
    """Let another worker take a job we hold, after `wait`; without `count` it was no attempt.

    `error` and `log` say why; they stand until the next attempt. False when it was not ours.
    """

    def give() -> bool:
        with transaction.atomic():
            changed = Job.objects.filter(
                pk=job.pk, claim=job.claim, state=Job.State.RUNNING
            ).update(
                state=Job.State.QUEUED,
                claim=None,
                claimed_by="",
                lease_until=None,
                # A sum has more digits on SQLite, and is later there than the same millisecond.
                not_before=Now() + wait if wait else Now(),
                step="",
                progress=0,
                received=None,
                attempts=F("attempts") if count else F("attempts") - 1,
                error=error,
                log=log,
            )
            if changed:
                Recording.objects.filter(
                    pk=job.recording_id or 0, state=Recording.State.PROCESSING
                ).update(state=Recording.State.QUEUED)
            return bool(changed)

    return retried(give)


def recover() -> int:
    """Take running jobs back whose lease is over or whose process died, and end cancelled ones.

    A job that has used its attempts fails as the site's fault. Returns how many were touched.
    """
    lapsed = Q(lease_until__lt=Now())
    running = Job.objects.filter(state=Job.State.RUNNING)
    late = set(running.filter(lapsed).values_list("pk", flat=True))
    dead = [job for job in running if job.pk in late or leases.is_gone(job.claimed_by)]
    stopped = Job.objects.filter(state=Job.State.QUEUED, cancel_requested_at__isnull=False)
    count = 0
    for job in [*dead, *stopped]:
        try:
            count += _take_back(job)
        except Exception:
            logger.exception("job %s could not be taken back; the next tick tries again", job.pk)
    return count


def _take_back(job: Job) -> bool:
    if job.cancel_requested_at is not None:
        return outcome.cancelled(job, waiting=job.state == Job.State.QUEUED)
    if job.attempts >= settings.PROCESSING_ATTEMPTS:
        sentence = "The site could not finish this: its worker stopped several times."
        return outcome.failed(job, sentence, site_fault=True)
    return put_back(job, error="The worker stopped before it was done.")


def waiting(*, imports: bool = False) -> list[int]:
    """Return the jobs that are due, oldest first, as many as a tick may ring for.

    Few, since a job that waits for a busy worker is rung for again on every tick. Imports have
    workers of their own, and are listed by themselves.
    """
    due = Job.objects.due().filter(cancel_requested_at=None)
    due = due.filter(kind=Job.Kind.IMPORT) if imports else due.exclude(kind=Job.Kind.IMPORT)
    return list(due.order_by("not_before", "id").values_list("pk", flat=True)[:MOST_RINGS])
