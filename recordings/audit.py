"""The library's share of the audit: rows that the ledger cannot know."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef
from django.dispatch import Signal

from recordings.ledger.audit import extra_checks
from recordings.ledger.models import Reservation
from recordings.models import Job, Recording, ResumableUpload
from recordings.querysets import JobQuerySet

audited = Signal()  # an audit was made by hand: `report` is what it found


def ended_jobs_hold_nothing() -> Iterator[str]:
    """I6: room is set aside for open jobs and uploads only."""
    open_jobs: JobQuerySet = Job.objects.open().filter(reservation=OuterRef("pk"))
    uploads = ResumableUpload.objects.filter(reservation=OuterRef("pk"), finished_at=None)
    for reservation in Reservation.objects.filter(~Exists(open_jobs), ~Exists(uploads)).iterator():
        yield f"{reservation} is still set aside, though its job is over"


def states_have_their_job() -> Iterator[str]:
    """I6: a recording waits or is processed only while a job says so."""
    open_jobs = Job.objects.open().filter(recording=OuterRef("pk"))
    busy = (Recording.State.QUEUED, Recording.State.PROCESSING)
    for recording in Recording.objects.filter(~Exists(open_jobs), state__in=busy).iterator():
        yield f"recording {recording.pk} is {recording.state} without a job"


extra_checks["I6-jobs"] = ended_jobs_hold_nothing
extra_checks["I6-states"] = states_have_their_job
